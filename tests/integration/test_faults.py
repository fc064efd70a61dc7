"""The faults of the bench, each once: afterwards every video is there exactly once in both stores."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from benchmarks.fault_runs import Bench, disk_full, killed, make_videos, read_only


@pytest.fixture(scope="module")
def bench(milvus: Path, tmp_path_factory: pytest.TempPathFactory) -> Bench:
    root = tmp_path_factory.mktemp("faults")
    wanted = make_videos(root / "videos")
    made = Bench(root, root / "videos", wanted, milvus, random.Random(3))
    made.measure_undisturbed()
    return made


@pytest.mark.slow
@pytest.mark.parametrize("server", [False, True])
def test_a_killed_run_is_completed(bench: Bench, server: bool) -> None:
    outcome = killed(bench, server)
    assert outcome["wrong"] == []
    assert outcome["exit_code"] == -9


@pytest.mark.slow
def test_a_full_disk_is_told_and_the_run_completed(bench: Bench) -> None:
    outcome = disk_full(bench, 0.3)
    assert outcome["wrong"] == []
    assert outcome["exit_code"] == 1
    assert outcome["error"].startswith("cliptrace: error: ")


@pytest.mark.slow
def test_a_read_only_folder_is_told_and_the_run_completed(bench: Bench) -> None:
    outcome = read_only(bench)
    if outcome is None:
        pytest.skip("nothing can be mounted here, and permissions do not hold root back")
    assert outcome["wrong"] == []
    assert outcome["exit_code"] == 0 or outcome["error"].endswith("cannot be written: Read-only file system")
