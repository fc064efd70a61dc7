"""Where a segment runs into the beginning or the end of a video. Its first and its last keyframe stand for all that is
there; an aligner, which knows keyframes alone, takes half their usual distance for it."""

from __future__ import annotations

import dataclasses

import numpy as np
from numpy.typing import NDArray

from cliptrace.models.alignment.paths import LONGEST_REACH_S, keyframe_spans
from cliptrace.schemas.records import Segment

Floats = NDArray[np.float32]
Times = NDArray[np.float64]

_NEAR_S = 0.125
"""A segment that ends so near to what its keyframes are taken for reaches that."""
_FADED = 0.5
"""Share of the similarity at a segment's end, below which a keyframe of the other video no longer belongs to it."""
_FASTEST = 4.0
"""Speeds beyond this, or its inverse, are those of pictures that are held: they have no seconds that go on."""


def to_the_ends(
    segment: Segment, alike: tuple[Floats, Floats], query: tuple[Times, float], ref: tuple[Times, float]
) -> Segment:
    """The segment with what is left of either video before its first and behind its last keyframe, where the other one
    goes on showing these.

    alike: similarity of the query's keyframes with the first and the last one of the reference, float32[Q, 2], and of
    the reference's with those of the query, float32[R, 2]. query and ref: their keyframes, float64[Q] and float64[R]
    seconds, and where the videos end.
    """
    grown = _to_the_ends_of_ref(segment, alike[0], query, ref)
    return _turned(_to_the_ends_of_ref(_turned(grown), alike[1], ref, query))


def _turned(segment: Segment) -> Segment:
    """The query as the reference."""
    q0, q1, r0, r1 = segment.query_start, segment.query_end, segment.ref_start, segment.ref_end
    return dataclasses.replace(segment, query_start=r0, query_end=r1, ref_start=q0, ref_end=q1)


def _to_the_ends_of_ref(
    segment: Segment, alike: Floats, query: tuple[Times, float], ref: tuple[Times, float]
) -> Segment:
    (query_times, query_end_s), (ref_times, ref_end_s) = query, ref
    speed = (segment.ref_end - segment.ref_start) / (segment.query_end - segment.query_start)
    if not 1 / _FASTEST <= speed <= _FASTEST:
        return segment
    starts, ends = keyframe_spans(ref_times)
    before = segment.ref_start if segment.ref_start <= starts[0] + _NEAR_S else 0.0
    behind = ref_end_s - segment.ref_end if segment.ref_end >= ends[-1] - _NEAR_S else 0.0
    sides = [(before, alike[:, 0]), (behind, alike[:, 1])]
    (left, of_start), (right, of_end) = sides[::-1] if segment.reversed else sides
    room = _room(of_start[::-1], -query_times[::-1], -segment.query_start, 0.0)
    first = max(0.0, min(left / speed, LONGEST_REACH_S, room))
    last = max(0.0, min(right / speed, LONGEST_REACH_S, _room(of_end, query_times, segment.query_end, query_end_s)))
    low, high = (last, first) if segment.reversed else (first, last)
    return dataclasses.replace(
        segment,
        query_start=segment.query_start - first,
        query_end=segment.query_end + last,
        ref_start=segment.ref_start - speed * low,
        ref_end=segment.ref_end + speed * high,
    )


def _room(alike: Floats, times: Times, moment: float, end_s: float) -> float:
    """For how long after a moment keyframes are nearly as alike as the last one before it."""
    behind = int(np.searchsorted(times, moment))
    if behind == 0 or alike[behind - 1] <= 0:
        return 0.0
    unlike = np.flatnonzero(alike[behind:] < _FADED * alike[behind - 1])
    if not len(unlike):
        return end_s - moment
    first = behind + int(unlike[0])
    return float(times[first - 1 : first + 1].mean()) - moment
