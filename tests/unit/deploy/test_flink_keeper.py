"""The keeper of a cluster's processes, with processes that only wait; and the command where no cluster runs."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path
from threading import Event, Thread
from typing import Any

import pytest

from cliptrace.deploy.flink import cluster
from cliptrace.deploy.flink.keeper import Keeper

WAITS = ["sh", "-c", "sleep 600 & wait"]


def eventually(what: Callable[[], Any]) -> None:
    deadline = time.monotonic() + 30
    while not what():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def planned(data: Path, **commands: list[str]) -> Keeper:
    (data / "logs").mkdir()
    processes = {name: {"command": command, "environment": {}} for name, command in commands.items()}
    (data / "plan.json").write_text(json.dumps({"addresses": {"flink": "localhost:1"}, "processes": processes}))
    return Keeper(data)


def processes(data: Path) -> dict[str, dict[str, int]]:
    try:
        found: dict[str, dict[str, int]] = json.loads((data / "cluster.json").read_text())["processes"]
    except FileNotFoundError:
        return {}
    return found


def in_session(pid: int) -> int:
    """How many processes run in the session of a process; not those that are dead, and nobody has asked for yet."""
    found = 0
    for entry in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            state, _, _, session = (entry / "stat").read_text().rpartition(")")[2].split()[:4]
            found += int(session) == pid and state != "Z"
    return found


def test_what_is_killed_is_started_anew_and_nothing_is_left_at_the_end(tmp_path: Path) -> None:
    keeper, stopped = planned(tmp_path, one=WAITS, two=WAITS), Event()
    thread = Thread(target=keeper.run, args=(stopped,))
    thread.start()
    try:
        eventually(lambda: len(processes(tmp_path)) == 2)
        first = processes(tmp_path)
        eventually(lambda: in_session(first["one"]["pid"]) == 2)
        os.kill(first["one"]["pid"], signal.SIGKILL)
        eventually(lambda: processes(tmp_path)["one"]["restarts"] == 1)
        second = processes(tmp_path)
        assert second["two"] == first["two"]
        assert in_session(first["one"]["pid"]) == 0  # nor is its child
    finally:
        stopped.set()
        thread.join(30)
    assert [in_session(each["pid"]) for each in second.values()] == [0, 0]
    assert not (tmp_path / "cluster.json").exists()


def test_all_end_where_one_cannot_be_started(tmp_path: Path) -> None:
    keeper = planned(tmp_path, one=WAITS, two=["/no/such/program"])
    with pytest.raises(FileNotFoundError):
        keeper.run(Event())
    assert not [each for each in keeper._processes.values() if each.poll() is None]


@pytest.mark.parametrize("action", ["show", "stop"])
def test_no_cluster(action: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cluster.main([action, "--data", str(tmp_path)]) == 3
    assert capsys.readouterr().out == f"{tmp_path}: no cluster runs\n"


def test_another_process_is_not_taken_for_a_cluster(tmp_path: Path) -> None:
    (tmp_path / "cluster.json").write_text(json.dumps({"keeper": os.getpid()}))
    assert cluster.status(tmp_path) is None


def test_the_options_of_a_job() -> None:
    there = {"job_server": "localhost:1", "worker_pool": "localhost:2"}
    batch, streaming = cluster.beam_flags(there), cluster.beam_flags(there, 2.5)
    where = ["--runner=PortableRunner", "--job_endpoint=localhost:1", "--environment_type=EXTERNAL"]
    assert batch[:4] == streaming[:4] == [*where, "--environment_config=localhost:2"]
    assert streaming[4:] == ["--streaming", "--checkpointing_interval=2500", "--finish_bundle_before_checkpointing"]
