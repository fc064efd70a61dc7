"""A real Flink cluster: workers with the wheel alone make the same gallery, and jobs survive the death of processes."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from cliptrace.deploy.flink import cluster
from cliptrace.deploy.flink.configuration import Shape
from cliptrace.deploy.milvus import standalone
from tests.pipeline.gallery_reading import frames, index, stored

CLIPS = Path(__file__).parents[1] / "data" / "clips"
INSTALLED = """
import importlib.metadata, json, cliptrace.pipelines.cli
print(json.dumps([cliptrace.pipelines.cli.__file__, *(each.name for each in importlib.metadata.distributions())]))
"""
COUNTING = Path(__file__).with_name("counting_job.py")

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not (shutil.which("java") and shutil.which("mvn")), reason="Flink needs java and mvn"),
]


@pytest.fixture(scope="module")
def flink(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The data folder of a cluster that runs."""
    data = tmp_path_factory.mktemp("flink")
    cluster.start(data, Shape())
    try:
        yield data
    finally:
        assert cluster.stop(data)
        assert cluster.status(data) is None


def running(data: Path) -> dict[str, Any]:
    found = cluster.status(data)
    assert found is not None
    return found


def eventually(what: Callable[[], Any], within_s: float = 240.0) -> None:
    deadline = time.monotonic() + within_s
    while not what():
        assert time.monotonic() < deadline
        time.sleep(0.2)


def test_workers_have_the_wheel_and_what_it_needs(flink: Path, tmp_path: Path) -> None:
    python = flink / "workers" / "bin" / "python"
    environment = os.environ | {"PYTHONPATH": ""}
    done = subprocess.run([python, "-c", INSTALLED], cwd=tmp_path, env=environment, capture_output=True, check=True)
    place, *names = json.loads(done.stdout)
    assert Path(place).is_relative_to(flink / "workers" / "lib")
    assert "cliptrace" in names
    assert not {"torch", "pytest", "milvus"} & set(names)


def test_a_cluster_makes_the_gallery_that_this_process_makes(
    flink: Path, milvus: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    videos = tmp_path / "videos"
    videos.mkdir()
    for name in ("bottles.mp4", "cars.mp4"):
        shutil.copy(CLIPS / name, videos)
    (videos / "broken.mp4").write_text("this is no video")
    server = standalone.status(milvus)
    assert server is not None
    code, text = index(capsys, videos, "--gallery", tmp_path / "own")
    assert code == 3, text
    flags = cluster.beam_flags(running(flink))
    code, text = index(capsys, videos, "--gallery", tmp_path / "gallery", "--milvus", server.uri, "--", *flags)
    assert code == 3, text
    assert frames(tmp_path / "gallery") == frames(tmp_path / "own")
    assert stored(tmp_path / "gallery") == stored(tmp_path / "own")
    assert re.search(rf"^keyframes: +{len(frames(tmp_path / 'own'))}$", text, re.MULTILINE)
    assert [job["state"] for job in cluster.jobs(running(flink))] == ["FINISHED"]


def test_a_streaming_job_keeps_its_state_when_its_processes_are_killed(flink: Path, tmp_path: Path) -> None:
    """kill -9 of the task manager, then of the worker pool: the count goes on where the last checkpoint left it."""
    output = tmp_path / "counts"
    flags = cluster.beam_flags(running(flink), checkpoint_every_s=1.0)
    job = subprocess.Popen([sys.executable, COUNTING, output, *flags], stderr=subprocess.DEVNULL)

    def counts() -> list[int]:
        return [int(line) for line in output.read_text().split()] if output.exists() else []

    def of_job(what: str) -> int:
        return int(cluster.jobs(running(flink))[-1][what])

    try:
        eventually(lambda: len(counts()) > 5 and of_job("checkpoints") > 2)
        for name in ("task-manager-1", "worker-pool"):
            process, restarts = running(flink)["processes"][name], of_job("restarts")
            before = counts()[-1]
            os.kill(process["pid"], signal.SIGKILL)
            eventually(lambda restarts=restarts: of_job("restarts") > restarts)  # type: ignore[misc]
            eventually(lambda before=before: counts()[-1] > before + 5)  # type: ignore[misc]
            assert running(flink)["processes"][name]["restarts"] == process["restarts"] + 1
        assert job.poll() is None
    finally:
        job.kill()
        job.wait()
    seen = counts()
    assert sorted(set(seen)) == list(range(1, max(seen) + 1))  # none is left out; some come twice
    assert seen.count(1) == 1
