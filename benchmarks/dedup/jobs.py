"""cliptrace dedup as a process beside the bench: what goes in at once, what comes out when."""

from __future__ import annotations

import contextlib
import dataclasses
import datetime
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

Event = dict[str, Any]


@dataclasses.dataclass
class Job:
    """watched, output, log: of the running command. program: a module that stands for ``cliptrace``."""

    watched: Path
    output: Path
    log: Path
    process: subprocess.Popen[bytes]

    def events(self, kind: str = "verdicts") -> list[Event]:
        """Whole lines so far."""
        shards = sorted(self.output.glob(f"{kind}-*.jsonl"))
        lines = (line for shard in shards for line in shard.read_bytes().split(b"\n")[:-1])
        return [json.loads(line) for line in lines]

    def drop(self, files: Sequence[Path]) -> float:
        """Hard links of the files appear in the watched folder, all in a moment. Returns when, in s since 1970."""
        now = time.time()
        for file in files:
            os.utime(file, (now, now))
            os.link(file, self.watched / file.name)
        return time.time()

    def wait_for(self, video_ids: set[str], limit_s: float) -> bool:
        """Whether each has a verdict or a dead letter in time."""
        end = time.monotonic() + limit_s
        while time.monotonic() < end:
            if video_ids <= {event["video_id"] for kind in ("verdicts", "failures") for event in self.events(kind)}:
                return True
            if self.process.poll() is not None:
                raise RuntimeError(f"the job ended with {self.process.returncode}: {self.log.read_text()[-2000:]}")
            time.sleep(0.25)
        return False


@contextlib.contextmanager
def running(
    root: Path, flags: Sequence[str] = (), options: Sequence[str] = (), program: str = "cliptrace.pipelines.cli"
) -> Iterator[Job]:
    """The command, watching an empty folder of ``root``; stopped as with Ctrl-C at the end."""
    shutil.rmtree(root, ignore_errors=True)
    (root / "in").mkdir(parents=True)
    command = [sys.executable, "-m", program, "dedup", "--watch", str(root / "in"), "--output", str(root / "out")]
    command += ["--gallery", str(root / "gallery"), *options, *(["--", *flags] if flags else [])]
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background job ignores it, and so its children
    with (root / "log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, start_new_session=True)
        try:
            yield Job(root / "in", root / "out", root / "log", process)
        finally:
            process.send_signal(signal.SIGINT)
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(30)
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def standing(events: Sequence[Event]) -> dict[str, str]:
    """Canonical id by upload, after the last event of each."""
    return {event["video_id"]: event["canonical_id"] for event in events}


def mistakes(events: Sequence[Event], groups: Mapping[str, str]) -> dict[str, int]:
    """groups: which group each upload is of, in truth.

    canonicals_missing_or_more: groups whose number of canonicals is not one. false: duplicates of another group's
    canonical. missed: copies beyond the first that are canonical, also those that are told to overlap. without: uploads
    without a verdict. revised: events that revise an earlier one.
    """
    final = standing(events)
    canonicals = [groups[video] for video, canonical in final.items() if video == canonical]
    return {
        "groups_without_one_canonical": sum(canonicals.count(group) != 1 for group in set(groups.values())),
        "false": sum(groups.get(final[video]) != groups[video] for video in final),
        "missed": sum(canonicals.count(group) - 1 for group in set(canonicals)),
        "without": len(groups.keys() - final.keys()),
        "doubled_events": len(events) - len({event["event_id"] for event in events}),
        "revised": sum(event["revises"] is not None for event in events),
    }


def latencies(events: Sequence[Event], dropped: float) -> list[float]:
    """Seconds from the files' arrival to each upload's first verdict, sorted."""
    first: dict[str, float] = {}
    for event in events:
        first.setdefault(event["video_id"], datetime.datetime.fromisoformat(event["event_time"]).timestamp() - dropped)
    return sorted(first.values())


def percentile(values: Sequence[float], share: float) -> float:
    return values[min(len(values) - 1, int(share * len(values)))] if values else float("nan")


def repeated(runs: int, once: Callable[[int], Event], name: str) -> list[Event]:
    results = []
    for number in range(runs):
        results.append(once(number))
        print(f"{name}: {number + 1} of {runs}: {results[-1]}", file=sys.stderr, flush=True)
    return results
