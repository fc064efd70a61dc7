"""A few frames of a video, as a person looks at them."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from cliptrace.schemas.config import BASIS_FPS, TILE_S, Limits
from cliptrace.schemas.errors import MediaError
from cliptrace.schemas.records import VideoInfo
from cliptrace.transforms.media.decode import Decoder
from cliptrace.transforms.media.ranges import seekable


def sample(path: str, info: VideoInfo, seconds: NDArray[np.float64], limits: Limits, size: int) -> NDArray[np.uint8]:
    """uint8[N, S, S, 3], RGB: what is on screen at float64[N] seconds, increasing; N at least 1. What is beyond the end
    shows the last frame. MediaError where nothing can be decoded. Memory: one tile, of frames of ``size``."""
    wanted = np.round(seconds * BASIS_FPS).astype(np.int64)
    start_s = math.floor(seconds[0] / TILE_S) * TILE_S if seekable(info) else 0.0
    frames: list[NDArray[np.uint8]] = []
    last = None
    with Decoder(path, info, limits, start_s=start_s, end_s=(wanted[-1] + 1) / BASIS_FPS, size=size) as decoder:
        for tile in decoder:
            numbers = np.round(tile.times * BASIS_FPS).astype(np.int64)
            while len(frames) < len(wanted) and wanted[len(frames)] <= numbers[-1]:
                place = int(np.searchsorted(numbers, wanted[len(frames)]))
                frames.append(tile.frames[place].copy())
            last = tile.frames[-1].copy()
    if last is None:
        raise MediaError("no frame could be decoded")
    return np.stack([*frames, *[last] * (len(wanted) - len(frames))])
