"""What clip features cost while a folder is indexed, and in the gallery.

python -m benchmarks.relocalization.index_cost [--moments lite0_motion] [--videos 30] [--rounds 3]

Each round indexes the same videos once without and once with each, in turn; CPU seconds of all processes, the least of
the rounds.
"""

from __future__ import annotations

import argparse
import os
import resource
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmarks.attacks.splits import find_footage, representatives
from benchmarks.harness.command import Question, Result, add_seed
from benchmarks.harness.tables import Table
from cliptrace.schemas.config import DEFAULT_CLIPS
from cliptrace.transforms.store.catalogue import gallery_stats
from cliptrace.transforms.store.gallery import Gallery

_WITHOUT = "none"


def options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--moments", nargs="+", default=[DEFAULT_CLIPS], metavar="NAME|FILE")
    parser.add_argument("--videos", type=int, default=30)
    parser.add_argument("--rounds", type=int, default=3)
    add_seed(parser)


def measure(arguments: argparse.Namespace) -> Result:
    footage = find_footage()
    videos = [footage.root / path for path in representatives(footage, "train")[: arguments.videos]]
    taken: dict[str, list[dict[str, Any]]] = {name: [] for name in (_WITHOUT, *arguments.moments)}
    for _ in range(arguments.rounds):
        for name, runs in taken.items():
            runs.append(_indexed(videos, name))
    return {
        "videos": len(videos),
        "rounds": arguments.rounds,
        "moments": {name: min(runs, key=lambda run: run["cpu_s"]) for name, runs in taken.items()},
    }


def _indexed(videos: list[Path], moments: str) -> dict[str, Any]:
    """CPU seconds of one run and of the processes that it starts, seconds of video, and bytes of clip features."""
    with tempfile.TemporaryDirectory() as folder:
        program = [sys.executable, "-P", "-m", "cliptrace.pipelines.cli", "index", *map(str, videos)]
        asked = [*program, "--gallery", f"{folder}/gallery", *([] if moments == _WITHOUT else ["--moments", moments])]
        before = _used()
        subprocess.run(asked, check=True, capture_output=True, env=os.environ)
        cpu_s = _used() - before
        gallery = Gallery.load(f"{folder}/gallery")
        assert gallery
        stats = gallery_stats(gallery)
        return {"cpu_s": cpu_s, "video_s": stats.seconds, "bytes": stats.bytes.get("clips", 0)}


def _used() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


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
