"""The frame-level baseline: where the reference follows the query step by step (Feng et al., ECCV 2018, §4.2).

Nothing is learned, so it works with any clip features. A path goes down the table of squared distances between unit
features, at half to twice the query's speed; the places with the smallest mean distance are told.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from cliptrace.models.backbones.pooling import unit

Floats = NDArray[np.float32]

_MOVES = ((1, 1), (1, 2), (2, 1))
"""Steps of query and reference."""
_ROWS = 256
"""Of the table, that are held at a time: what a query takes in memory does not grow with its length."""
_OUT, _ENOUGH = 0.55, 0.8
"""What stands out: so much of the way from what nine in ten ends reach to 1, as in one in ten references of games that
do not show the query (validation split of benchmarks/relocalization); and so much in any case, since a reference may
show nothing else."""


def frame_level(query: Floats, reference: Floats) -> Floats:
    """float32[Q, D], float32[R, D] → float32[E, 3], one row an end: start and end in steps of the reference, and how
    alike, in [-1, 1]; the best first. Q and R at least 1; E is 0 where the query is more than twice as long."""
    query, reference = unit(np.asarray(query, np.float32)), unit(np.asarray(reference, np.float32))
    begin = np.arange(len(reference), dtype=np.float32)
    everywhere = np.arange(len(reference))
    rows: list[tuple[Floats, Floats]] = []
    before = np.empty(0, np.float32)
    for row, here in enumerate(_distances(query, reference)):
        options = [_moved(rows, before, here, *move) for move in _MOVES if move[0] <= row]
        if options:
            costs, starts = (np.stack(each) for each in zip(*options, strict=True))
            best = costs.argmin(axis=0)
            rows = [*rows[-1:], (costs[best, everywhere], starts[best, everywhere])]
        else:
            rows = [(here, begin)]
        before = here
    cost, start = rows[-1]
    found = np.stack([start, begin + 1, 1 - cost / (2 * len(query))], axis=1)[np.isfinite(cost)]
    return np.asarray(found[np.argsort(-found[:, 2], kind="stable")], np.float32)


def standing_out(found: Floats) -> float:
    """float32[E, 3], as ``frame_level`` makes it, E at least 1 → the likeness from which on an end stands out."""
    usual = max(float(np.quantile(found[:, 2], 0.1)), 0.0)
    return min(usual + _OUT * (1 - usual), _ENOUGH)


def _distances(query: Floats, reference: Floats) -> Iterator[Floats]:
    """float32[R] of each step of the query."""
    for start in range(0, len(query), _ROWS):
        yield from 2 - 2 * query[start : start + _ROWS] @ reference.T


def _moved(
    rows: list[tuple[Floats, Floats]], before: Floats, here: Floats, down: int, along: int
) -> tuple[Floats, Floats]:
    """Cost and start of each reference step where the path comes from so many steps of query and reference before.

    before, here: float32[R], distances of the query's last step and of this one."""
    costs, starts = rows[-down]
    cost, start = np.full_like(costs, np.inf), np.zeros_like(starts)
    if along < len(cost):
        cost[along:], start[along:] = costs[:-along], starts[:-along]
    passed = here.copy()
    if along == 2:
        passed[1:] = (here[1:] + here[:-1]) / 2
    if down == 2:
        passed += before
    return cost + passed, start
