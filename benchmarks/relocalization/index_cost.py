"""What clip features cost while a folder is indexed, and in the gallery.

python -m benchmarks.relocalization.index_cost [--moments lite0_motion] [--videos 30] [--rounds 3]

Each round indexes the same videos once without and once with each, in turn; CPU seconds of all processes, the least of
the rounds.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator

from benchmarks.harness.command import Question, Result
from benchmarks.harness.indexing import add_rounds, compared
from benchmarks.harness.tables import Table
from cliptrace.schemas.config import DEFAULT_CLIPS

_WITHOUT = "none"


def options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--moments", nargs="+", default=[DEFAULT_CLIPS], metavar="NAME|FILE")
    add_rounds(parser)


def measure(arguments: argparse.Namespace) -> Result:
    given: dict[str, tuple[str, ...]] = {_WITHOUT: (), **{name: ("--moments", name) for name in arguments.moments}}
    taken = compared(given, arguments.videos, arguments.rounds)
    return {
        "videos": taken[_WITHOUT][0].stats.videos,
        "rounds": arguments.rounds,
        "moments": {
            name: {
                "cpu_s": min(run.cpu_s for run in runs),
                "video_s": runs[0].stats.seconds,
                "bytes": runs[0].stats.bytes.get("clips", 0),
            }
            for name, runs in taken.items()
        },
    }


def tables(result: Result) -> Iterator[Table]:
    rows = result["moments"]
    without = rows[_WITHOUT]["cpu_s"]
    yield Table(
        f"{result['videos']} videos indexed without and with clip features; the least of {result['rounds']} rounds",
        ("clip features", "CPU s", "more CPU s a second of video", "MB an hour of video"),
        [
            (
                name,
                f"{row['cpu_s']:.1f}",
                f"{(row['cpu_s'] - without) / row['video_s']:.3f}",
                f"{row['bytes'] / row['video_s'] * 3600 / 1e6:.2f}",
            )
            for name, row in rows.items()
        ],
    )


QUESTION = Question("benchmarks.relocalization.index_cost", __doc__, options, measure, tables)

if __name__ == "__main__":
    sys.exit(QUESTION.main())
