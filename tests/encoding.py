"""ffmpeg, writing the same file on every x86 CPU. With wider registers, or other threads, x264 rounds another way, and
so does a scaler that is not asked to be exact: a copy that is barely found on one machine is lost on the next."""

from __future__ import annotations

import platform
import subprocess

_IS_X86 = platform.machine().lower() in ("x86_64", "amd64")
_READING = ("-cpuflags", "sse2") if _IS_X86 else ()
_WRITING = ("-x264-params", "asm=sse2:threads=1") if _IS_X86 else ("-x264-params", "threads=1")


def ffmpeg(*arguments: object) -> None:
    """Its last argument is the file to write."""
    *given, target = map(str, arguments)
    command = ["ffmpeg", "-nostdin", "-loglevel", "error", "-y", *_READING, *given, *_WRITING, target]
    subprocess.run(command, check=True, capture_output=True, timeout=60)
