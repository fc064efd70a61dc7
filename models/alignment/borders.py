"""Where a segment begins and ends: on the line of its path, not in the corners of its bounding box.

A copy often begins or ends inside a shot. The other video's shot goes on and still looks alike, so a path may run
along it for seconds although the copy is over. The line that the path followed before tells which side overran.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Times = NDArray[np.float64]

# The line at one end of a path is that of its outermost seconds, so that cuts further in do not bend it.
END_S = 20.0
# Most copies play at their own speed: another one is believed when it brings the matches this much closer, in seconds
# and on average, than the original speed does. Matched keyframes lie about so far apart anyhow.
SLACK_S = 0.35
_ROUNDS = 6
_NEAREST_S = 0.1


def clip_to_line(
    query_s: Times, ref_s: Times, query_span: tuple[float, float], ref_span: tuple[float, float]
) -> tuple[tuple[float, float], tuple[float, float]]:
    """The part of a box, ``query_span`` × ``ref_span`` in seconds, that the path's line crosses.

    query_s and ref_s: float64[L], times of the path's matches; query_s rises, ref_s rises or falls.
    """
    direction = 1.0 if ref_s[-1] >= ref_s[0] else -1.0
    enter, leave = ref_span if direction > 0 else ref_span[::-1]
    start_query, start_ref = _cross(query_s <= query_s[0] + END_S, query_s, ref_s, query_span[0], enter, direction)
    # The far end of a path is the near end of the same path read backwards.
    end_query, end_ref = _cross(query_s >= query_s[-1] - END_S, -query_s, -ref_s, -query_span[1], -leave, direction)
    query, ref = (start_query, -end_query), (start_ref, -end_ref) if direction > 0 else (-end_ref, start_ref)
    if query[0] >= query[1] or ref[0] >= ref[1]:  # a path without a line, as in a map where everything matches
        return query_span, ref_span
    return query, ref


def _cross(
    near: NDArray[np.bool_], query_s: Times, ref_s: Times, query: float, ref: float, direction: float
) -> tuple[float, float]:
    """Point at which the line of the ``near`` matches enters the box whose corner is (query, ref)."""
    speed, offset = _fit(query_s[near], ref_s[near], direction)
    moment = max(query, (ref - offset) / speed)
    arrived = offset + speed * moment
    return moment, max(arrived, ref) if direction > 0 else min(arrived, ref)


def _fit(query_s: Times, ref_s: Times, direction: float) -> tuple[float, float]:
    """Speed (negative when played backwards) and offset of the line with the least absolute distance to the matches."""
    steady = float(np.median(ref_s - direction * query_s))
    steady_error = float(np.abs(ref_s - direction * query_s - steady).mean())
    if steady_error <= SLACK_S:
        return direction, steady
    speed, offset = direction, steady
    for _ in range(_ROUNDS):  # least squares, weighted anew until far matches hardly pull
        weight = 1.0 / np.maximum(np.abs(ref_s - speed * query_s - offset), _NEAREST_S)
        weight /= weight.sum()
        query_mean, ref_mean = weight @ query_s, weight @ ref_s
        deviation = query_s - query_mean
        speed = float(weight @ (deviation * (ref_s - ref_mean)) / max(float(weight @ deviation**2), 1e-9))
        offset = float(ref_mean - speed * query_mean)
    error = float(np.abs(ref_s - speed * query_s - offset).mean())
    if speed * direction <= 0 or steady_error - error <= SLACK_S:
        return direction, steady
    return speed, offset
