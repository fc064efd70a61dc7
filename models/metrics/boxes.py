"""Segments of a pair of videos as boxes in numpy: which overlap, and the time line cut where any begins or ends.

A segment is a box on two axes, query time and reference time, in float seconds, half-open. Two boxes *overlap* when
they share time on both axes; boxes that meet on one axis only have nothing in common.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from cliptrace.schemas.records import Segment

Pair = tuple[str, str]
SegmentsByPair = Mapping[Pair, Sequence[Segment]]

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]


def to_boxes(segments: Sequence[Segment]) -> Floats:
    """float64[N, 2, 2]: segment; axis (query, reference); start and end."""
    rows = [(segment.query_start, segment.query_end, segment.ref_start, segment.ref_end) for segment in segments]
    return np.array(rows, dtype=np.float64).reshape(-1, 2, 2)


def paired(predicted: SegmentsByPair, truth: SegmentsByPair) -> Iterator[tuple[Sequence[Segment], Sequence[Segment]]]:
    """Predicted and true segments of every pair that either side names, in the order of the pairs' names."""
    for pair in sorted(predicted.keys() | truth.keys()):
        yield predicted.get(pair, ()), truth.get(pair, ())


def overlaps(boxes: Floats, others: Floats) -> Bools:
    """bool[N, M]: which box shares time with which other one on both axes."""
    starts = np.maximum(boxes[:, None, :, 0], others[None, :, :, 0])
    ends = np.minimum(boxes[:, None, :, 1], others[None, :, :, 1])
    hits: Bools = np.logical_and.reduce(ends > starts, axis=2)
    return hits


def slices(boxes: Floats, others: Floats) -> tuple[Floats, Bools, Bools]:
    """One axis cut at every start and end of ``boxes`` [N, 2] and ``others`` [M, 2] into S slices.

    Returns the slices' lengths float64[S] and which box covers which slice, bool[N, S] and bool[M, S]. A sum over
    covered slices is the length of a union, and equal sets of slices have exactly equal sums.
    """
    cuts = np.unique(np.concatenate([boxes, others]))
    starts = cuts[:-1]
    inside, others_inside = ((each[:, :1] <= starts) & (starts < each[:, 1:]) for each in (boxes, others))
    return np.diff(cuts), inside, others_inside
