"""Keyframes where the picture changes: the classic alternative to uniform sampling."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def select_content(
    thumbs: NDArray[np.uint8], fps: float, threshold: float, max_gap_s: float
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """The first frame, then each that differs from the last kept by more than ``threshold`` or ``max_gap_s`` later.

    thumbs: uint8[N, 32, 32, 3] of one tile. threshold: mean absolute difference, of values in 0..1.
    Returns positions int64[K] and scores float32[K]: the difference in thresholds, at most 1 (1 for the first frame).
    """
    gap = max(1, round(max_gap_s * fps))
    flat = thumbs.reshape(len(thumbs), thumbs[0].size if len(thumbs) else 1).astype(np.int16)
    positions, scores = [0][: len(flat)], [1.0][: len(flat)]
    while positions:
        last = positions[-1]
        ahead = flat[last + 1 : last + 1 + gap]
        if not len(ahead):
            break
        changes = np.abs(ahead - flat[last]).mean(axis=1) / 255.0
        beyond = np.flatnonzero(changes > threshold)
        if len(beyond) == 0 and len(ahead) < gap:
            break
        step = int(beyond[0]) if len(beyond) else gap - 1
        positions.append(last + 1 + step)
        scores.append(min(1.0, float(changes[step]) / threshold) if threshold > 0 else 1.0)
    return np.array(positions, np.int64), np.array(scores, np.float32)
