"""Keyframes where a network says so (SKE, SSAN §3.1), and one in every interval at least (its sparse uniform mask)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def select_scored(
    scores: NDArray[np.float32], fps: float, threshold: float, interval_s: float
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Frames that score at least ``threshold`` and no less than their neighbours, of equal neighbours the first; and
    of every interval without such a frame the one that scores best.

    scores: float32[N] of one tile, in [0, 1]. Returns positions int64[K] and their scores float32[K].
    The paper takes the interval's first frame, and all frames above the threshold; neighbours look alike.
    """
    interval = max(1, round(interval_s * fps))
    padded = np.full(-(-len(scores) // interval) * interval + 2, -1.0, np.float32)
    padded[1 : len(scores) + 1] = scores
    inner = padded[1:-1]
    chosen = (inner >= threshold) & (inner > padded[:-2]) & (inner >= padded[2:])
    intervals, taken = inner.reshape(-1, interval), chosen.reshape(-1, interval)  # views
    empty = np.flatnonzero(~taken.any(axis=1))
    taken[empty, intervals[empty].argmax(axis=1)] = True
    positions = np.flatnonzero(chosen)
    return positions, scores[positions]
