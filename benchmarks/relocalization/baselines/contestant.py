"""What every contestant is: something that is trained on examples and then finds moments among proposals."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from cliptrace.models.relocalization.example import Example
from cliptrace.models.relocalization.examples import Proposer
from cliptrace.models.training.batches import Random
from cliptrace.models.training.config import Training

Floats = NDArray[np.float32]

Make = Callable[[Random], Example]
"""A fresh example to learn from, which has at least one moment."""


class Contestant(Protocol):
    def locate(self, query: Floats, reference: Floats, proposals: Floats) -> Floats:
        """float32[Q, D], float32[R, D], float32[P, 2], starts and ends in steps → float32[N, 3], start, end and score,
        the best first. Those that make their own answers do not need ``proposals``."""
        ...


@dataclasses.dataclass(frozen=True, kw_only=True)
class BaselineTraining(Training):
    """batch: examples of a step. rate: of learning, at its fastest. hidden: numbers of a hidden state. length: T, steps
    to which queries and proposals are brought. margin: γ of the triplet loss. dropout: of features and states, so that
    what is learned holds for other labels, too; SST has none."""

    steps: int = 400
    warm_up: int = 20
    weight_decay: float = 0.01
    averaging: float = 0.98
    longest_gradient: float = 5.0
    batch: int = 16
    rate: float = 1e-3
    hidden: int = 64
    length: int = 40
    margin: float = 0.5
    dropout: float = 0.3


Train = Callable[[Make, Proposer, Path, BaselineTraining], Contestant]
"""Trained on what the first makes, with what the second proposes; the folder is for checkpoints and the log."""
