"""One copy, one segment: what was found twice is kept once, what was found in pieces is joined."""

from __future__ import annotations

import math
from collections.abc import Iterable

from cliptrace.schemas.records import Segment

# A segment is dropped when a heavier one shares this much of it, on both axes.
MOST_OVERLAP = 0.5
# Few copies play backwards, and a still scene looks the same both ways: the backward reading must weigh clearly more.
BACKWARD_WEIGHT = 0.9
# Pieces of one copy lie on one line, to within so many reference seconds.
TOLERANCE_S = 4.0
# Where speeds are told, lines are exact: to so many reference seconds, and as the logarithm of two speeds' ratio.
_EXACT_S, _NEARLY_ONE_SPEED = 1.0, 0.2
# Pieces follow one another where less than this is between them, and are played at one speed where the ratio of theirs
# is no more than this, as a logarithm; and where one is not far less sure than the other, which would lose by it.
_NEXT_S, _ONE_SPEED, _AS_SURE = 0.3, 0.05, 0.5


def seconds(segment: Segment) -> float:
    """Length of a segment on its shorter side."""
    return min(segment.query_end - segment.query_start, segment.ref_end - segment.ref_start)


def strongest(segments: Iterable[Segment], count: int) -> list[Segment]:
    """At most ``count`` segments, none of them mostly inside a heavier one; best score first.

    Weight is score × seconds: scores saturate, so a short piece of a copy may score above the whole of it.
    """
    kept: list[Segment] = []
    for segment in sorted(segments, key=_weight, reverse=True):
        if len(kept) < count and all(_overlap(segment, other) <= MOST_OVERLAP for other in kept):
            kept.append(segment)
    return best_first(kept)


def best_first(segments: Iterable[Segment]) -> list[Segment]:
    """Segments in the order in which aligners return them."""
    return sorted(segments, key=lambda one: (-one.score, one.query_start, one.ref_start))


def merge(segments: Iterable[Segment], tolerance_s: float = TOLERANCE_S) -> list[Segment]:
    """Segments of overlapping windows as if they came from one map; best score first.

    Two are one copy when they play in the same direction, overlap in both videos and lie on the same line.
    Duplicates that lie on no common line are dropped, the heavier one stays.
    """
    merged: list[Segment] = []
    for segment in sorted(segments, key=lambda one: (one.query_start, one.ref_start, -one.query_end)):
        grown = segment
        while partners := [other for other in merged if _continues(other, grown, tolerance_s)]:
            merged.remove(partners[0])
            grown = _join(partners[0], grown)
        merged.append(grown)
    return strongest(merged, len(merged))


def joined(segments: Iterable[Segment]) -> list[Segment]:
    """Pieces that follow one another in both videos at one speed, as one copy; best score first."""
    whole: list[Segment] = []
    for segment in sorted(segments, key=lambda one: (one.query_start, one.ref_start)):
        before = next((other for other in whole if _follows(other, segment)), None)
        if before:
            whole.remove(before)
        whole.append(_join(before, segment) if before else segment)
    return best_first(whole)


def _follows(a: Segment, b: Segment) -> bool:
    """Whether ``b`` goes on where ``a`` ends."""
    if a.reversed != b.reversed or not a.speed or not b.speed or abs(math.log(a.speed / b.speed)) > _ONE_SPEED:
        return False
    if min(a.score, b.score) < _AS_SURE * max(a.score, b.score):
        return False
    ends = (b.ref_end, a.ref_start) if a.reversed else (a.ref_end, b.ref_start)
    return max(abs(b.query_start - a.query_end), abs(ends[1] - ends[0])) <= _NEXT_S


def _weight(segment: Segment) -> float:
    return segment.score * seconds(segment) * (BACKWARD_WEIGHT if segment.reversed else 1.0)


def _overlap(a: Segment, b: Segment) -> float:
    """Share of the shorter one that two segments have in common, on the axis where they share less; in [0, 1]."""
    query = common(a.query_start, a.query_end, b.query_start, b.query_end)
    ref = common(a.ref_start, a.ref_end, b.ref_start, b.ref_end)
    return min(
        query / min(a.query_end - a.query_start, b.query_end - b.query_start),
        ref / min(a.ref_end - a.ref_start, b.ref_end - b.ref_start),
    )


def common(start: float, end: float, other_start: float, other_end: float) -> float:
    """Seconds that two stretches share."""
    return max(0.0, min(end, other_end) - max(start, other_start))


def _continues(a: Segment, b: Segment, tolerance_s: float) -> bool:
    if a.reversed != b.reversed or _overlap(a, b) <= 0:
        return False
    if a.speed and b.speed:
        tolerance_s = min(tolerance_s, _EXACT_S)
        if abs(math.log(a.speed / b.speed)) > _NEARLY_ONE_SPEED:
            return False
    middle = (max(a.query_start, b.query_start) + min(a.query_end, b.query_end)) / 2
    return abs(_moment(a, middle) - _moment(b, middle)) <= tolerance_s


def _moment(segment: Segment, query_s: float) -> float:
    """Reference second that a segment shows at a query second."""
    share = (query_s - segment.query_start) / (segment.query_end - segment.query_start)
    if segment.reversed:
        share = 1.0 - share
    return segment.ref_start + share * (segment.ref_end - segment.ref_start)


def _join(a: Segment, b: Segment) -> Segment:
    """Both together; the score is their mean by length, as the mean similarity of the whole would be."""
    total = seconds(a) + seconds(b)
    return Segment(
        min(a.query_start, b.query_start),
        max(a.query_end, b.query_end),
        min(a.ref_start, b.ref_start),
        max(a.ref_end, b.ref_end),
        min(1.0, (a.score * seconds(a) + b.score * seconds(b)) / total),
        a.reversed,
        a.speed,
    )


def covered(intervals: Iterable[tuple[float, float]]) -> float:
    """Seconds that lie in at least one of them."""
    total, end = 0.0, float("-inf")
    for start, stop in sorted(intervals):
        total += max(0.0, stop - max(start, end))
        end = max(end, stop)
    return total
