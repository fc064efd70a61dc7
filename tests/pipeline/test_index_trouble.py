"""cliptrace index after a kill, with long videos, and against what may go wrong."""

from __future__ import annotations

import contextlib
import errno
import os
import pickle
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import apache_beam as beam
import pytest
from apache_beam.runners.portability.fn_api_runner import FnApiRunner

from cliptrace.models.backbones.registry import load_config
from cliptrace.pipelines import cli
from cliptrace.schemas.config import KeyframeConfig, Limits
from cliptrace.schemas.records import FrameFeatures, VideoSource
from cliptrace.transforms.features import ExtractFeatures, FeatureConfig
from cliptrace.transforms.store import files, ledger
from tests.pipeline.gallery_reading import index, stored, without_columns

CLIPS = Path(__file__).parents[1] / "data" / "clips"

# Killed and stopped runs

DRIVER = """
import faulthandler, signal, sys
faulthandler.register(signal.SIGUSR1)
signal.signal(signal.SIGINT, signal.default_int_handler)  # a suite in the background of a shell ignores it
import cliptrace.pipelines.running
cliptrace.pipelines.running._LOCAL_WAVE = (1, 1 << 40)
from cliptrace.pipelines.cli import program
program()  # as people run it: it does not wait for threads that an interrupt has left
"""


def start(source: Path, root: Path, threads: int = 1) -> subprocess.Popen[str]:
    """The real program with waves of one video, returned when its first video is in the ledger."""
    command = [sys.executable, "-c", DRIVER, "index", str(source), "--gallery", str(root), "--threads", str(threads)]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, start_new_session=True)
    for _ in range(1200):
        if process.poll() is not None or list(root.glob("ledger/run=*/[!.]*.parquet")):
            break
        time.sleep(0.05)
    assert process.poll() is None, process.communicate()
    return process


def end_of(process: subprocess.Popen[str]) -> str:
    """What it wrote; where it does not end, with the stacks of its threads."""
    try:
        return process.communicate(timeout=60)[1]
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGUSR1)
        time.sleep(2)
        os.killpg(process.pid, signal.SIGKILL)
        pytest.fail(f"still there after 60 s:\n{process.communicate()[1]}")


def decoding(process: subprocess.Popen[str]) -> bool:
    """Whether a process of ffmpeg runs for it."""
    assert process.poll() is None, process.communicate()
    with contextlib.suppress(OSError):  # one may end while it is looked at
        children = [path.read_text().split() for path in Path(f"/proc/{process.pid}/task").glob("*/children")]
        return any(Path(f"/proc/{pid}/comm").read_text() == "ffmpeg\n" for pids in children for pid in pids)
    return False


@pytest.fixture
def many(tmp_path: Path) -> Path:
    folder = tmp_path / "many"
    folder.mkdir()
    for name in ("coffee.mp4", "juggling.mp4", "street.mp4", "cars.mp4"):
        shutil.copy(CLIPS / name, folder)
    return folder


def test_a_killed_run_goes_on(many: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    root = tmp_path / "gallery"
    process = start(many, root)
    time.sleep(0.5)
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate(timeout=20)
    done = {attempt.video_id for attempt in ledger.read_attempts(str(root))}
    assert 1 <= len(done) < 4
    # Shards of a commit that was cut off between Parquet and the ledger.
    (shard, *_) = root.glob("frames/run=*/*.parquet")
    shutil.copy(shard, shard.with_name("part-orphan.parquet"))
    code, text = index(capsys, many, "--gallery", root)
    assert code == 0, text
    assert f"unchanged, skipped: {len(done)}\n" in without_columns(text)
    assert set(stored(root)) == {path.name for path in many.iterdir()}
    attempts = ledger.read_attempts(str(root))
    assert sorted(attempt.video_id for attempt in attempts) == sorted(path.name for path in many.iterdir())


def test_an_interrupted_run_says_how_to_go_on(many: Path, tmp_path: Path) -> None:
    process = start(many, tmp_path / "gallery")
    began = time.monotonic()
    process.send_signal(signal.SIGINT)
    text = end_of(process)
    assert process.returncode == 1
    assert text.endswith("cliptrace: stopped; run the same command again to go on\n")
    assert "Traceback" not in text
    assert time.monotonic() - began < 20
    assert len(ledger.read_attempts(str(tmp_path / "gallery"))) < 4


@pytest.mark.parametrize("threads", [1, 2])
def test_an_interrupt_while_a_video_decodes_is_told_in_one_line(
    tmp_path: Path, ffmpeg: Callable[..., None], threads: int
) -> None:
    """As a terminal does it: ffmpeg gets the signal, too."""
    folder, root = tmp_path / "videos", tmp_path / "gallery"
    folder.mkdir()
    shutil.copy(CLIPS / "cars.mp4", folder / "a.mp4")
    ffmpeg("-f", "lavfi", "-i", "testsrc2=size=640x480:rate=25:duration=90", "-preset", "ultrafast", folder / "b.mp4")
    process = start(folder, root, threads)
    while not decoding(process):
        time.sleep(0.05)
    os.killpg(process.pid, signal.SIGINT)
    text = end_of(process)
    assert process.returncode == 1
    assert text.endswith("cliptrace: stopped; run the same command again to go on\n")
    assert "Traceback" not in text
    assert [attempt.video_id for attempt in ledger.read_attempts(str(root))] == ["a.mp4"]


# Long videos


def test_a_video_cut_into_ranges_equals_the_uncut_one(tmp_path: Path, ffmpeg: Callable[..., None]) -> None:
    clip = tmp_path / "long.mp4"
    ffmpeg(
        "-f", "lavfi", "-i", "testsrc2=size=64x48:rate=10:duration=200", "-preset", "veryfast", "-g", "70",
        "-pix_fmt", "yuv420p", clip,
    )  # fmt: skip
    uncut, cut = (extract(clip, range_s) for range_s in (360.0, 72.0))
    assert len(uncut.times) == 100
    assert (uncut.decoded_s, uncut.warning) == (200.0, "")
    for name in ("times", "scores", "embeddings"):
        assert getattr(cut, name).tobytes() == getattr(uncut, name).tobytes()
    assert (cut.info, cut.decoded_s, cut.warning) == (uncut.info, uncut.decoded_s, uncut.warning)


def extract(clip: Path, range_s: float) -> FrameFeatures:
    path = clip.with_suffix(f".{range_s}.pickle")
    config = FeatureConfig(
        load_config("efficientnet_lite0"), KeyframeConfig(per_second=0.5), limits=Limits(range_s=range_s), threads=2
    )
    with beam.Pipeline(FnApiRunner()) as pipeline:
        results = pipeline | beam.Create([VideoSource("v", str(clip))]) | ExtractFeatures(config)
        results.good | beam.Map(lambda features: path.write_bytes(pickle.dumps(features)))
    features: FrameFeatures = pickle.loads(path.read_bytes())
    return features


# What may go wrong


def test_without_ffmpeg_nothing_is_marked_as_failed(
    tmp_path: Path, videos: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    code, text = index(capsys, videos, "--gallery", tmp_path / "g")
    assert (code, text) == (1, "cliptrace: error: ffmpeg is not installed: apt-get install ffmpeg\n")
    assert ledger.read_attempts(str(tmp_path / "g")) == []


def test_a_full_disk_ends_the_run_and_the_next_goes_on(
    tmp_path: Path, videos: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    create = files.FileSystems.create

    def full(path: str, **options: Any) -> Any:
        if "/videos/run=" in path:
            raise OSError(errno.ENOSPC, "No space left on device", path)
        return create(path, **options)

    monkeypatch.setattr(files.FileSystems, "create", full)
    root = tmp_path / "g"
    code, text = index(capsys, videos / "sub", "--gallery", root)
    assert code == 1
    assert re.fullmatch(
        rf"cliptrace: error: {root}/videos/run=\S+\.parquet: cannot be written: No space left on device\n", text
    )
    assert ledger.read_attempts(str(root)) == []
    monkeypatch.undo()
    code, text = index(capsys, videos / "sub", "--gallery", root)
    assert code == 0
    assert set(stored(root)) == {"cars.mp4"}


def test_a_gallery_that_cannot_be_written(videos: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, text = index(capsys, videos, "--gallery", videos / "bottles.mp4")
    assert code == 1
    assert text == f"cliptrace: error: {videos}/bottles.mp4: cannot be locked: File exists\n"


def test_a_filesystem_that_is_not_installed(videos: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, text = index(capsys, videos, "--gallery", "nope://bucket/g")
    assert code == 1
    assert text.startswith("cliptrace: error: nope://bucket/g: cannot be used: no filesystem is known for nope://")


def test_sources_that_do_not_exist_make_no_gallery(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, text = index(capsys, tmp_path / "nothing", "--gallery", tmp_path / "g")
    assert (code, text) == (2, f"cliptrace: error: {tmp_path}/nothing: no such file or folder\n")
    assert list(tmp_path.iterdir()) == []


def test_a_folder_without_videos_makes_no_gallery(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "empty").mkdir()
    code, text = index(capsys, tmp_path / "empty", "--gallery", tmp_path / "g")
    assert (code, text) == (2, f"cliptrace: error: no video found in {tmp_path}/empty\n")
    assert not (tmp_path / "g").exists()


def test_an_empty_gallery_matches_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "broken.mp4").write_text("this is no video")
    code, text = index(capsys, tmp_path / "broken.mp4", "--gallery", tmp_path / "g")
    assert code == 3
    assert "(0 videos)" in text
    output = tmp_path / "m.jsonl"
    code = cli.main(["match", str(CLIPS / "cars.mp4"), "--gallery", str(tmp_path / "g"), "--output", str(output)])
    assert code == 0
    assert output.read_bytes() == b""
    assert "queries without a match: 1 (cars.mp4)\n" in capsys.readouterr().err


def test_odd_ids_and_a_gallery_among_its_sources(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "clips [1]"
    folder.mkdir()
    names = ["new\nline 'n' \"q\".mp4", "-dash.mp4", "[x].mp4", os.fsdecode(b"latin\xe9.mp4")]
    for name in names:
        shutil.copy(CLIPS / "coffee.mp4", folder / name)
    code, _ = index(capsys, folder, "--gallery", folder / "g")
    assert code == 3
    assert set(stored(folder / "g")) == set(names[:3])
    (letter,) = (a for a in ledger.read_attempts(str(folder / "g")) if a.status == "failed")
    assert (letter.video_id, letter.message) == ("latin\\udce9.mp4", "file name is not UTF-8: rename the file")
    code, text = index(capsys, folder, "--gallery", folder / "g")
    assert code == 0
    assert "unchanged, skipped: 3\n" in without_columns(text)
