"""AFT+SRM: a fusion tensor of all pairs of frames, measured by a convolutional network (Wang et al.).

Known of it here is what the relocalisation papers say: attention between the frames of query and proposal weighs how
they are fused (the attention-based fusion tensor), a convolutional network measures the relevance of what comes out
(semantic relevance measurement), and triplets are chosen as in the paper (§5.3.1): the best proposal of a reference
with the query's label, and that of one with another. Read so: both clips are mapped to C numbers a step by one linear
layer and an LSTM; the tensor at (i, j) is their product, number by number, times a sigmoid of their scaled inner
product; three convolutions of stride 2 with group normalisation, a mean over all places, and a perceptron with tanh
give the score. Steps that are not there are zeros in the tensor. Proposals are not refined.
"""

from __future__ import annotations

import dataclasses
import itertools
from functools import partial
from pathlib import Path

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from benchmarks.relocalization.baselines.contestant import BaselineTraining, Contestant, Floats, Make
from benchmarks.relocalization.baselines.examples import (
    Steps,
    Triplets,
    best_proposals,
    clips,
    ranked,
    triplets,
)
from cliptrace.models.relocalization.examples import Proposer
from cliptrace.models.relocalization.steps import covered
from cliptrace.models.training.optimiser import optimise

_CHUNK = 32


class FusionTensor(nn.Module):
    def __init__(self, dimension: int, hidden: int, dropout: float) -> None:
        super().__init__()
        self.drop = nn.Dropout(dropout)
        self.map = nn.Linear(dimension, hidden)
        self.lstm = nn.LSTM(hidden, hidden, batch_first=True)
        widths = (hidden, hidden // 2, hidden, hidden)
        layers: list[nn.Module] = []
        for before, after in itertools.pairwise(widths):
            layers += [nn.Conv2d(before, after, 3, stride=2, padding=1), nn.GroupNorm(4, after), nn.ReLU()]
        self.measure = nn.Sequential(*layers)
        self.score = nn.Sequential(nn.Linear(hidden, hidden), nn.ReLU(), nn.Linear(hidden, 1), nn.Tanh())

    def forward(self, query: Steps, proposal: Steps) -> torch.Tensor:
        """→ [B], in [-1, 1]."""
        first, second = self._states(query), self._states(proposal)
        alike = torch.einsum("bih,bjh->bij", first, second) / first.shape[2] ** 0.5
        tensor = torch.einsum("bih,bjh,bij->bhij", first, second, alike.sigmoid())
        scores: torch.Tensor = self.score(self.measure(tensor).mean(dim=(2, 3)))
        return scores[:, 0]

    def _states(self, steps: Steps) -> torch.Tensor:
        mapped = functional.relu(self.map(self.drop(steps.features)))
        return (self.lstm(mapped)[0] + mapped) * steps.there[..., None]


@dataclasses.dataclass(frozen=True, slots=True)
class Measured:
    network: FusionTensor
    length: int

    def locate(self, query: Floats, reference: Floats, proposals: Floats) -> Floats:
        pieces = [covered(reference, span) for span in proposals]
        asked = clips([query], self.length)
        scores = [np.empty(0, np.float32)]
        with torch.inference_mode():
            for at in range(0, len(pieces), _CHUNK):
                some = clips(pieces[at : at + _CHUNK], self.length)
                same = Steps(*(each.expand(len(some.there), *each.shape[1:]) for each in asked))
                scores.append(self.network(same, some).numpy())
        return ranked(proposals, np.concatenate(scores))


def train_aft_srm(make: Make, propose: Proposer, output: Path, config: BaselineTraining) -> Contestant:
    torch.manual_seed(config.seed)
    dimension = make(np.random.default_rng(config.seed)).query.shape[1]
    network = FusionTensor(dimension, config.hidden, config.dropout)

    def loss(batch: Triplets) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
        apart = network(batch.query, batch.positive) - network(batch.query, batch.negative)
        total = functional.relu(config.margin - apart).mean()
        return total, {"triplet": total}

    batches = partial(triplets, make, best_proposals(propose), config.batch, config.length)
    trained = optimise(network, [(network.parameters(), config.rate)], batches, loss, output, config)
    return Measured(trained, config.length)
