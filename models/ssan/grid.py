"""A similarity map on a grid of equal seconds, on both axes, whatever the keyframes are that it was made of.

Keyframes may come at any distance from one another, and a query may have more of them than a reference. On the grid a
copy at the original speed is a diagonal all the same, and two seconds are as many pixels in every map.
"""

from __future__ import annotations

import statistics
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from cliptrace.schemas.config import BASIS_FPS

Floats = NDArray[np.float64]
PIXEL_S = 0.25
"""Seconds of a pixel."""
PIXEL_FRAMES = round(BASIS_FPS * PIXEL_S)
"""Basis frames of a pixel, where a map has all of them."""
MAX_SIDE = 640
"""Pixels (SSAN §4.2); of maps that have more, each pixel is more seconds and the maximum of what it covers."""
_LONE_S = 0.5
"""Seconds to either side of a keyframe that has no neighbour."""


class Grid(NamedTuple):
    """pixels: float32[H, W]. step_s: seconds of a pixel; query_s, ref_s: where the first one begins."""

    pixels: NDArray[np.float32]
    step_s: float
    query_s: float
    ref_s: float


def to_grid(similarity: NDArray[np.float32], query_times: Floats, ref_times: Floats, step_s: float = PIXEL_S) -> Grid:
    """similarity: float32[Q, R], neither 0. step_s: of a pixel, or more, so that neither side has over MAX_SIDE."""
    query_edges, ref_edges = edges(query_times), edges(ref_times)
    longest = float(max(query_edges[-1] - query_edges[0], ref_edges[-1] - ref_edges[0]))
    step_s = max(step_s, longest / MAX_SIDE)
    columns = np.maximum.reduceat(similarity, _first_of(ref_edges, step_s), axis=1)
    pixels = np.maximum.reduceat(columns, _first_of(query_edges, step_s), axis=0)
    return Grid(pixels, step_s, float(query_edges[0]), float(ref_edges[0]))


def _first_of(sides: Floats, step_s: float) -> NDArray[np.int64]:
    """int64[pixels], the keyframe in whose time each pixel begins. It has those up to the next pixel's first."""
    count = max(1, int(np.ceil((sides[-1] - sides[0]) / step_s - 1e-6)))
    first: NDArray[np.int64] = np.searchsorted(sides[1:-1], sides[0] + step_s * np.arange(count), side="right")
    return first


def edges(times: Floats) -> Floats:
    """float64[K + 1], where each keyframe's time begins and the last one's ends; seconds, from 0 on.

    A keyframe stands for the time up to halfway to its neighbours. times: float64[K], strictly increasing, not empty.
    """
    half = np.diff(times) / 2
    outer = statistics.median(half.tolist()) if len(half) else _LONE_S
    return np.concatenate(([max(times[0] - outer, 0.0)], times[:-1] + half, [times[-1] + outer]))
