"""Small moving pictures that ffmpeg draws itself: the bench is tested without any footage."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.attacks.media import ffmpeg
from benchmarks.attacks.plan import Clip
from benchmarks.attacks.render import make_clip

PATTERNS = {
    "counter.mp4": "testsrc2=size=160x120:rate=30:duration=6",
    "fractal.mp4": "mandelbrot=size=160x120:rate=24:maxiter=60,trim=duration=5",
    "cells.mp4": "life=size=40x30:rate=25:mold=10:seed=3,trim=duration=4,scale=160:120:flags=neighbor",
}


@pytest.fixture(scope="session")
def pattern_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("patterns")
    for name, source in PATTERNS.items():
        ffmpeg("-f", "lavfi", "-i", source, "-pix_fmt", "yuv420p", "-g", "12", str(folder / name))
    return folder


@pytest.fixture(scope="session")
def clip_files(pattern_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The patterns as make_clip prepares them, by video id."""
    folder = tmp_path_factory.mktemp("clips")
    for name in PATTERNS:
        make_clip(pattern_folder / name, folder / name, name)
    return {name: folder / name for name in PATTERNS}


@pytest.fixture(scope="session")
def clips() -> list[Clip]:
    """Clips for planning alone: no files behind them."""
    return [Clip(f"clip{number}.mp4", 100 + 50 * number, 640, 360) for number in range(6)]
