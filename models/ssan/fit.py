"""From a box to a line: which reference second each query second shows, and where on that line the copy ends.

The detector says where a copy is; the map's own cells say to the keyframe where it begins and ends.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from models.ssan.grid import edges

Floats = NDArray[np.float32]
Times = NDArray[np.float64]

_SHIFTS = np.linspace(-1.0, 1.0, 13)
_SHIFT_KEYFRAMES, _SHIFT_SHARE = 2.0, 0.2
"""How far a line may lie beside the box's diagonal: in keyframes, or as a share of the copy's length."""
_SLOPES = (0.67, 0.8, 0.9, 1.1, 1.25, 1.5)
"""How many times as steep as the diagonal it may be."""
_ORIGINAL_SPEED = 1.35
"""A box that is this near to the original speed may be a copy at it, as most are."""
_EASE = 0.01
"""Similarity by which a line at the box's side must be better than its middle."""
_OTHER_SPEED, _HURRY = 0.02, 0.05
"""And a line at another speed than the original better than one at it: at all, and once more for each factor of e."""
_FADED = 0.5
"""Share of a copy's median similarity below which a keyframe no longer belongs to it."""
_MISSED_S = 1.0
"""How long keyframes in a row may not belong to it, though it goes on behind them."""
_FEWEST = 2
"""Keyframes that either is at least."""


class Line(NamedTuple):
    """[query_start, query_end) shows [ref_start, ref_end); seconds. speed: reference seconds a query second, negative
    when played backwards."""

    query_start: float
    query_end: float
    ref_start: float
    ref_end: float
    speed: float


def fit_box(similarity: Floats, query_times: Times, ref_times: Times, box: Times, backward: bool) -> Line:
    """box: q0, q1, r0, r1, seconds; similarity: float32[Q, R], whose keyframes are at the given seconds."""
    query_edges, ref_edges = edges(query_times), edges(ref_times)
    q0, q1, r0, r1 = box.tolist()
    first, last = inside(query_edges, q0, q1)
    rows = np.arange(first, last + 1)
    diagonal = max(r1 - r0, 1e-3) / max(q1 - q0, 1e-3)
    middle, ref_middle = (q0 + q1) / 2, (r0 + r1) / 2
    original = [1.0] if 1 / _ORIGINAL_SPEED < diagonal < _ORIGINAL_SPEED else []
    speeds = np.array([diagonal, *original, *(diagonal * each for each in _SLOPES)])
    spacing = float(ref_edges[-1] - ref_edges[0]) / len(ref_times)
    reach = max(_SHIFT_KEYFRAMES * spacing, _SHIFT_SHARE * (r1 - r0))
    sign = -1.0 if backward else 1.0
    speed_of, shift_of = (each.ravel() for each in np.meshgrid(sign * speeds, _SHIFTS, indexing="ij"))
    offsets = ref_middle + reach * shift_of - speed_of * middle
    means = along(similarity, query_times, ref_edges, rows, speed_of, offsets).mean(axis=1)
    hurry = np.abs(np.log(np.abs(speed_of)))
    ease = -_EASE * np.abs(shift_of) - _OTHER_SPEED * (hurry > 0) - _HURRY * hurry
    best = int(np.argmax(means + ease))
    speed, offset = float(speed_of[best]), float(offsets[best])

    per_second = len(query_times) / float(query_edges[-1] - query_edges[0])
    everywhere = np.arange(len(query_times))
    (profile,) = along(similarity, query_times, ref_edges, everywhere, speed_of[[best]], offsets[[best]])
    missed = max(_FEWEST, round(_MISSED_S * per_second))
    begin, end = _run(profile, first, last, missed)
    start_s, end_s = float(query_edges[begin]), float(query_edges[end + 1])
    # The reference may begin or end on the way.
    borders = sorted(((float(ref_edges[0]) - offset) / speed, (float(ref_edges[-1]) - offset) / speed))
    start_s, end_s = max(start_s, borders[0]), min(end_s, borders[1])
    if end_s <= start_s:
        return Line(q0, q1, r0, r1, sign * diagonal)
    ref = sorted((offset + speed * start_s, offset + speed * end_s))
    return Line(start_s, end_s, max(ref[0], 0.0), ref[1], speed)


def inside(sides: Times, start_s: float, end_s: float) -> tuple[int, int]:
    """First and last of the keyframes whose time is shared with [start_s, end_s)."""
    first = int(np.searchsorted(sides[1:-1], start_s, side="right"))
    return first, max(int(np.searchsorted(sides[1:-1], end_s, side="left")), first)


def along(
    similarity: Floats, query_times: Times, ref_edges: Times, rows: NDArray[np.int64], speeds: Times, offsets: Times
) -> Floats:
    """float32[lines, rows], similarity of query keyframes with what each line says they show; 0 where that lies outside
    of the reference."""
    shown = offsets[:, None] + speeds[:, None] * query_times[rows]
    columns = np.searchsorted(ref_edges, shown, side="right") - 1
    there = (columns >= 0) & (columns < similarity.shape[1])
    return np.where(there, similarity[rows, np.where(there, columns, 0)], np.float32(0))


def _run(profile: Floats, first: int, last: int, missed: int) -> tuple[int, int]:
    """First and last position of the stretch of ``profile`` that belongs to the copy seen in [first, last].

    missed: how many in a row may not belong to it.
    """
    level = _FADED * float(np.median(profile[first : last + 1]))
    belongs = profile >= max(level, 1e-6)
    found = np.flatnonzero(belongs)
    if not len(found):
        return first, last
    gaps = np.flatnonzero(np.diff(found) > missed + 1)
    begins, ends = found[np.concatenate(([0], gaps + 1))], found[np.concatenate((gaps, [len(found) - 1]))]
    shared = np.minimum(ends, last) - np.maximum(begins, first)
    best = int(shared.argmax())
    return int(begins[best]), int(ends[best])
