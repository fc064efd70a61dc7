"""Clips made by ffmpeg on the spot: tiny, short, and made once a session."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from cliptrace.schemas.config import Limits
from cliptrace.transforms.media.decode import Decoder
from cliptrace.transforms.media.probe import probe

Make = Callable[..., str]
Decode = Callable[..., tuple[NDArray[np.uint8], Decoder]]

LONG = "testsrc2=size=64x48:rate={rate}:duration=150"


@pytest.fixture(scope="session")
def make(tmp_path_factory: pytest.TempPathFactory) -> Make:
    """make(name, *ffmpeg arguments) → path of a clip in a folder of its own."""

    def run(name: str, *arguments: str) -> str:
        path = tmp_path_factory.mktemp("clip") / name
        subprocess.run(
            ["ffmpeg", "-nostdin", "-loglevel", "error", *arguments, f"file:{path}"],
            check=True,
            capture_output=True,
            timeout=60,
        )
        return str(path)

    return run


@pytest.fixture(scope="session")
def decode() -> Decode:
    """decode(path, **options of Decoder) → all frames, and the exhausted decoder."""

    def run(path: str, limits: Limits | None = None, **options: object) -> tuple[NDArray[np.uint8], Decoder]:
        limits = limits or Limits()
        with Decoder(path, probe(path, limits), limits, **{"size": 32, **options}) as decoder:  # type: ignore[arg-type]
            tiles = [tile.frames.copy() for tile in decoder]
        return np.concatenate(tiles) if tiles else np.empty((0, 32, 32, 3), np.uint8), decoder

    return run


@pytest.fixture(scope="session")
def clip(make: Make) -> str:
    """2 s of 64×48 at 10 frames a second, H.264 in mp4, the index at the front."""
    source = ("-f", "lavfi", "-i", "testsrc2=size=64x48:rate=10:duration=2")
    return make("clip.mp4", *source, "-c:v", "libx264", "-pix_fmt", "yuv420p", "-movflags", "faststart")


@pytest.fixture(scope="session")
def long_clip(make: Make) -> str:
    """150 s (three tiles) with B-frames; H.264 in mp4, the index at the front."""
    source = ("-f", "lavfi", "-i", LONG.format(rate=10))
    return make(
        "long.mp4", *source, "-c:v", "libx264", "-preset", "veryfast", "-bf", "3", "-pix_fmt", "yuv420p",
        "-movflags", "faststart",
    )  # fmt: skip


@pytest.fixture
def fake_ffmpeg(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str, str], None]:
    """fake_ffmpeg("ffmpeg", shell script) puts a program of that name first on the PATH."""

    def install(name: str, script: str) -> None:
        program = tmp_path / "bin" / name
        program.parent.mkdir(exist_ok=True)
        program.write_text(f"#!/bin/sh\n{script}\n")
        program.chmod(0o755)
        monkeypatch.setenv("PATH", str(program.parent), prepend=":")

    return install


@pytest.fixture
def children() -> Callable[[], list[str]]:
    """Process ids of the children that this process got since the test began, zombies included.

    Others may be there already: multiprocessing keeps a resource tracker for as long as a process lives.
    """

    def all_children() -> set[str]:
        return {pid for task in Path("/proc/self/task").glob("*/children") for pid in task.read_text().split()}

    before = all_children()
    return lambda: sorted(all_children() - before)
