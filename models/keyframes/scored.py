"""Keyframes where a network says so (SKE, SSAN §3.1), and never too far from one another (its sparse uniform mask)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def select_scored(
    scores: NDArray[np.float32], fps: float, threshold: float, max_gap_s: float
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Frames that score at least ``threshold`` and no less than their neighbours; where that leaves more than
    ``max_gap_s`` without any, the best of those in between.

    scores: float32[N] of one tile, in [0, 1]. Returns positions int64[K] and their scores float32[K].
    The paper takes evenly spaced frames where the network takes too few; the best-scored ones cost the same.
    """
    count = len(scores)
    gap = max(1, round(max_gap_s * fps))
    padded = np.concatenate(([-np.inf], scores, [-np.inf]))
    # Of equal neighbours the first.
    peaks = np.flatnonzero((scores >= threshold) & (scores > padded[:-2]) & (scores >= padded[2:]))
    positions: list[int] = []
    last = -1
    for peak in [*peaks.tolist(), count]:
        # A tile's first and last keyframe lie at most half a gap from its ends.
        while peak - last > (gap if positions and peak < count else max(gap // 2, 1)):
            reach = gap if positions else max(gap // 2, 1)
            first, end = last + 1 + reach // 2, min(last + reach + 1, count)
            if first >= end:
                break
            last = first + int(scores[first:end].argmax())
            positions.append(last)
        if peak < count:
            positions.append(peak)
            last = peak
    chosen = np.array(positions or [0][:count], np.int64)
    return chosen, scores[chosen]
