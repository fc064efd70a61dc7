"""From a box to a line: which reference second each query second shows, and where on that line the copy ends.

The detector says where a copy is; the map's own cells say to the keyframe where it begins and ends.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from cliptrace.models.ssan.timed import Floats, Rows, TimedMap, Times

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
_FINER, _FINER_EASE = np.linspace(-1.0, 1.0, 7) / 6, 0.02
"""Then once more between the best line and its neighbours, and again what must be better at the side."""
_MOST_ROWS = 32
"""Of the query's keyframes in a box, on which the first lines are tried."""
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


def fit_box(seen: TimedMap, box: Times, backward: bool) -> Line:
    """box: q0, q1, r0, r1, seconds."""
    q0, q1, r0, r1 = box.tolist()
    rows = seen.rows(q0, q1)
    sign = -1.0 if backward else 1.0
    diagonal = max(r1 - r0, 1e-3) / max(q1 - q0, 1e-3)
    speed, offset = _best_line(seen, rows, box, sign * diagonal)

    profile = seen.along(np.arange(len(seen.query_times)), speed, offset)
    per_second = len(seen.query_times) / float(seen.query_edges[-1] - seen.query_edges[0])
    missed = max(_FEWEST, round(_MISSED_S * per_second))
    begin, end = _run(profile, int(rows[0]), int(rows[-1]), missed)
    start_s, end_s = float(seen.query_edges[begin]), float(seen.query_edges[end + 1])
    # The reference may begin or end on the way.
    borders = sorted((float(border) - offset) / speed for border in seen.ref_edges[[0, -1]])
    start_s, end_s = max(start_s, borders[0]), min(end_s, borders[1])
    if end_s <= start_s:
        return Line(q0, q1, r0, r1, sign * diagonal)
    ref = sorted((offset + speed * start_s, offset + speed * end_s))
    return Line(start_s, end_s, max(ref[0], 0.0), ref[1], speed)


def _best_line(seen: TimedMap, rows: Rows, box: Times, diagonal: float) -> tuple[float, float]:
    """Speed and offset of the line near the box's diagonal along which the two are most alike."""
    q0, q1, r0, r1 = box.tolist()
    middle, ref_middle = (q0 + q1) / 2, (r0 + r1) / 2
    is_original = 1 / _ORIGINAL_SPEED < abs(diagonal) < _ORIGINAL_SPEED
    speeds = np.array([diagonal, *(diagonal * each for each in _SLOPES), *[math.copysign(1.0, diagonal)] * is_original])
    spacing = float(seen.ref_edges[-1] - seen.ref_edges[0]) / len(seen.ref_times)
    reach = max(_SHIFT_KEYFRAMES * spacing, _SHIFT_SHARE * (r1 - r0))
    speed_of, shift_of = np.repeat(speeds, len(_SHIFTS)), np.tile(_SHIFTS, len(speeds))
    offsets = ref_middle + reach * shift_of - speed_of * middle
    hurry = np.abs(np.log(np.abs(speed_of)))
    ease = -_EASE * np.abs(shift_of) - _OTHER_SPEED * (hurry > 0) - _HURRY * hurry
    some = rows[:: -(-len(rows) // _MOST_ROWS)]
    best = int(np.argmax(seen.resemblance(some, speed_of, offsets) + ease))
    finer = offsets[best] + reach * _FINER
    alike = seen.resemblance(rows, np.full(len(finer), speed_of[best]), finer) - _FINER_EASE * np.abs(_FINER)
    return float(speed_of[best]), float(finer[int(np.argmax(alike))])


def _run(profile: Floats, first: int, last: int, missed: int) -> tuple[int, int]:
    """First and last position of the stretch of ``profile`` that belongs to the copy seen in [first, last].

    missed: how many in a row may not belong to it.
    """
    level = _FADED * float(np.sort(profile[first : last + 1])[(last + 1 - first) // 2])
    belongs = profile >= max(level, 1e-6)
    found = np.flatnonzero(belongs)
    if not len(found):
        return first, last
    gaps = np.flatnonzero(np.diff(found) > missed + 1)
    begins, ends = found[np.concatenate(([0], gaps + 1))], found[np.concatenate((gaps, [len(found) - 1]))]
    shared = np.minimum(ends, last) - np.maximum(begins, first)
    best = int(shared.argmax())
    return int(begins[best]), int(ends[best])
