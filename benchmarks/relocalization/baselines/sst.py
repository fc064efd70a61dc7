"""SST, single-stream temporal proposals (Buch et al., CVPR 2017), told what to look for.

A GRU reads the reference once; at every step it says how likely each of K spans that end there is a proposal. The
paper (§5.3.1) trains it with triplets and tells the span of the highest confidence; how the query comes in is not said.
Here another GRU reads the query, and its last state stands beside every step of the reference. Spans of a reference
with the query's label are right from a tIoU of 0.5 on, as in SST; in one of another label all are wrong. K lengths
grow geometrically up to 256 steps, where SST has all multiples of one.
"""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from benchmarks.relocalization.baselines.contestant import BaselineTraining, Contestant, Floats, Make
from benchmarks.relocalization.baselines.examples import Steps, clips, last_there, of_another_label, padded, ranked
from cliptrace.models.relocalization.examples import Proposer
from cliptrace.models.relocalization.moments import tiou
from cliptrace.models.training.batches import Random
from cliptrace.models.training.optimiser import optimise

LENGTHS = np.unique(np.geomspace(1, 256, 32).round()).astype(np.float32)
"""Of the spans that end at a step, in steps."""
_RIGHT = 0.5
_MOST = 100
_HEAVIEST = 50.0


class Batch(NamedTuple):
    """right, valid: bool[B, R, K]: of the spans, which are right, and which are spans of the reference at all."""

    query: Steps
    reference: Steps
    right: torch.Tensor
    valid: torch.Tensor


class SST(nn.Module):
    def __init__(self, dimension: int, hidden: int) -> None:
        super().__init__()
        self.query = nn.GRU(dimension, hidden, batch_first=True)
        self.stream = nn.GRU(dimension + hidden, hidden, batch_first=True)
        self.score = nn.Linear(hidden, len(LENGTHS))

    def forward(self, query: Steps, reference: Steps) -> torch.Tensor:
        """→ [B, R, K], logits."""
        asked = last_there(self.query(query.features)[0], query.there)
        beside = asked[:, None].expand(-1, reference.features.shape[1], -1)
        states, _ = self.stream(torch.cat([reference.features, beside], dim=2))
        logits: torch.Tensor = self.score(states)
        return logits


def spans_of(count: int) -> tuple[Floats, np.ndarray]:
    """float32[R, K, 2], starts and ends of all spans; bool[R, K], which of them do not begin before the reference."""
    ends = np.repeat(np.arange(1, count + 1, dtype=np.float32)[:, None], len(LENGTHS), axis=1)
    spans = np.stack([ends - LENGTHS, ends], axis=2)
    return spans, spans[:, :, 0] >= 0


@dataclasses.dataclass(frozen=True, slots=True)
class SingleStream:
    network: SST
    length: int

    def locate(self, query: Floats, reference: Floats, proposals: Floats) -> Floats:
        with torch.inference_mode():
            logits = self.network(clips([query], self.length), padded([reference]))
        spans, valid = spans_of(len(reference))
        return ranked(spans[valid], logits[0].sigmoid().numpy()[valid])[:_MOST]


def train_sst(make: Make, propose: Proposer, output: Path, config: BaselineTraining) -> Contestant:
    torch.manual_seed(config.seed)
    dimension = make(np.random.default_rng(config.seed)).query.shape[1]
    network = SST(dimension, config.hidden)

    def batches(random: Random) -> Batch:
        queries, references, right = [], [], []
        for _ in range(config.batch):
            example = make(random)
            other = of_another_label(make, example.label, random)
            queries += [example.query] * 2
            references += [example.reference, other.reference]
            right += [example.moments, np.empty((0, 2), np.float32)]
        steps = padded(references)
        spans, valid = spans_of(steps.there.shape[1])
        overlaps = [
            tiou(spans.reshape(-1, 2), moments).max(axis=1, initial=0).reshape(valid.shape) >= _RIGHT
            for moments in right
        ]
        there = steps.there[:, :, None] & torch.from_numpy(valid)
        return Batch(clips(queries, config.length), steps, torch.from_numpy(np.stack(overlaps)), there)

    def loss(batch: Batch) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
        logits, right = network(batch.query, batch.reference)[batch.valid], batch.right[batch.valid].float()
        heavier = ((1 - right).sum() / right.sum().clamp(min=1)).clamp(max=_HEAVIEST)
        total = functional.binary_cross_entropy_with_logits(logits, right, pos_weight=heavier)
        return total, {"entropy": total}

    trained = optimise(network, [(network.parameters(), config.rate)], batches, loss, output, config)
    return SingleStream(trained, config.length)
