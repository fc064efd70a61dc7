"""--keyframes express: galleries of the key frames that files have anyway."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest

from cliptrace.pipelines import cli
from cliptrace.transforms.store.gallery import FrameReader, Gallery, read_videos
from tests.encoding import ffmpeg

CLIPS = Path(__file__).parents[1] / "data" / "clips"


def run(*arguments: str | Path) -> int:
    return cli.main([str(each) for each in arguments])


def recoded(clip: str, path: Path, *options: str) -> Path:
    ffmpeg("-i", CLIPS / clip, "-an", *options, "-c:v", "libx264", path)
    return path


def test_key_frames_alone_are_stored_and_copies_are_found_by_them(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "videos"
    folder.mkdir()
    for clip in ("baseball.mp4", "cars.mp4"):  # a key frame a second
        recoded(clip, folder / clip, "-r", "24", "-g", "24", "-keyint_min", "24", "-sc_threshold", "0")
    gallery, output = tmp_path / "gallery", tmp_path / "matches.jsonl"
    assert run("index", folder, "--gallery", gallery, "--keyframes", "express") == 0
    assert not re.search("partly decoded", capsys.readouterr().err)
    found = Gallery.load(str(gallery))
    assert found
    reader = FrameReader(found)
    for video in read_videos(found).values():
        times = reader.read(video)[0]
        np.testing.assert_array_equal(times, np.arange(len(times)))
        assert abs(video.decoded_s - len(times)) <= 1
    query = recoded("baseball.mp4", tmp_path / "query.mp4", "-ss", "2", "-t", "6")
    assert run("match", query, "--gallery", gallery, "--output", output) == 0
    (match,) = map(json.loads, output.read_text().splitlines())
    (segment,) = match["segments"]
    assert match["ref_id"] == "baseball.mp4"
    assert [segment["ref_start"], segment["ref_end"]] == pytest.approx([2, 8], abs=1)


def test_moments_need_all_frames(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    options = ("--gallery", tmp_path / "gallery", "--keyframes", "express", "--moments", "lite0_motion")
    assert run("index", CLIPS, *options) == 2
    assert capsys.readouterr().err == (
        "cliptrace: error: --keyframes express: decodes no frames from which clip features (lite0_motion) could be "
        "computed: choose other keyframes, or a gallery without moments\n"
    )
    assert not (tmp_path / "gallery").exists()
