"""Hard cuts between shots, found in the thumbs of basis frames."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

_CUT = 20.0
"""Levels, of 255, by which the thumbs on both sides of a cut differ in the mean."""


def find_cuts(thumbs: NDArray[np.uint8]) -> NDArray[np.int64]:
    """The first frame of each shot but the first; int64[C], increasing.

    thumbs: uint8[N, 32, 32, 3], consecutive basis frames.
    """
    if len(thumbs) < 2:
        return np.empty(0, np.int64)
    flat = thumbs.reshape(len(thumbs), -1)
    changes = cv2.absdiff(flat[1:], flat[:-1]).mean(axis=1)
    return np.array([i + 1 for i in range(len(changes)) if _is_cut(changes, i)], np.int64)


def _is_cut(changes: NDArray[np.float64], index: int) -> bool:
    """Fast motion changes thumbs as much as a cut does, but before it and after it alike."""
    if changes[index] <= _CUT:
        return False
    around = changes[max(0, index - 4) : index], changes[index + 1 : index + 5]
    return bool(changes[index] > 3 * min((np.median(side) for side in around if len(side)), default=0.0))
