"""Mutated ffprobe answers, manifests and gallery files: is every one taken, or refused with an error of ours?

python -m benchmarks.hostile.fuzz [--count 20000] [--seed 1] [--target probe]

Inputs run in processes of their own, so that a parser that crashes or hangs is seen. Exit code 1 where one does.
"""

from __future__ import annotations

import argparse
import collections
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from benchmarks.harness.command import Question, Result, add_seed
from benchmarks.hostile import tables
from benchmarks.hostile.targets import TARGETS


def options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--count", type=int, default=20_000, metavar="N", help="inputs a target")
    add_seed(parser)
    parser.add_argument("--target", choices=tuple(TARGETS), action="append", help="default: all")


def measure(arguments: argparse.Namespace) -> Result:
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # of the workers, whose memory is limited
    targets, count = arguments.target or list(TARGETS), arguments.count
    rows = {target: summary(list(run(target, count, arguments.seed))) for target in targets}
    return {"inputs": count, "targets": rows}


def run(target: str, count: int, seed: int) -> Iterator[dict[str, str]]:
    """The outcome of every input, in order; a worker that dies costs one input."""
    first = 0
    while first < count:
        command = [sys.executable, "-m", "benchmarks.hostile.targets", target, str(seed), str(first), str(count)]
        done = subprocess.run(command, capture_output=True, cwd=Path(__file__).parents[2], check=False)
        outcomes = [json.loads(line) for line in done.stdout.splitlines()]
        yield from outcomes
        first += len(outcomes)
        if first < count:
            if done.returncode >= 0:
                raise RuntimeError(f"the worker for {target} ended at input {first}: {done.stderr.decode()[-2000:]}")
            name = signal.Signals(-done.returncode).name
            yield {"outcome": "hang" if name == "SIGALRM" else "crash", "message": f"input {first}: {name}"}
            first += 1


def summary(outcomes: list[dict[str, str]]) -> Result:
    counts = collections.Counter(each["outcome"] for each in outcomes)
    broken = [each["message"] for each in outcomes if each["outcome"] in ("crash", "hang")]
    return {**{name: counts[name] for name in ("taken", "refused", "crash", "hang")}, "broken": broken}


def broken(result: Result) -> Iterator[str]:
    for name, row in result["targets"].items():
        yield from (f"{name}, {message}" for message in row["broken"])


QUESTION = Question("benchmarks.hostile.fuzz", __doc__, options, measure, tables.fuzz, ("pyarrow",), broken=broken)

if __name__ == "__main__":
    sys.exit(QUESTION.main())
