"""Batches that locators learn from: triplets of proposals, whole references, steps that are action or not."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple, Protocol

import numpy as np
import torch
from numpy.typing import NDArray

from cliptrace.models.relocalization.example import Example
from cliptrace.models.relocalization.moments import tiou
from cliptrace.models.relocalization.refinement import offsets
from cliptrace.models.relocalization.steps import covered, fitted, padded
from cliptrace.models.training.batches import Random

Floats = NDArray[np.float32]
Proposer = Callable[[Floats], Floats]
"""Clip features of a reference → its proposals, float32[P, 2], the likeliest first; P may be 0."""


class Examples(Protocol):
    """What a locator learns from, without end: composed videos (compose.py), or pairs of a data set."""

    def example(self, random: Random, absent: bool = False) -> Example:
        """absent: whether the reference holds no such moment; else it has one at least."""
        ...

    def labelled(self, random: Random) -> Example:
        """One whose query and moments somebody has labelled."""
        ...


def dimension_of(examples: Examples) -> int:
    """Of their features."""
    return int(examples.example(np.random.default_rng(0)).query.shape[1])


class Triplets(NamedTuple):
    """query, positive, negative: float32[B, T, D]; each with float32[B, T]. offsets: float32[B, 2], of the positive."""

    query: torch.Tensor
    query_there: torch.Tensor
    positive: torch.Tensor
    positive_there: torch.Tensor
    negative: torch.Tensor
    negative_there: torch.Tensor
    offsets: torch.Tensor


class References(NamedTuple):
    """query: float32[B, Q, D]; reference: float32[B, R, D]; each with float32[B, Q] and [B, R]. moments: float32[B, M,
    2], in steps; rows of NaN fill up."""

    query: torch.Tensor
    query_there: torch.Tensor
    reference: torch.Tensor
    there: torch.Tensor
    moments: torch.Tensor


class Steps(NamedTuple):
    """features: float32[B, R, D]; wanted: float32[B, 2, R], what Actionness must say; there: float32[B, R]."""

    features: torch.Tensor
    wanted: torch.Tensor
    there: torch.Tensor


def triplets(examples: Examples, proposer: Proposer, count: int, length: int, random: Random) -> Triplets:
    """§5.2.1: of a positive and of a negative video the proposal that overlaps a labelled moment most."""
    clips: list[tuple[Floats, Floats, Floats]] = []
    off: list[Floats] = []
    while len(clips) < count:
        example, another = examples.example(random), examples.example(random)
        if example.label and example.label == another.label:
            continue
        positive = best_proposal(proposer(example.reference), example.moments)
        negative = best_proposal(proposer(another.reference), np.concatenate([another.moments, another.others]))
        if positive is None or negative is None:
            continue
        shown = covered(example.reference, positive[0]), covered(another.reference, negative[0])
        clips.append((example.query, *shown))
        off.append(offsets(positive[0][None], positive[1][None])[0])
    asked, true, false = (_tensors(*fitted(side, length)) for side in zip(*clips, strict=True))
    return Triplets(*asked, *true, *false, torch.from_numpy(np.stack(off)))


def best_proposal(proposals: Floats, moments: Floats) -> tuple[Floats, Floats] | None:
    """Of [P, 2] proposals the one with the highest tIoU with any of [M, 2] moments, and that moment; None where none
    overlaps any."""
    overlaps = tiou(proposals, moments)
    if not overlaps.size or not overlaps.max():
        return None
    which, moment = np.unravel_index(int(overlaps.argmax()), overlaps.shape)
    return proposals[which], moments[moment]


def references(examples: Sequence[Example], rows: int = 0, multiple: int = 1) -> References:
    """rows: of all queries, longer ones thinned out; 0 for as they are. multiple: of which the references are one,
    padded."""
    queries = [example.query for example in examples]
    asked = fitted(queries, rows) if rows else padded(queries)
    shown = padded([example.reference for example in examples], multiple=multiple)
    moments = np.full((len(examples), max(1, *(len(each.moments) for each in examples)), 2), np.nan, np.float32)
    for row, example in enumerate(examples):
        moments[row, : len(example.moments)] = example.moments
    return References(*_tensors(*asked), *_tensors(*shown), torch.from_numpy(moments))


def action_steps(examples: Examples, count: int, random: Random) -> Steps:
    """References of labels: which of their steps lie in a labelled moment, and which are not beside an end of one."""
    drawn = [examples.labelled(random) for _ in range(count)]
    features, there = padded([example.reference for example in drawn])
    wanted = np.stack([np.zeros_like(there), np.ones_like(there)], axis=1).astype(np.float32)
    for row, example in enumerate(drawn):
        for start, end in np.concatenate([example.moments, example.others]).astype(np.intp):
            wanted[row, 0, start:end] = 1
            wanted[row, 1, [start, min(end, there.shape[1] - 1)]] = 0
    steps, exist = _tensors(features, there)
    return Steps(steps, torch.from_numpy(wanted), exist)


def _tensors(features: Floats, there: NDArray[np.bool_]) -> tuple[torch.Tensor, torch.Tensor]:
    """The mask as 0 and 1, as the networks multiply with it."""
    return torch.from_numpy(features), torch.from_numpy(there.astype(np.float32))
