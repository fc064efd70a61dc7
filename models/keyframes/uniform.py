"""Uniform sampling, the baseline of every keyframe selector (SSAN, table 2)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def select_uniform(
    thumbs: NDArray[np.uint8], fps: float, per_second: float
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """``per_second`` frames a second, evenly spaced from the first; all frames where ``per_second`` ≥ ``fps``.

    thumbs: uint8[N, 32, 32, 3] of one tile. Returns positions int64[K] and scores float32[K], all 1.
    """
    step = max(1.0, fps / per_second)
    positions = np.floor(np.arange(0, len(thumbs), step)).astype(np.int64)
    return positions, np.ones(len(positions), np.float32)
