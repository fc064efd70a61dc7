"""Temporal actionness grouping: what may be a moment, whoever asks (Zhao et al., "Temporal Action Detection with
Structured Segment Networks", ICCV 2017, §4.2)."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from cliptrace.models.relocalization.config import Proposing
from cliptrace.models.relocalization.moments import suppress

Floats = NDArray[np.float32]


def grouped(said: NDArray[np.floating], config: Proposing) -> Floats:
    """float[2, R] in [0, 1], what the classifier says of each step (network.Actionness) → float32[P, 2], spans of
    steps, the likeliest first.

    Each of the two is grouped by itself. Of what comes out nearly twice, the better one is kept.
    """
    spans = np.array(sorted({span for each in said for span in _groupings(each, config)}), np.float32).reshape(-1, 2)
    scores = np.max([_contrast(spans, each) for each in said], axis=0)
    return spans[suppress(spans, scores, config.most_alike, config.most)]


def _groupings(actionness: NDArray[np.floating], config: Proposing) -> Iterator[tuple[int, int]]:
    """A flood of each height leaves basins, runs of steps above it. From each basin on, neighbours are taken in
    while a given share of the group is basin, and it is not too long: else time would grow with the square of what
    is looked through."""
    for flood, tolerance in itertools.product(config.floods, config.tolerances):
        yield from _groups(basins(actionness, flood), tolerance, config.longest)


def basins(actionness: NDArray[np.floating], flood: float) -> list[tuple[int, int]]:
    """Runs of steps above ``flood``, half-open."""
    above = np.concatenate([[False], actionness >= flood, [False]])
    edges = np.flatnonzero(above[1:] != above[:-1])
    return [(int(start), int(end)) for start, end in edges.reshape(-1, 2)]


def _groups(runs: list[tuple[int, int]], tolerance: float, longest: int) -> Iterator[tuple[int, int]]:
    for first, (start, _) in enumerate(runs):
        inside = 0
        last = None
        for at in range(first, len(runs)):
            begin, end = runs[at]
            inside += end - begin
            if inside < tolerance * (end - start) or (last is not None and end - start > longest):
                break
            last = end
        if last is not None:
            yield start, last


def _contrast(spans: Floats, actionness: NDArray[np.floating]) -> Floats:
    """How much more like an action a span is than what lies around it, half its length to both sides."""
    total = np.concatenate([[0.0], np.cumsum(actionness)])
    starts, ends = spans.astype(np.intp).T
    around = np.maximum((ends - starts) // 2, 1)
    before, after = np.maximum(starts - around, 0), np.minimum(ends + around, len(actionness))
    inside = (total[ends] - total[starts]) / (ends - starts)
    outside = (total[after] - total[ends] + total[starts] - total[before]) / np.maximum(
        after - ends + starts - before, 1
    )
    return np.asarray(inside - outside / 2, np.float32)
