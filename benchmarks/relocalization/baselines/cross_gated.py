"""Cross-gated bilinear matching (Feng et al., ECCV 2018): every step of the reference is matched and labelled.

One LSTM reads query and reference. At each step of the reference: attention over the query's states, which knows the
state of the matching so far; cross gating, by which each side decides what of the other counts; a bilinear form of the
two (here of low rank); a matching LSTM over the forms. A localisation LSTM, here of both directions, labels the steps
start, end, inside, outside, with a weighted cross-entropy, since most are outside. A span scores the product of how
likely its first step is a start, its last one an end, and, on average, those between inside; told are the best pairs of
the 64 likeliest starts and ends.
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
from benchmarks.relocalization.baselines.examples import Steps, clips, padded, ranked
from cliptrace.models.relocalization.examples import Proposer
from cliptrace.models.training.batches import Random
from cliptrace.models.training.optimiser import optimise

START, END, INSIDE, OUTSIDE = range(4)
_WEIGHTS = (10.0, 10.0, 2.0, 1.0)
"""Of the labels in the loss."""
_UNLABELLED = -1
_ENDS = 64
_MOST = 100


class Batch(NamedTuple):
    """labels: int64[B, R]."""

    query: Steps
    reference: Steps
    labels: torch.Tensor


class CrossGated(nn.Module):
    def __init__(self, dimension: int, hidden: int, dropout: float) -> None:
        super().__init__()
        self.drop = nn.Dropout(dropout)
        self.encoder = nn.LSTM(dimension, hidden, batch_first=True)
        self.asked, self.seen = nn.Linear(hidden, hidden), nn.Linear(hidden, hidden, bias=False)
        self.matched = nn.Linear(hidden, hidden, bias=False)
        self.attention = nn.Linear(hidden, 1, bias=False)
        self.gate_of_query, self.gate_of_reference = nn.Linear(hidden, hidden), nn.Linear(hidden, hidden)
        self.first, self.second = nn.Linear(hidden, hidden), nn.Linear(hidden, hidden)
        self.matching = nn.LSTMCell(hidden, hidden)
        self.localisation = nn.LSTM(hidden, hidden, batch_first=True, bidirectional=True)
        self.label = nn.Linear(2 * hidden, 4)

    def forward(self, query: Steps, reference: Steps) -> torch.Tensor:
        """→ [B, R, 4], logits of the labels."""
        asked, seen = (self.drop(self.encoder(self.drop(each.features))[0]) for each in (query, reference))
        of_query, of_reference = self.asked(asked), self.seen(seen)
        nowhere = torch.zeros_like(query.features[:, :, 0]).masked_fill(~query.there, -torch.inf)
        state = (torch.zeros_like(seen[:, 0]), torch.zeros_like(seen[:, 0]))
        states = []
        for step in range(seen.shape[1]):
            about = (of_reference[:, step] + self.matched(state[0]))[:, None]
            weights = (self.attention(torch.tanh(of_query + about))[..., 0] + nowhere).softmax(dim=1)
            attended = torch.einsum("bq,bqh->bh", weights, asked)
            gated_query = attended * self.gate_of_reference(seen[:, step]).sigmoid()
            gated_reference = seen[:, step] * self.gate_of_query(attended).sigmoid()
            state = self.matching(self.first(gated_query) * self.second(gated_reference), state)
            states.append(state[0])
        logits: torch.Tensor = self.label(self._localised(torch.stack(states, dim=1), reference.there))
        return logits

    def _localised(self, states: torch.Tensor, there: torch.Tensor) -> torch.Tensor:
        packed = nn.utils.rnn.pack_padded_sequence(states, there.sum(dim=1), batch_first=True, enforce_sorted=False)
        found, _ = nn.utils.rnn.pad_packed_sequence(
            self.localisation(packed)[0], batch_first=True, total_length=there.shape[1]
        )
        return found


def labels_of(moments: Floats, count: int) -> np.ndarray:
    """int64[count]: of each step of a reference, what it is."""
    labels = np.full(count, OUTSIDE, np.int64)
    for start, end in moments:
        first = min(int(start + 0.5), count - 1)
        last = min(max(int(end + 0.5) - 1, first), count - 1)
        labels[first : last + 1] = INSIDE
        labels[last] = END
        labels[first] = START
    return labels


def best_spans(logs: Floats) -> Floats:
    """float32[R, 4], log probabilities → float32[N, 3]."""
    starts, ends = (np.argsort(-logs[:, label], kind="stable")[:_ENDS] for label in (START, END))
    pairs = np.stack(np.meshgrid(starts, ends, indexing="ij"), axis=2).reshape(-1, 2)
    first, last = pairs[pairs[:, 0] < pairs[:, 1]].T
    until = np.concatenate([[0], np.cumsum(np.exp(logs[:, INSIDE]), dtype=np.float64)])
    between = (until[last] - until[first + 1]) / np.maximum(last - first - 1, 1)
    scores = np.exp(logs[first, START] + logs[last, END]) * np.where(last - first > 1, between, 1)
    return ranked(np.stack([first, last + 1], axis=1).astype(np.float32), scores.astype(np.float32))[:_MOST]


@dataclasses.dataclass(frozen=True, slots=True)
class Matching:
    network: CrossGated
    length: int

    def locate(self, query: Floats, reference: Floats, proposals: Floats) -> Floats:
        with torch.inference_mode():
            logits = self.network(clips([query], self.length), padded([reference]))[0]
        return best_spans(logits.log_softmax(dim=1).numpy())


def train_cross_gated(make: Make, propose: Proposer, output: Path, config: BaselineTraining) -> Contestant:
    torch.manual_seed(config.seed)
    dimension = make(np.random.default_rng(config.seed)).query.shape[1]
    network = CrossGated(dimension, config.hidden, config.dropout)
    weights = torch.tensor(_WEIGHTS)

    def batches(random: Random) -> Batch:
        examples = [make(random) for _ in range(config.batch)]
        reference = padded([example.reference for example in examples])
        labels = np.full(reference.there.shape, _UNLABELLED, np.int64)
        for row, example in enumerate(examples):
            labels[row, : len(example.reference)] = labels_of(example.moments, len(example.reference))
        query = clips([example.query for example in examples], config.length)
        return Batch(query, reference, torch.from_numpy(labels))

    def loss(batch: Batch) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
        logits = network(batch.query, batch.reference)
        total = functional.cross_entropy(
            logits.flatten(0, 1), batch.labels.flatten(), weights, ignore_index=_UNLABELLED
        )
        return total, {"entropy": total}

    trained = optimise(network, [(network.parameters(), config.rate)], batches, loss, output, config)
    return Matching(trained, config.length)
