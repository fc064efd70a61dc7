"""What a descriptor costs while a folder is indexed.

python -m benchmarks.star_gnn.descriptor_cost [--descriptors none mean star_gnn] [--videos 30] [--rounds 3]

Each round indexes the same videos once with each, in turn; CPU seconds of all processes, the least of the rounds.
"""

from __future__ import annotations

import argparse
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.attacks.splits import find_footage, representatives
from benchmarks.harness.command import Question, Result, add_seed
from benchmarks.star_gnn import tables


def options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--descriptors", nargs="+", default=["none", "mean", "star_gnn"], metavar="NAME")
    parser.add_argument("--videos", type=int, default=30)
    parser.add_argument("--rounds", type=int, default=3)
    add_seed(parser)


def measure(arguments: argparse.Namespace) -> Result:
    footage = find_footage()
    videos = [footage.root / path for path in representatives(footage, "train")[: arguments.videos]]
    taken: dict[str, list[tuple[float, float]]] = {name: [] for name in arguments.descriptors}
    for _ in range(arguments.rounds):
        for name, runs in taken.items():
            runs.append(_indexed(videos, name))
    return {
        "videos": len(videos),
        "rounds": arguments.rounds,
        "descriptors": {
            name: {"cpu_s": min(cpu for cpu, _ in runs), "wall_s": min(wall for _, wall in runs)}
            for name, runs in taken.items()
        },
    }


def _indexed(videos: list[Path], descriptor: str) -> tuple[float, float]:
    """CPU and wall seconds of one run, and of the processes that it starts."""
    with tempfile.TemporaryDirectory() as folder:
        program = [sys.executable, "-P", "-m", "cliptrace.pipelines.cli", "index", *map(str, videos)]
        before, started = _used(), time.monotonic()
        asked = [*program, "--gallery", f"{folder}/gallery", "--descriptor", descriptor]
        subprocess.run(asked, check=True, capture_output=True, env=os.environ)
        return _used() - before, time.monotonic() - started


def _used() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


QUESTION = Question("benchmarks.star_gnn.descriptor_cost", __doc__, options, measure, tables.descriptor_cost)

if __name__ == "__main__":
    sys.exit(QUESTION.main())
