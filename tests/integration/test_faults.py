"""The parts of the faults bench, small: faults, each once; searches while videos are written or removed."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from benchmarks.faults import takedown
from benchmarks.faults.disks import disk_full, read_only
from benchmarks.faults.runs import Bench, killed, make_videos
from benchmarks.faults.search import search_while_indexing


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
@pytest.mark.parametrize("server", [False, True])
def test_a_read_only_folder_is_told_and_the_run_completed(bench: Bench, server: bool) -> None:
    outcome = read_only(bench, server)
    if outcome is None:
        pytest.skip("nothing can be mounted here, and permissions do not hold root back")
    assert outcome["wrong"] == []
    assert outcome["exit_code"] == 1
    assert outcome["error"].startswith("cliptrace: error: ")
    assert outcome["error"].endswith(
        {"mount": "Read-only file system", "permissions": "Permission denied"}[outcome["way"]]
    )


@pytest.mark.slow
def test_no_answer_names_a_video_after_its_removal(bench: Bench) -> None:
    found = takedown.take_down(bench.root / "takedown", bench.uri, bench.videos, queries=10)
    assert takedown.broken_rules(found, 10) == []


@pytest.mark.slow
def test_searches_while_another_process_writes(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CLIPTRACE_FOOTAGE", raising=False)  # of the shipped clips
    found = search_while_indexing(bench.root / "searched", bench.uri, keyframes=1000, queries=20, seed=1)
    assert found["still_writing_at_the_last_query"]
    assert found["writer_exit_code"] == 0
    assert found["keyframes_written_during_queries"] >= 1000
    assert found["queries"] >= 20
    for name in ("alone", "while_indexing"):
        assert (found[name]["failed"], found[name]["partial"]) == (0, 0)
