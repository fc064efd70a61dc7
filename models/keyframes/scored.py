"""Keyframes where a network says so (SKE, SSAN §3.1): the more its scores add up to, the closer to one another."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_SMOOTHED_S = 1.5
"""How far a frame's score speaks for its neighbours."""


def select_scored(
    scores: NDArray[np.float32], fps: float, threshold: float, interval_s: float
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """A keyframe every ``interval_s`` where all scores are 0, and one more wherever they add up to ``threshold``.

    scores: float32[N] of one tile, in [0, 1], not empty. Returns positions int64[K] and their scores float32[K].
    The paper takes the frames above a threshold and, as its sparse uniform mask, one of every interval. On validation
    as many keyframes find more when they are as dense as the scores say, but evenly laid: what matters to a copy's ends
    is how far the nearest keyframe is, and not that it is the best of its surroundings.
    """
    reach = round(_SMOOTHED_S * fps)
    window = np.hanning(2 * reach + 1)
    smooth = np.convolve(np.pad(scores, reach, mode="edge"), window / window.sum(), mode="valid")
    due = np.cumsum(smooth / threshold + 1 / (interval_s * fps))
    positions = np.flatnonzero(np.diff(np.floor(due + 0.5), prepend=0.0) > 0)
    if not len(positions):
        positions = np.array([int(scores.argmax())])
    return positions, scores[positions]
