"""Lines that the detector does not see: short pieces between two cuts, fast and slow ones, a second place of the same.

A copy is pasted between two cuts of the query. So for each of its shots all lines through the map are tried, at every
speed that a copy may have, and the best ones that no other finding lies on are proposed, too.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence

import numpy as np

from cliptrace.models.ssan.fit import Line, fit_box
from cliptrace.models.ssan.timed import Rows, TimedMap, Times

_SPEEDS = (1.0, 0.8, 1.25, 0.65, 1.55, 0.5, 2.0, 0.33, 3.0, 0.25, 4.0)
_STEP_S = 0.25
"""Of the reference, between two lines that are tried."""
_LONG_S = 2.0
"""Shorter shots are tried at the original speed alone: a line of any speed fits them."""
_SHORTEST_S = 0.5
_MOST_ROWS = 12
"""Of a shot's keyframes, on which lines are tried."""
_HURRY = 0.05
"""Similarity by which another speed must be better, for each factor of e."""
_LEAST, _SHARE = 0.3, 0.85
"""Similarity along a line that is proposed, and its share of the shot's best."""
_PLACES = 4
"""Lines of a shot, at most."""


def shot_lines(seen: TimedMap, cuts: Times, known: Sequence[Line]) -> Iterator[tuple[Line, bool]]:
    """Lines, and whether they play backwards. cuts: float64[C], seconds of the query. known: what was found already."""
    found = list(known)
    edges = [float(seen.query_edges[0]), *cuts.tolist(), float(seen.query_edges[-1])]
    for start, end in itertools.pairwise(edges):
        if end - start < _SHORTEST_S:
            continue
        rows = seen.rows(start, end)
        if seen.similarity[rows[0] : rows[-1] + 1].max() < _LEAST:
            continue
        for box, backward in _best_boxes(seen, rows, start, end, found):
            line = fit_box(seen, box, backward)
            if line.query_end > line.query_start and line.ref_end > line.ref_start:
                found.append(line)
                yield line, backward


def _best_boxes(
    seen: TimedMap, rows: Rows, start: float, end: float, known: Sequence[Line]
) -> Iterator[tuple[Times, bool]]:
    some = rows[:: -(-len(rows) // _MOST_ROWS)]
    forward = _SPEEDS if end - start >= _LONG_S else _SPEEDS[:1]
    speeds = np.array([*forward, *(-speed for speed in forward)])
    middles = np.arange(seen.ref_edges[0], seen.ref_edges[-1], _STEP_S)
    speed_of, middle_of = np.repeat(speeds, len(middles)), np.tile(middles, len(speeds))
    offsets = middle_of - speed_of * (start + end) / 2
    alike = seen.resemblance(some, speed_of, offsets)
    ease = _HURRY * np.abs(np.log(np.abs(speed_of))) + _HURRY * (speed_of < 0)
    worth = alike - ease
    least = max(_LEAST, _SHARE * float(alike.max()))
    there = [line for line in known if line.query_start < end and line.query_end > start]
    taken = [(line.ref_start + line.ref_end) / 2 for line in there if _covers(line, start, end)]
    most = len(taken) + _PLACES  # many lines over several shots may have this one, too
    for best in np.argsort(-worth, kind="stable"):
        if len(taken) >= most or alike[best] < least:
            return
        speed, middle = float(speed_of[best]), float(middle_of[best])
        half = abs(speed) * (end - start) / 2
        if any(abs(middle - other) < max(half, 0.5) for other in taken):
            continue
        taken.append(middle)
        low, high = max(middle - half, float(seen.ref_edges[0])), min(middle + half, float(seen.ref_edges[-1]))
        if high > low:
            yield np.array([start, end, low, high]), speed < 0


def _covers(line: Line, start: float, end: float) -> bool:
    """Whether it has most of a shot."""
    return min(line.query_end, end) - max(line.query_start, start) >= 0.8 * (end - start)
