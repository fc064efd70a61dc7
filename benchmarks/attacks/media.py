"""ffmpeg and ffprobe as functions: argument lists in, arrays and numbers out."""

from __future__ import annotations

import json
import platform
import subprocess
from fractions import Fraction
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cliptrace.schemas.errors import CliptraceError

FPS = 25
"""Frames a second of everything the bench makes. All planning is done in whole frames of 1/25 s."""

_IS_X86 = platform.machine().lower() in ("x86_64", "amd64")
SAME_FRAMES = ("-cpuflags", "sse2") if _IS_X86 else ()
SAME_X264 = ("-x264-params", "asm=sse2:threads=1" if _IS_X86 else "threads=1")
"""Together, the same file on every x86 CPU. With wider registers, or other threads, x264 rounds another way, and so
does a scaler that is not asked to be exact: a copy that is barely found on one machine is lost on the next."""
X264 = ("-c:v", "libx264", *SAME_X264)


def ffmpeg(*arguments: str) -> bytes:
    """Run ffmpeg, overwriting what is there, and return its stdout."""
    command = ["ffmpeg", "-nostdin", "-v", "error", "-y", *SAME_FRAMES, "-filter_complex_threads", "1", *arguments]
    done = subprocess.run(command, capture_output=True, check=False)
    if done.returncode:
        raise CliptraceError(f"ffmpeg {' '.join(arguments)}: {done.stderr.decode(errors='replace')[-2000:]}")
    return done.stdout


def ffmpeg_version() -> str:
    return ffmpeg("-version").decode().splitlines()[0].split(" Copyright")[0]


def probe_made(path: Path) -> tuple[int, int, int]:
    """Frames, width and height of a file that this bench made, as its container counts them."""
    wanted = ["-select_streams", "v:0", "-show_entries", "stream=nb_frames,width,height", "-of", "json"]
    done = subprocess.run(["ffprobe", "-v", "error", *wanted, str(path)], capture_output=True, check=False)
    if done.returncode:
        raise CliptraceError(f"{path}: {done.stderr.decode(errors='replace')[-500:]}")
    stream = json.loads(done.stdout)["streams"][0]
    return int(stream["nb_frames"]), int(stream["width"]), int(stream["height"])


def frame_times(path: Path) -> NDArray[np.float64]:
    """Seconds of every frame of any video, counted from the start of the file as players do."""
    own_times = ["-vsync", "passthrough", "-enc_time_base", "-1"]
    listing = ffmpeg("-i", str(path), "-an", "-vf", "scale=16:16", *own_times, "-f", "framecrc", "-").decode()
    (tick,) = [Fraction(line.split()[2]) for line in listing.splitlines() if line.startswith("#tb 0:")]
    stamps = [int(line.split(",")[2]) for line in listing.splitlines() if not line.startswith("#")]
    return np.array(stamps) * float(tick)


def grey_thumbs(
    path: Path, size: int, fps: float | None = None, canvas: tuple[int, int] | None = None
) -> NDArray[np.float32]:
    """Frames as float32[N, size, size] grey pictures; all of them, or ``fps`` a second.

    canvas: width and height of a picture that the frames fill first, as render.py lets a copy fill its query.
    """
    chain = [f"fps={fps}"] if fps else []
    if canvas:
        chain += ["scale=iw*sar:ih", f"scale={canvas[0]}:{canvas[1]}:force_original_aspect_ratio=increase"]
        chain += [f"crop={canvas[0]}:{canvas[1]}"]
    chain += [f"scale={size}:{size}:flags=area", "format=gray"]
    timing = [] if fps else ["-vsync", "passthrough"]
    raw = ffmpeg("-i", str(path), "-an", "-vf", ",".join(chain), *timing, "-f", "rawvideo", "-pix_fmt", "gray", "-")
    return np.frombuffer(raw, np.uint8).reshape(-1, size, size).astype(np.float32)


def unit_rows(thumbs: NDArray[np.float32]) -> NDArray[np.float32]:
    """Thumbs [N, s, s] → [N, s·s] of zero mean and unit norm: a product of two rows is their correlation."""
    rows = thumbs.reshape(len(thumbs), -1)
    rows = rows - rows.mean(axis=1, keepdims=True)
    return np.asarray(rows / (np.linalg.norm(rows, axis=1, keepdims=True) + 1e-6), np.float32)
