"""Between seconds and positions in a similarity map, whose keyframes may come at any distance from one another.

Keyframe i fills [i, i + 1) of its axis, and stands for the time up to halfway to its neighbours.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
_LONE_S = 0.5
"""Seconds to either side of a keyframe that has no neighbour."""


def edges(times: Floats) -> Floats:
    """float64[K + 1], where each keyframe's time begins and the last one's ends; seconds, from 0 on.

    times: float64[K], K at least 1, strictly increasing.
    """
    half = np.diff(times) / 2
    outer = float(np.median(half)) if len(half) else _LONE_S
    return np.concatenate(([max(times[0] - outer, 0.0)], times[:-1] + half, [times[-1] + outer]))


def to_index(times: Floats, seconds: Floats) -> Floats:
    """Positions of moments on the axis of keyframes at ``times``; in [0, K]."""
    return np.interp(seconds, edges(times), np.arange(len(times) + 1))


def to_seconds(times: Floats, positions: Floats) -> Floats:
    """Moments of positions on the axis."""
    return np.interp(positions, np.arange(len(times) + 1), edges(times))
