"""Small grey pictures of keyframes: what a second look compares, where likeness of embeddings proves nothing.

An embedding hardly sees small people or words, and a picture of 64² pixels does: a person who walks elsewhere, a line
of other words. About 1 kB each as JPEG.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

Pictures = NDArray[np.float32]
"""float32[N, 64, 64], grey levels from 0 to 255."""

SIDE = 64
_QUALITY = 80


class DamagedPictureError(ValueError):
    """What is stored as a picture is none."""


def encode(frames: NDArray[np.uint8]) -> tuple[bytes, ...]:
    """uint8[N, S, S, 3], RGB → N JPEG files; every pixel is the average of the area that it covers."""
    return tuple(_encoded(frame) for frame in frames)


def decode(pictures: Sequence[bytes], which: Iterable[int]) -> Pictures:
    """Those of the pictures. DamagedPictureError where one is none."""
    decoded = [_decoded(pictures[number]) for number in which]
    return np.stack(decoded) if decoded else np.empty((0, SIDE, SIDE), np.float32)


def _encoded(frame: NDArray[np.uint8]) -> bytes:
    small = cv2.resize(frame, (SIDE, SIDE), interpolation=cv2.INTER_AREA)
    grey = cv2.cvtColor(small, cv2.COLOR_RGB2GRAY)
    return bytes(cv2.imencode(".jpg", grey, [cv2.IMWRITE_JPEG_QUALITY, _QUALITY])[1])


def _decoded(picture: bytes) -> Pictures:
    data = np.frombuffer(picture, np.uint8)
    grey = cv2.imdecode(data, cv2.IMREAD_GRAYSCALE) if len(data) else None
    if grey is None or grey.shape != (SIDE, SIDE):
        raise DamagedPictureError(f"a picture of {len(data)} bytes is no JPEG of {SIDE} by {SIDE} pixels")
    return np.asarray(grey, np.float32)
