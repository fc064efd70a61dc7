"""What a descriptor costs while a folder is indexed.

python -m benchmarks.star_gnn.descriptor_cost [--descriptors none mean star_gnn] [--videos 30] [--rounds 3]

Each round indexes the same videos once with each, in turn; CPU seconds of all processes, the least of the rounds.
"""

from __future__ import annotations

import argparse
import sys

from benchmarks.harness.command import Question, Result
from benchmarks.harness.indexing import add_rounds, compared
from benchmarks.star_gnn import tables


def options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--descriptors", nargs="+", default=["none", "mean", "star_gnn"], metavar="NAME")
    add_rounds(parser)


def measure(arguments: argparse.Namespace) -> Result:
    given = {name: ("--descriptor", name) for name in arguments.descriptors}
    taken = compared(given, arguments.videos, arguments.rounds)
    return {
        "videos": next(iter(taken.values()))[0].stats.videos,
        "rounds": arguments.rounds,
        "descriptors": {
            name: {"cpu_s": min(run.cpu_s for run in runs), "wall_s": min(run.wall_s for run in runs)}
            for name, runs in taken.items()
        },
    }


QUESTION = Question("benchmarks.star_gnn.descriptor_cost", __doc__, options, measure, tables.descriptor_cost)

if __name__ == "__main__":
    sys.exit(QUESTION.main())
