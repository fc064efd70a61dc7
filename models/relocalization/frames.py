"""The frame-level baseline: where the reference follows the query step by step (Feng et al., ECCV 2018, §4.2).

Nothing is learned, so it works with any clip features. A path goes down the table of squared distances between unit
features, at half to twice the query's speed; the places with the smallest mean distance are told.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from cliptrace.models.backbones.pooling import unit

Floats = NDArray[np.float32]

_MOVES = ((1, 1), (1, 2), (2, 1))
"""Steps of query and reference."""


def frame_level(query: Floats, reference: Floats) -> Floats:
    """float32[Q, D], float32[R, D] → float32[E, 3], one row an end: start and end in steps of the reference, and how
    alike, in [-1, 1]; the best first. Q and R at least 1; E is 0 where the query is more than twice as long."""
    query, reference = unit(np.asarray(query, np.float32)), unit(np.asarray(reference, np.float32))
    distances = 2 - 2 * query @ reference.T
    count = len(reference)
    begin = np.arange(count, dtype=np.float32)
    rows = [(distances[0], begin)]
    for row in range(1, len(query)):
        options = [_moved(rows, distances, row, *move) for move in _MOVES if move[0] <= row]
        costs, starts = (np.stack(each) for each in zip(*options, strict=True))
        best = costs.argmin(axis=0)
        everywhere = np.arange(count)
        rows = [*rows[-1:], (costs[best, everywhere], starts[best, everywhere])]
    cost, start = rows[-1]
    found = np.stack([start, begin + 1, 1 - cost / (2 * len(query))], axis=1)[np.isfinite(cost)]
    return np.asarray(found[np.argsort(-found[:, 2], kind="stable")], np.float32)


def _moved(
    rows: list[tuple[Floats, Floats]], distances: Floats, row: int, down: int, along: int
) -> tuple[Floats, Floats]:
    """Cost and start of each reference step where the path comes from so many steps of query and reference before."""
    before, starts = rows[-down]
    cost, start = np.full_like(before, np.inf), np.zeros_like(starts)
    if along < len(cost):
        cost[along:], start[along:] = before[:-along], starts[:-along]
    passed = distances[row].copy()
    if along == 2:
        passed[1:] = (distances[row, 1:] + distances[row, :-1]) / 2
    if down == 2:
        passed += distances[row - 1]
    return cost + passed, start
