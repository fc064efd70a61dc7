"""Thumbs as SKE sees them: 24 × 24 of them in one picture (SSAN §3.1, figure 2)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from cliptrace.models.thumbs import THUMB_SIZE

BLOCKS = 24
SIDE = BLOCKS * THUMB_SIZE
FRAMES = BLOCKS * BLOCKS
"""Basis frames of a tile: 72 s at 8 a second."""


def tile(thumbs: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """uint8[N, 32, 32, 3], N at most 576 → uint8[768, 768, 3]; what is missing of 576 is black.

    Block i, counted in reading order, is frame i.
    """
    padded = np.zeros((FRAMES, *thumbs.shape[1:]), np.uint8)
    padded[: len(thumbs)] = thumbs
    grid = padded.reshape(BLOCKS, BLOCKS, THUMB_SIZE, THUMB_SIZE, 3)
    return np.ascontiguousarray(grid.transpose(0, 2, 1, 3, 4)).reshape(SIDE, SIDE, 3)
