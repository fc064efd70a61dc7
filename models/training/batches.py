"""Batches that depend on the seed and their number alone, so that an interrupted run goes on with the very next one."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import numpy as np
import torch.utils.data

Batch = TypeVar("Batch")
Random = np.random.Generator


class Batches(torch.utils.data.Dataset[Batch]):
    """Item ``step`` is the batch of that step, the same for the same seed on any number of workers."""

    def __init__(self, make: Callable[[Random], Batch], steps: int, seed: int) -> None:
        self._make, self._steps, self._seed = make, steps, seed

    def __len__(self) -> int:
        return self._steps

    def __getitem__(self, step: int) -> Batch:
        return self._make(np.random.default_rng([self._seed, step]))
