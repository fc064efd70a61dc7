"""ffmpeg, writing the same file on every x86 CPU, as benchmarks/attacks/media.py says why."""

from __future__ import annotations

import subprocess

from benchmarks.attacks.media import SAME_FRAMES, X264


def ffmpeg(*arguments: object) -> None:
    """Its last argument is the file to write."""
    *given, target = map(str, arguments)
    command = ["ffmpeg", "-nostdin", "-loglevel", "error", "-y", *SAME_FRAMES, *given, *X264[2:], target]
    subprocess.run(command, check=True, capture_output=True, timeout=60)
