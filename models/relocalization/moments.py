"""Moments of a reference, in seconds; overlapping ones told once."""

from __future__ import annotations

import dataclasses

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]

FARTHEST = 5.0
"""Logarithm of a distance in steps that a locator can say, at most."""


@dataclasses.dataclass(frozen=True, slots=True)
class Moment:
    """Half-open seconds of the reference. score: in [0, 1], how surely it shows what the query does."""

    start_s: float
    end_s: float
    score: float


def tiou(spans: NDArray[np.floating], others: NDArray[np.floating]) -> Floats:
    """Temporal intersection over union: [N, 2] and [M, 2], starts and ends → float32[N, M]; 0 where both are empty."""
    starts = np.maximum(spans[:, None, 0], others[None, :, 0])
    ends = np.minimum(spans[:, None, 1], others[None, :, 1])
    common = np.clip(ends - starts, 0, None)
    lengths = np.clip(np.diff(spans, axis=1), 0, None), np.clip(np.diff(others, axis=1), 0, None)
    union = lengths[0] + lengths[1].T - common
    return np.asarray(np.divide(common, union, out=np.zeros_like(common), where=union > 0), np.float32)


def suppress(
    spans: NDArray[np.floating], scores: NDArray[np.floating], most_alike: float, count: int
) -> NDArray[np.intp]:
    """Non-maximum suppression: numbers of the best ``count``, the best first, of which no two have a tIoU above
    ``most_alike``."""
    order = np.argsort(-scores, kind="stable")
    kept: list[int] = []
    while len(order) and len(kept) < count:
        best, order = order[0], order[1:]
        kept.append(int(best))
        order = order[tiou(spans[best][None], spans[order])[0] <= most_alike]
    return np.array(kept, np.intp)


def decoded(said: Floats, least: float) -> Floats:
    """float32[3, R], what the anchor-free network says of each step of a reference (anchor_free.py) → float32[N, 3]:
    start and end in steps, and score, of those that reach ``least``, the best first."""
    scores = 1 / (1 + np.exp(-said[0]))
    likely = np.flatnonzero(scores >= least)
    likely = likely[np.argsort(-scores[likely], kind="stable")]
    before, after = np.exp(np.clip(said[1:, likely], -FARTHEST, FARTHEST))
    spans = np.stack([likely + 0.5 - before, likely + 0.5 + after], axis=1).clip(0, said.shape[1])
    return np.concatenate([spans, scores[likely, None]], axis=1).astype(np.float32)
