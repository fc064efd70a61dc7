"""Batches that locators learn from: triplets of proposals, whole references, steps that are action or not."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from cliptrace.models.relocalization.compose import Composer
from cliptrace.models.relocalization.example import Example
from cliptrace.models.relocalization.moments import tiou
from cliptrace.models.relocalization.refinement import offsets
from cliptrace.models.relocalization.steps import fitted, pieces

Floats = NDArray[np.float32]
Random = np.random.Generator
Proposer = Callable[[Floats], Floats]
"""Clip features of a reference → its proposals."""


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


def triplets(
    make: Callable[[Random], Example], proposer: Proposer, count: int, length: int, random: Random
) -> Triplets:
    """§5.2.1: of a positive and of a negative video the proposal that overlaps a labelled moment most."""
    asked: list[tuple[Floats, NDArray[np.bool_]]] = []
    positives: list[tuple[Floats, NDArray[np.bool_]]] = []
    negatives: list[tuple[Floats, NDArray[np.bool_]]] = []
    off: list[Floats] = []
    while len(asked) < count:
        example, another = make(random), make(random)
        if not len(example.moments) or (example.label and example.label == another.label):
            continue
        positive, truth = best_proposal(proposer(example.reference), example.moments)
        labelled = np.concatenate([another.moments, another.others])
        if positive is None or truth is None or not len(labelled):
            continue
        negative, _ = best_proposal(proposer(another.reference), labelled)
        if negative is None:
            continue
        asked.append(fitted(example.query, length))
        positives.append(_one(example.reference, positive, length))
        negatives.append(_one(another.reference, negative, length))
        off.append(offsets(positive[None], truth[None])[0])
    stacked = [
        np.stack([np.asarray(each[part], np.float32) for each in of])
        for of in (asked, positives, negatives)
        for part in (0, 1)
    ]
    return Triplets(*(torch.from_numpy(each) for each in (*stacked, np.stack(off))))


def best_proposal(proposals: Floats, moments: Floats) -> tuple[Floats | None, Floats | None]:
    """Of [P, 2] proposals the one with the highest tIoU with any of [M, 2] moments, and that moment; None where none
    overlaps any."""
    overlaps = tiou(proposals, moments)
    if not overlaps.size or not overlaps.max():
        return None, None
    which, moment = np.unravel_index(int(overlaps.argmax()), overlaps.shape)
    return proposals[which], moments[moment]


def _one(reference: Floats, span: Floats, length: int) -> tuple[Floats, NDArray[np.bool_]]:
    features, there = pieces(reference, span[None], length)
    return features[0], there[0]


def references(examples: Sequence[Example], query_length: int = 0, multiple: int = 1) -> References:
    """query_length: of all queries, longer ones thinned out; 0 for as they are. multiple: of which the references are
    one, padded."""
    queries = [example.query if not query_length else _thinned(example.query, query_length) for example in examples]
    shown, there = _padded([example.reference for example in examples], 1, multiple)
    asked, asked_there = _padded(queries, max(query_length, 1), 1)
    moments = np.full((len(examples), max(max(len(each.moments) for each in examples), 1), 2), np.nan, np.float32)
    for row, example in enumerate(examples):
        moments[row, : len(example.moments)] = example.moments
    return References(*(torch.from_numpy(each) for each in (asked, asked_there, shown, there, moments)))


def _thinned(query: Floats, length: int) -> Floats:
    features, there = fitted(query, length)
    return features[there]


def _padded(each: Sequence[Floats], least: int, multiple: int) -> tuple[Floats, Floats]:
    longest = max(least, *(len(one) for one in each))
    longest += -longest % multiple
    out = np.zeros((len(each), longest, each[0].shape[1]), np.float32)
    there = np.zeros((len(each), longest), np.float32)
    for row, one in enumerate(each):
        out[row, : len(one)], there[row, : len(one)] = one, 1
    return out, there


def action_steps(composer: Composer, count: int, random: Random) -> Steps:
    """References of labels: which of their steps lie in a labelled moment, and which are not beside an end of one."""
    examples = [composer.of_label(str(random.choice(composer.labels)), random) for _ in range(count)]
    features, there = _padded([example.reference for example in examples], 1, 1)
    wanted = np.stack([np.zeros_like(there), np.ones_like(there)], axis=1)
    for row, example in enumerate(examples):
        for start, end in np.concatenate([example.moments, example.others]).astype(np.intp):
            wanted[row, 0, start:end] = 1
            wanted[row, 1, [start, min(end, there.shape[1] - 1)]] = 0
    return Steps(*(torch.from_numpy(each) for each in (features, wanted, there)))
