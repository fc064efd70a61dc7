"""The video-level baseline (Feng et al., ECCV 2018): one vector a clip, the proposal nearest to the query is told.

An LSTM reads a clip, and its last hidden state, L2-normalised, stands for the clip. Positive and negative are pieces of
one reference, as the paper's §5.3.1 has it: tIoU with a moment above 0.8 and below 0.2.
"""

from __future__ import annotations

import dataclasses
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
    clips,
    last_there,
    ranked,
    triplets,
)
from cliptrace.models.relocalization.example import Example
from cliptrace.models.relocalization.examples import Proposer
from cliptrace.models.relocalization.moments import tiou
from cliptrace.models.relocalization.steps import covered
from cliptrace.models.training.batches import Random
from cliptrace.models.training.optimiser import optimise

_POSITIVE, _NEGATIVE = 0.8, 0.2
_DRAWS = 64
"""Spans drawn, of which one becomes the positive or the negative."""
_CHUNK = 64


class VideoEncoder(nn.Module):
    def __init__(self, dimension: int, hidden: int, dropout: float) -> None:
        super().__init__()
        self.drop = nn.Dropout(dropout)
        self.lstm = nn.LSTM(dimension, hidden, batch_first=True)

    def forward(self, steps: Steps) -> torch.Tensor:
        """→ [B, H], rows of unit L2 norm."""
        states, _ = self.lstm(self.drop(steps.features))
        return functional.normalize(last_there(states, steps.there))


@dataclasses.dataclass(frozen=True, slots=True)
class VideoLevel:
    encoder: VideoEncoder
    length: int

    def locate(self, query: Floats, reference: Floats, proposals: Floats) -> Floats:
        with torch.inference_mode():
            asked = self._vectors([query])
            pieces = [covered(reference, span) for span in proposals]
            parts = [self._vectors(pieces[at : at + _CHUNK]) @ asked[0] for at in range(0, len(pieces), _CHUNK)]
        return ranked(proposals, np.concatenate([np.empty(0, np.float32), *(part.numpy() for part in parts)]))

    def _vectors(self, pieces: list[Floats]) -> torch.Tensor:
        found: torch.Tensor = self.encoder(clips(pieces, self.length))
        return found


def train_video_level(make: Make, propose: Proposer, output: Path, config: BaselineTraining) -> Contestant:
    torch.manual_seed(config.seed)
    dimension = make(np.random.default_rng(config.seed)).query.shape[1]
    encoder = VideoEncoder(dimension, config.hidden, config.dropout)

    def loss(batch: Triplets) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
        query, positive, negative = (encoder(steps) for steps in batch)
        apart = ((positive - negative) * query).sum(dim=1)
        total = functional.relu(config.margin - apart).mean()
        return total, {"triplet": total}

    batches = partial(triplets, make, drawn, config.batch, config.length)
    trained = optimise(encoder, [(encoder.parameters(), config.rate)], batches, loss, output, config)
    return VideoLevel(trained, config.length)


def drawn(example: Example, other: Example, random: Random) -> tuple[Floats, Floats]:
    moment = example.moments[random.integers(len(example.moments))]
    shifts = random.uniform(-0.15, 0.15, (_DRAWS, 2)) * (moment[1] - moment[0])
    near = np.clip(moment + shifts, 0, len(example.reference)).astype(np.float32)
    near = near[tiou(near, moment[None])[:, 0] > _POSITIVE]
    anywhere = np.sort(random.uniform(0, len(example.reference), (_DRAWS, 2)), axis=1).astype(np.float32)
    overlaps = tiou(anywhere, example.moments).max(axis=1)
    far = anywhere[overlaps < _NEGATIVE] if overlaps.min() < _NEGATIVE else anywhere[[overlaps.argmin()]]
    return covered(example.reference, near[0] if len(near) else moment), covered(example.reference, far[0])
