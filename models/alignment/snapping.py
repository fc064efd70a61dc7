"""Where somebody else's footage begins and ends, to the basis frame.

Keyframes tell a segment's ends to half their distance. Copies are pasted with a cut on both sides, which is seen in
every basis frame: an end near a cut of the query is moved there, and the other video's end with it, along the line.
"""

from __future__ import annotations

import dataclasses

import numpy as np
from numpy.typing import NDArray

from cliptrace.schemas.records import Segment

Times = NDArray[np.float64]

_FARTHEST_S = 1.5
"""A cut farther from an end than this, or than keyframes are from one another there, has nothing to do with it."""
_SHORTEST_S = 0.2


def snap(segment: Segment, query_times: Times, cuts: Times) -> Segment:
    """The segment with each end at the nearest cut of the query, where there is one.

    query_times: float64[Q], the query's keyframes, and cuts: float64[C]; seconds, increasing.
    """
    start, end = (_nearest(cuts, moment, query_times) for moment in (segment.query_start, segment.query_end))
    speed = (segment.ref_end - segment.ref_start) / (segment.query_end - segment.query_start)
    first, last = speed * (start - segment.query_start), speed * (end - segment.query_end)
    if segment.reversed:
        first, last = -last, -first
    ref_start, ref_end = max(segment.ref_start + first, 0.0), segment.ref_end + last
    if end - start < _SHORTEST_S or ref_end - ref_start < _SHORTEST_S:
        return segment
    return dataclasses.replace(segment, query_start=start, query_end=end, ref_start=ref_start, ref_end=ref_end)


def _nearest(cuts: Times, moment: float, query_times: Times) -> float:
    after = int(np.searchsorted(cuts, moment))
    near = float(min(cuts[max(after - 1, 0) : after + 1], key=lambda cut: abs(cut - moment), default=moment))
    return near if abs(near - moment) <= _reach(moment, query_times) else moment


def _reach(moment: float, times: Times) -> float:
    """Distance of the keyframes around a moment, seconds."""
    if len(times) < 2:
        return _FARTHEST_S
    after = min(max(int(np.searchsorted(times, moment)), 1), len(times) - 1)
    return min(float(times[after] - times[after - 1]), _FARTHEST_S)
