"""From examples to what networks take: pieces of a reference, all of one length or padded, and triplets of them."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from benchmarks.relocalization.baselines.contestant import Floats, Make
from cliptrace.models.backbones.pooling import unit
from cliptrace.models.relocalization import steps
from cliptrace.models.relocalization.example import Example
from cliptrace.models.relocalization.examples import Proposer, best_proposal
from cliptrace.models.relocalization.steps import covered, fitted
from cliptrace.models.training.batches import Random
from cliptrace.schemas.errors import UsageError

_TRIES = 1000


class Steps(NamedTuple):
    """features: float32[B, K, D], rows of norm √D, or zeros where there is no step. there: bool[B, K]."""

    features: torch.Tensor
    there: torch.Tensor


class Triplets(NamedTuple):
    query: Steps
    positive: Steps
    negative: Steps


Draw = Callable[[Example, Example, Random], tuple[Floats, Floats]]
"""Of an example and one of another label: features of a positive and of a negative."""


def clips(pieces: Sequence[Floats], length: int) -> Steps:
    """Pieces, float32[K, D], brought to ``length`` steps (steps.fitted)."""
    return _scaled(*fitted(pieces, length))


def padded(pieces: Sequence[Floats]) -> Steps:
    """Pieces, float32[K, D], K at least 1, one below another; shorter ones end in zeros."""
    return _scaled(*steps.padded(pieces))


def _scaled(features: Floats, there: NDArray[np.bool_]) -> Steps:
    rows = unit(features.reshape(-1, features.shape[2])).reshape(features.shape) * math.sqrt(features.shape[2])
    return Steps(torch.from_numpy(rows), torch.from_numpy(there))


def of_another_label(make: Make, label: str, random: Random) -> Example:
    """Where a label is "", nobody has said what it shows, and any other will do."""
    for _ in range(_TRIES):
        if (other := make(random)).label != label or not label:
            return other
    raise UsageError(f"all {_TRIES:,} examples are of {label!r}: give examples of at least two labels")


def triplets(make: Make, draw: Draw, batch: int, length: int, random: Random) -> Triplets:
    """``batch`` triplets, every clip of ``length`` steps."""
    rows = []
    for _ in range(batch):
        example = make(random)
        other = of_another_label(make, example.label, random)
        rows.append((example.query, *draw(example, other, random)))
    return Triplets(*(clips(column, length) for column in zip(*rows, strict=True)))


def best_proposals(propose: Proposer) -> Draw:
    """The paper's choice (§5.2.1): of each of the two references the proposal that overlaps a moment most. Where none
    does, it is a moment itself."""

    def best(example: Example) -> Floats:
        found = best_proposal(propose(example.reference), example.moments)
        return covered(example.reference, found[0] if found else example.moments[0])

    return lambda example, other, random: (best(example), best(other))


def ranked(spans: Floats, scores: Floats) -> Floats:
    """float32[N, 2], float32[N] → float32[N, 3], the best first."""
    order = np.argsort(-scores, kind="stable")
    return np.concatenate([spans, scores[:, None]], axis=1, dtype=np.float32)[order]


def last_there(states: torch.Tensor, there: torch.Tensor) -> torch.Tensor:
    """[B, K, H] → [B, H], each at its last step."""
    return states[torch.arange(len(states)), there.sum(dim=1) - 1]
