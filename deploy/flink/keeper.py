"""Keeps the processes of a cluster running, as Kubernetes would: one that ends is started anew.

python -m cliptrace.deploy.flink.keeper DIR

DIR/plan.json says what to run; DIR/cluster.json is what runs, written anew with each process that starts. Ends, and all
processes with it, at SIGTERM.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

_PAUSE_S = 1.0
"""Before a process that ended is started anew."""
_STOP_S = 10.0


class Keeper:
    """The processes of a plan. Each has a session of its own, so that its children end with it."""

    def __init__(self, data: Path) -> None:
        self._data = data
        self._plan: dict[str, Any] = json.loads((data / "plan.json").read_text(encoding="utf-8"))
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        self._restarts = dict.fromkeys(self._plan["processes"], -1)

    def run(self, stopped: threading.Event) -> None:
        """Until ``stopped``, or until one cannot be started; then all end."""
        try:
            while not stopped.is_set():
                ended = [name for name in self._plan["processes"] if not self._runs(name)]
                for name in ended:
                    self._start(name)
                if ended:
                    self._write()
                stopped.wait(_PAUSE_S)
        finally:
            self._stop()

    def _runs(self, name: str) -> bool:
        process = self._processes.get(name)
        return process is not None and process.poll() is None

    def _start(self, name: str) -> None:
        if name in self._processes:
            _signal(self._processes[name], signal.SIGKILL)  # children that outlived it
        what = self._plan["processes"][name]
        with (self._data / "logs" / f"{name}.log").open("ab") as log:
            self._processes[name] = subprocess.Popen(
                what["command"],
                cwd=self._data,
                env=os.environ | what["environment"],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self._restarts[name] += 1

    def _write(self) -> None:
        processes = {
            name: {"pid": process.pid, "restarts": self._restarts[name]} for name, process in self._processes.items()
        }
        text = json.dumps({"keeper": os.getpid(), **self._plan["addresses"], "processes": processes}, indent=2)
        beside = self._data / "cluster.json.tmp"
        beside.write_text(text + "\n", encoding="utf-8")
        beside.rename(self._data / "cluster.json")

    def _stop(self) -> None:
        for process in self._processes.values():
            _signal(process, signal.SIGTERM)
        deadline = time.monotonic() + _STOP_S
        for process in self._processes.values():
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(max(deadline - time.monotonic(), 0.1))
            _signal(process, signal.SIGKILL)
            process.wait()
        (self._data / "cluster.json").unlink(missing_ok=True)


def _signal(process: subprocess.Popen[bytes], number: int) -> None:
    """To the process and its children, which may outlive it."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, number)


def main() -> None:
    stopped = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stopped.set())
    Keeper(Path(sys.argv[1])).run(stopped)


if __name__ == "__main__":
    main()
