"""ffmpeg, writing the same file on every x86 CPU; benchmarks/attacks/media.py says why that matters."""

from __future__ import annotations

import subprocess

from benchmarks.attacks.media import SAME_FRAMES, SAME_X264


def ffmpeg(*arguments: object) -> None:
    """Its last argument is the file to write."""
    *given, target = map(str, arguments)
    command = ["ffmpeg", "-nostdin", "-loglevel", "error", "-y", *SAME_FRAMES, *given, *SAME_X264, target]
    subprocess.run(command, check=True, capture_output=True, timeout=60)
