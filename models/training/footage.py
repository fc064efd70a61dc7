"""Footage to train on, as frames. It is trusted: ffmpeg runs without the limits that indexing puts on it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import cv2
import ffmpeg
import numpy as np
from numpy.typing import NDArray

from cliptrace.schemas.config import VIDEO_SUFFIXES
from cliptrace.schemas.errors import UsageError

SHORT_SIDE = 256
"""Pixels; what is larger is shrunk to it, in its own aspect ratio."""
_IMAGES = {".jpg", ".jpeg", ".png", ".webp"}


def is_image(path: Path) -> bool:
    return path.suffix.lower() in _IMAGES


def is_video(path: Path) -> bool:
    return path.suffix.lower() in VIDEO_SUFFIXES


def files_below(folders: Sequence[Path]) -> list[Path]:
    """Images and videos, sorted. UsageError where there are none."""
    files = sorted(path for folder in folders for path in folder.rglob("*") if path.is_file())
    found = [path for path in files if is_image(path) or is_video(path)]
    if not found:
        raise UsageError(f"{', '.join(map(str, folders))}: no image and no video below; give folders with footage")
    return found


def read_image(path: Path) -> NDArray[np.uint8]:
    """uint8[H, W, 3], RGB."""
    image = cv2.imread(str(path))
    if image is None:
        raise UsageError(f"{path}: not an image that can be read; remove it")
    scale = min(1.0, SHORT_SIDE / min(image.shape[:2]))
    return np.asarray(cv2.cvtColor(cv2.resize(image, None, fx=scale, fy=scale), cv2.COLOR_BGR2RGB), np.uint8)


def read_video(path: Path, per_second: float) -> NDArray[np.uint8]:
    """uint8[N, H, W, 3], RGB: so many frames a second."""
    try:
        streams = ffmpeg.probe(str(path))["streams"]
        size = next((s["width"], s["height"]) for s in streams if s["codec_type"] == "video")
        scale = min(1.0, SHORT_SIDE / min(size))
        width, height = (round(side * scale / 2) * 2 for side in size)
        stream = ffmpeg.input(str(path)).filter("fps", per_second).filter("scale", width, height)
        raw, _ = stream.output("pipe:", format="rawvideo", pix_fmt="rgb24").run(capture_stdout=True, quiet=True)
    except (ffmpeg.Error, StopIteration) as error:
        raise UsageError(f"{path}: not a video that ffmpeg can read; remove it") from error
    return np.frombuffer(raw, np.uint8).reshape(-1, height, width, 3)
