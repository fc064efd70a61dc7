"""cliptrace dedup as it runs for days: on Prism, files coming in any state, and a stop with Ctrl-C."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks.dedup.jobs import Job, running, standing
from cliptrace.pipelines.prism import find_prism
from cliptrace.schemas.errors import CliptraceError
from tests.encoding import ffmpeg

CLIPS = Path(__file__).parents[1] / "data" / "clips"


@pytest.fixture
def job(tmp_path: Path) -> Iterator[Job]:
    try:
        find_prism()
    except CliptraceError as error:
        pytest.skip(str(error))
    with running(tmp_path, options=("--poll", "0.5")) as started:
        yield started


def edited(name: str, target: Path) -> Path:
    ffmpeg("-i", CLIPS / f"{name}.mp4", "-vf", "scale=240:-2", target)
    return target


def test_uploads_are_judged_while_it_runs(job: Job, tmp_path: Path) -> None:
    copies = [shutil.copy(CLIPS / "juggling.mp4", tmp_path / f"same-{number}.mp4") for number in range(6)]
    job.drop([Path(copy) for copy in copies])
    (job.watched / "empty.mp4").write_bytes(b"")
    growing = job.watched / "growing.mp4"
    data = (CLIPS / "coffee.mp4").read_bytes()
    with growing.open("wb") as file:
        for start in range(0, len(data), len(data) // 8):
            file.write(data[start : start + len(data) // 8])
            file.flush()
            time.sleep(0.2)
    (job.watched / "gone.mp4").write_bytes(data)
    (job.watched / "gone.mp4").unlink()
    with (job.watched / "huge.mp4").open("wb") as file:
        file.truncate(300 << 30)
    first = {*(Path(copy).name for copy in copies), "empty.mp4", "growing.mp4", "huge.mp4"}
    assert job.wait_for(first, 120)
    late = Path(shutil.copy(CLIPS / "juggling.mp4", tmp_path / "late.mp4"))
    job.drop([edited("juggling", tmp_path / "small.mp4"), late])
    assert job.wait_for({"small.mp4", "late.mp4"}, 60)

    final = standing(job.events())
    (canonical,) = {final[video] for video in final if video not in ("growing.mp4",)}
    assert final[canonical] == canonical
    assert final["growing.mp4"] == "growing.mp4"
    assert set(final) == first - {"empty.mp4", "huge.mp4"} | {"small.mp4", "late.mp4"}
    failures = {event["video_id"]: event["message"] for event in job.events("failures")}
    assert failures["empty.mp4"] == "file is empty (0 bytes)"
    assert failures["huge.mp4"].startswith("file is too big: ")
    assert failures.keys() <= {"empty.mp4", "huge.mp4", "growing.mp4", "gone.mp4"}


def test_it_is_stopped_with_an_interrupt_and_goes_on(job: Job, tmp_path: Path) -> None:
    job.drop([Path(shutil.copy(CLIPS / "coffee.mp4", tmp_path / "a.mp4"))])
    assert job.wait_for({"a.mp4"}, 90)
    job.process.send_signal(2)
    assert job.process.wait(60) == 0
    told = job.log.read_text()
    assert "Traceback" not in told
    assert "canonical:      1\n" in told

    job.drop([Path(shutil.copy(CLIPS / "coffee.mp4", tmp_path / "b.mp4"))])
    command = [*job.process.args, "--once"]  # type: ignore[misc]
    again = subprocess.run(command, check=True, timeout=120, capture_output=True, text=True, env=os.environ)
    assert "duplicates:     1\n" in again.stderr
    assert standing(job.events()) == {"a.mp4": "a.mp4", "b.mp4": "a.mp4"}
