"""What it costs to index a folder with one option or another."""

from __future__ import annotations

import argparse
import dataclasses
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from benchmarks.attacks.splits import find_footage, representatives
from benchmarks.harness.command import add_seed
from cliptrace.transforms.store.catalogue import Stats, gallery_stats
from cliptrace.transforms.store.gallery import Gallery


@dataclasses.dataclass(frozen=True, slots=True)
class Indexed:
    """cpu_s: of the program and of all processes that it starts. stats: of the gallery."""

    cpu_s: float
    wall_s: float
    stats: Stats


def add_rounds(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--videos", type=int, default=30)
    parser.add_argument("--rounds", type=int, default=3)
    add_seed(parser)


def compared(options: Mapping[str, Sequence[str]], videos: int, rounds: int) -> dict[str, list[Indexed]]:
    """By name, each round: the same videos of the training footage, indexed with each of these options in turn."""
    footage = find_footage()
    paths = [footage.root / path for path in representatives(footage, "train")[:videos]]
    taken: dict[str, list[Indexed]] = {name: [] for name in options}
    for _ in range(rounds):
        for name, given in options.items():
            taken[name].append(_indexed(paths, given))
    return taken


def _indexed(videos: Sequence[Path], options: Sequence[str]) -> Indexed:
    with tempfile.TemporaryDirectory() as folder:
        program = [sys.executable, "-P", "-m", "cliptrace.pipelines.cli", "index", *map(str, videos)]
        before, started = _used(), time.monotonic()
        subprocess.run([*program, "--gallery", f"{folder}/gallery", *options], check=True, capture_output=True)
        cpu_s, wall_s = _used() - before, time.monotonic() - started
        gallery = Gallery.load(f"{folder}/gallery")
        assert gallery
        return Indexed(cpu_s, wall_s, gallery_stats(gallery))


def _used() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime
