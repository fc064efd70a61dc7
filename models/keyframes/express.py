"""Keyframes where only the codec's own key frames were decoded: each is on screen until the next one."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def select_express(thumbs: NDArray[np.uint8]) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """The first frame, and each that is another picture than the one before.

    thumbs: uint8[N, 32, 32, 3] of one tile. Returns positions int64[K] and scores float32[K], all 1.
    """
    is_new = np.ones(len(thumbs), np.bool_)
    is_new[1:] = (thumbs[1:] != thumbs[:-1]).any(axis=(1, 2, 3))
    positions = np.flatnonzero(is_new)
    return positions, np.ones(len(positions), np.float32)
