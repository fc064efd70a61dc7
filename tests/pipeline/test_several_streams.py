"""Files with several video streams, from end to end: what is taken in, what is left out, and what segments name."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cliptrace.pipelines import cli
from cliptrace.schemas.config import Limits
from cliptrace.schemas.errors import MediaError
from cliptrace.schemas.records import VideoInfo
from cliptrace.transforms.media.probe import probe
from cliptrace.transforms.store.gallery import read_videos
from tests.pipeline.gallery_reading import load, without_columns

CLIPS = Path(__file__).parents[1] / "data" / "clips"
SHORT = ("-vf", "scale=320:180,setsar=1,fps=25", "-t", 6)


def run(capsys: pytest.CaptureFixture[str], *arguments: object) -> str:
    assert cli.main([str(argument) for argument in arguments]) == 0
    return capsys.readouterr().err


def stored(gallery: Path) -> dict[str, tuple[int, ...]]:
    """Streams of the videos of a gallery, by id."""
    return {video_id: video.streams for video_id, video in read_videos(load(gallery)).items()}


def keyframes(text: str) -> int:
    return int(next(line for line in text.splitlines() if line.startswith("keyframes:")).split()[1])


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory, ffmpeg: Callable[..., None]) -> Path:
    """A dash camera's file of two streams, a file of one, and a small copy of the dash camera's second stream."""
    folder = tmp_path_factory.mktemp("streams")
    two = ("-i", CLIPS / "coffee.mp4", "-i", CLIPS / "street.mp4", "-map", "0:v", "-map", "1:v")
    (folder / "lib").mkdir()
    ffmpeg(*two, *SHORT, folder / "lib" / "dashcam.mp4")
    ffmpeg("-i", CLIPS / "bottles.mp4", *SHORT, folder / "lib" / "one.mp4")
    ffmpeg("-i", CLIPS / "street.mp4", "-vf", "scale=240:136,setsar=1,fps=25", "-t", 5, folder / "rear.mp4")
    return folder


def test_other_streams_are_told_and_taken_in_when_asked_for(
    files: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    gallery, output = tmp_path / "g", tmp_path / "o.jsonl"
    first = run(capsys, "index", files / "lib", "--gallery", gallery)
    assert "other video streams, left out: those of 1 (dashcam.mp4); take them in with --streams all\n" in first
    assert stored(gallery) == {"dashcam.mp4": (0, 1), "one.mp4": ()}

    rows = matched(capsys, files / "rear.mp4", gallery, output)
    assert rows == []

    second = run(capsys, "index", files / "lib", "--gallery", gallery, "--streams", "all")
    assert "left out" not in second
    assert stored(gallery) == {"dashcam.mp4": (0, 1), "dashcam.mp4#1": (1, 0), "one.mp4": ()}
    assert keyframes(run(capsys, "index", files / "lib", "--gallery", gallery, "--streams", "all")) == 0
    assert keyframes(run(capsys, "index", files / "lib", "--gallery", gallery)) == 0

    assert cli.main(["gallery", "show", "--gallery", str(gallery), "dashcam.mp4#1"]) == 0
    assert "video stream: 1, beside 0\n" in without_columns(capsys.readouterr().out)

    (row,) = matched(capsys, files / "rear.mp4", gallery, output)
    assert (row["ref_id"], row["ref_uri"]) == ("dashcam.mp4#1", str(files / "lib" / "dashcam.mp4"))
    assert row["segments"][0]["ref_stream"] == 1
    assert "query_stream" not in row["segments"][0]

    run(capsys, "gallery", "reindex", "--gallery", gallery, "--keyframes", "uniform:1")
    assert stored(gallery) == {"dashcam.mp4": (0, 1), "dashcam.mp4#1": (1, 0), "one.mp4": ()}
    (row,) = matched(capsys, files / "rear.mp4", gallery, output)
    assert row["ref_id"] == "dashcam.mp4#1"


def test_a_query_of_two_streams(files: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    gallery, output = tmp_path / "g", tmp_path / "o.jsonl"
    run(capsys, "index", files / "rear.mp4", "--gallery", gallery, "--keyframes", "uniform:2")
    query = files / "lib" / "dashcam.mp4"
    told = run(capsys, "match", query, "--gallery", gallery, "--output", output)
    assert "other video streams, left out: those of 1 (dashcam.mp4); take them in with --streams all\n" in told
    assert output.read_text() == ""
    told = run(capsys, "match", query, "--gallery", gallery, "--output", output, "--streams", "all")
    assert "left out" not in told
    assert "queries without a match: 1 (dashcam.mp4)\n" in told
    (row,) = (json.loads(line) for line in output.read_text().splitlines())
    assert (row["query_id"], row["segments"][0]["query_stream"]) == ("dashcam.mp4#1", 1)


def test_a_further_stream_without_a_match_is_asked_for_again(
    files: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    gallery, output, names = tmp_path / "g", tmp_path / "o.jsonl", tmp_path / "none.jsonl"
    query = files / "lib" / "dashcam.mp4"
    run(capsys, "index", files / "lib" / "one.mp4", "--gallery", gallery)
    run(capsys, "match", query, "--gallery", gallery, "--output", output, "--streams", "all", "--unmatched", names)
    rows = [json.loads(line) for line in names.read_text().splitlines()]
    assert rows == [
        {"id": "dashcam.mp4", "uri": str(query)},
        {"id": "dashcam.mp4#1", "uri": str(query), "video_stream": 1},
    ]
    run(capsys, "index", query, "--gallery", gallery)
    names.write_text(json.dumps(rows[1]))
    run(capsys, "match", names, "--gallery", gallery, "--output", output)
    assert output.read_text() == ""
    run(capsys, "index", query, "--gallery", gallery, "--streams", "all")
    (row,) = matched(capsys, names, gallery, output)
    assert (row["query_id"], row["ref_id"], row["exact"]) == ("dashcam.mp4#1", "dashcam.mp4#1", True)
    assert row["segments"][0]["query_stream"] == 1


def test_all_streams_of_a_new_file_at_once(files: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    gallery, output = tmp_path / "g", tmp_path / "o.jsonl"
    run(capsys, "index", files / "lib", "--gallery", gallery, "--streams", "all")
    assert set(stored(gallery)) == {"dashcam.mp4", "dashcam.mp4#1", "one.mp4"}
    (row,) = matched(capsys, files / "lib" / "dashcam.mp4", gallery, output)
    assert (row["ref_id"], row["exact"]) == ("dashcam.mp4", True)


def test_what_is_wrong_with_another_stream_is_its_own_dead_letter(
    files: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refusing(path: str, limits: Limits, stream: int | None = None) -> VideoInfo:
        if stream == 1:
            raise MediaError("video stream (h264) has no readable size")
        return probe(path, limits, stream)

    monkeypatch.setattr("cliptrace.transforms.features.probe", refusing)
    gallery = tmp_path / "g"
    assert cli.main(["index", str(files / "lib" / "dashcam.mp4"), "--gallery", str(gallery), "--streams", "all"]) == 3
    capsys.readouterr()
    assert set(stored(gallery)) == {"dashcam.mp4"}
    (letter,) = (json.loads(path.read_text()) for path in gallery.glob("failures/run=*/*.jsonl"))
    assert (letter["video_id"], letter["stage"], letter["message"]) == (
        "dashcam.mp4#1", "probe", "video stream (h264) has no readable size"
    )  # fmt: skip
    monkeypatch.undo()
    again = run(
        capsys, "index", files / "lib" / "dashcam.mp4", "--gallery", gallery, "--streams", "all", "--retry-failed"
    )
    assert "unchanged, skipped: 1\n" in without_columns(again)
    assert set(stored(gallery)) == {"dashcam.mp4", "dashcam.mp4#1"}


def test_the_streams_of_a_file_that_has_changed_go(
    files: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    gallery, file = tmp_path / "g", tmp_path / "dashcam.mp4"
    file.write_bytes((files / "lib" / "dashcam.mp4").read_bytes())
    run(capsys, "index", file, "--gallery", gallery, "--streams", "all")
    file.touch()
    for _ in range(2):
        told = run(capsys, "index", file, "--gallery", gallery, "--streams", "all")
        assert "unchanged, skipped: 2\n" in without_columns(told)
        assert keyframes(told) == 0

    file.write_bytes((files / "rear.mp4").read_bytes())
    told = run(capsys, "index", file, "--gallery", gallery, "--streams", "all")
    assert "streams of changed files, taken out: 1 (dashcam.mp4#1)\n" in without_columns(told)
    assert stored(gallery) == {"dashcam.mp4": ()}
    capsys.readouterr()
    assert cli.main(["gallery", "verify", "--gallery", str(gallery)]) == 0

    file.write_bytes((files / "lib" / "dashcam.mp4").read_bytes())
    told = run(capsys, "index", file, "--gallery", gallery, "--streams", "all")
    assert "taken out" not in told
    assert stored(gallery) == {"dashcam.mp4": (0, 1), "dashcam.mp4#1": (1, 0)}


def matched(capsys: pytest.CaptureFixture[str], query: Path, gallery: Path, output: Path) -> list[dict[str, Any]]:
    run(capsys, "match", query, "--gallery", gallery, "--output", output, "--min-score", "0.5")
    return [json.loads(line) for line in output.read_text().splitlines()]
