"""From a box to a line: which reference second each query second shows, and where on that line the copy ends.

The detector says where a copy is; the map's own cells say to the keyframe where it begins and ends.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from models.ssan.coordinates import edges, to_seconds

Floats = NDArray[np.float32]
Times = NDArray[np.float64]

_SHIFTS = np.linspace(-1.0, 1.0, 13)
_SHIFT_KEYFRAMES, _SHIFT_SHARE = 2.0, 0.2
"""How far a line may lie beside the box's diagonal: in keyframes, or as a share of the copy's length."""
_ORIGINAL_SPEED = 1.35
"""A box that is this near to the original speed may be a copy at it, as most are."""
_EASE = 0.01
"""Similarity by which another line must be better than the diagonal."""
_BEYOND_KEYFRAMES, _BEYOND_SHARE = 2, 0.25
"""How far a copy may reach beyond its box."""
_FADED = 0.5
"""Share of a copy's median similarity below which a keyframe no longer belongs to it."""
_MISSED = 2
"""Keyframes in a row that may not belong to it, though it goes on behind them."""


class Line(NamedTuple):
    """[query_start, query_end) shows [ref_start, ref_end); seconds. speed: reference seconds a query second, negative
    when played backwards."""

    query_start: float
    query_end: float
    ref_start: float
    ref_end: float
    speed: float


def fit_box(similarity: Floats, query_times: Times, ref_times: Times, box: Floats, backward: bool) -> Line:
    """box: q0, q1, r0, r1, positions on the axes of ``similarity`` [Q, R], whose keyframes are at the given seconds."""
    query_edges, ref_edges = edges(query_times), edges(ref_times)
    q0, q1 = to_seconds(query_times, box[:2].astype(np.float64)).tolist()
    r0, r1 = to_seconds(ref_times, box[2:].astype(np.float64)).tolist()
    first, last = (int(np.clip(side, 0, len(query_times) - 1)) for side in (np.floor(box[0]), np.ceil(box[1]) - 1))
    inside = np.arange(first, max(last, first) + 1)
    diagonal = max(r1 - r0, 1e-3) / max(q1 - q0, 1e-3)
    middle, ref_middle = (q0 + q1) / 2, (r0 + r1) / 2
    speeds = [diagonal, *([1.0] if 1 / _ORIGINAL_SPEED < diagonal < _ORIGINAL_SPEED else [])]
    spacing = float(ref_edges[-1] - ref_edges[0]) / len(ref_times)
    reach = max(_SHIFT_KEYFRAMES * spacing, _SHIFT_SHARE * (r1 - r0))
    sign = -1.0 if backward else 1.0
    lines = [(sign * speed, ref_middle + reach * shift) for speed in speeds for shift in _SHIFTS]
    along = [_along(similarity, query_times, ref_edges, inside, s, o - s * middle).mean() for s, o in lines]
    ease = [_EASE * (1 - abs(shift)) for _ in speeds for shift in _SHIFTS]
    speed, offset = lines[int(np.argmax(np.add(along, ease)))]
    offset -= speed * middle

    margin = max(_BEYOND_KEYFRAMES, round(_BEYOND_SHARE * len(inside)))
    rows = np.arange(max(first - margin, 0), min(last + margin, len(query_times) - 1) + 1)
    profile = _along(similarity, query_times, ref_edges, rows, speed, offset)
    begin, end = _run(profile, first - int(rows[0]), max(last, first) - int(rows[0]))
    start_s, end_s = float(query_edges[rows[begin]]), float(query_edges[rows[end] + 1])
    # The reference may begin or end on the way.
    borders = sorted(((float(ref_edges[0]) - offset) / speed, (float(ref_edges[-1]) - offset) / speed))
    start_s, end_s = max(start_s, borders[0]), min(end_s, borders[1])
    if end_s <= start_s:
        return Line(q0, q1, r0, r1, sign * diagonal)
    ref = sorted((offset + speed * start_s, offset + speed * end_s))
    return Line(start_s, end_s, max(ref[0], 0.0), ref[1], speed)


def _along(
    similarity: Floats, query_times: Times, ref_edges: Times, rows: NDArray[np.int64], speed: float, offset: float
) -> Floats:
    """Similarity of query keyframes with what the line says they show; 0 where that lies outside of the reference."""
    columns = np.searchsorted(ref_edges, offset + speed * query_times[rows], side="right") - 1
    there = (columns >= 0) & (columns < similarity.shape[1])
    return np.where(there, similarity[rows, np.where(there, columns, 0)], np.float32(0))


def _run(profile: Floats, first: int, last: int) -> tuple[int, int]:
    """First and last position of the stretch of ``profile`` that belongs to the copy seen in [first, last]."""
    level = _FADED * float(np.median(profile[first : last + 1]))
    belongs = profile >= max(level, 1e-6)
    found = np.flatnonzero(belongs)
    if not len(found):
        return first, last
    gaps = np.flatnonzero(np.diff(found) > _MISSED + 1)
    begins, ends = found[np.concatenate(([0], gaps + 1))], found[np.concatenate((gaps, [len(found) - 1]))]
    shared = np.minimum(ends, last) - np.maximum(begins, first)
    best = int(shared.argmax())
    return int(begins[best]), int(ends[best])
