"""Clip features of a video from those of its parts, and the vectors by which clip search finds it."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from cliptrace.models.backbones.pooling import unit
from cliptrace.models.clips import ClipEncoder
from cliptrace.schemas.config import BASIS_FPS

Floats = NDArray[np.float32]

WINDOW, HOP = 8, 4
"""Steps of a window, and from one to the next: 4 s and 2 s with steps of half a second, as actions last."""


def tile_steps(encoder: ClipEncoder, times: NDArray[np.float64], frames: NDArray[np.uint8]) -> tuple[int, Floats]:
    """The number of the first step that a tile shows, counted from the start of the video, and float32[K, D].

    times: float64[N], seconds on the basis grid; frames: uint8[N, S, S, 3]. Where the first step began before the first
    frame, as in a video that starts late, that frame stands for what is missing. Frames of another size than the
    encoder's are resized.
    """
    first, step = round(times[0] * BASIS_FPS), round(encoder.step_s * BASIS_FPS)
    if missing := first % step:
        frames = np.concatenate([np.repeat(frames[:1], missing, axis=0), frames])
    return first // step, encoder.encode(_resized(frames, encoder.input_size))


def _resized(frames: NDArray[np.uint8], size: int) -> NDArray[np.uint8]:
    if frames.shape[1] == size:
        return frames
    how = cv2.INTER_AREA if frames.shape[1] > size else cv2.INTER_LINEAR
    sized = np.empty((len(frames), size, size, 3), np.uint8)
    for frame, into in zip(frames, sized, strict=True):
        cv2.resize(frame, (size, size), into, interpolation=how)
    return sized


def joined(parts: Sequence[tuple[int, NDArray[np.floating]]], dimension: int) -> NDArray[np.float16]:
    """Parts of a video, each with the number of its first step → float16[S, D]; zeros where nothing was seen."""
    rows = np.zeros((max((first + len(part) for first, part in parts), default=0), dimension), np.float16)
    for first, part in parts:
        with np.errstate(over="ignore"):  # who stores them looks for what is not finite
            rows[first : first + len(part)] = part
    return rows


def windows(clips: NDArray[np.floating]) -> Floats:
    """float[S, D] → float32[W, D], rows of unit length: the mean of every WINDOW steps, one every HOP, and of the last
    WINDOW; of fewer steps, the mean of all. W is 0 where S is; a row is zero where its steps are."""
    count = len(clips)
    if not count:
        return np.empty(clips.shape, np.float32)
    starts = np.arange(0, max(count - WINDOW, 0) + 1, HOP)
    if starts[-1] + WINDOW < count:
        starts = np.append(starts, count - WINDOW)
    sums = np.zeros((count + 1, clips.shape[1]), np.float64)
    np.cumsum(clips, axis=0, dtype=np.float64, out=sums[1:])
    return unit(np.asarray(sums[np.minimum(starts + WINDOW, count)] - sums[starts], np.float32))
