"""A task that needs no footage: what a label is, is a direction that stands out of the noise."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from cliptrace.models.relocalization.example import Example

Floats = NDArray[np.float32]
DIMENSION, LABELS = 24, 12
Drawn = Callable[[np.random.Generator], Example]


def drawn(random: np.random.Generator, labels: range) -> Example:
    """A moment of 6 to 12 steps among 40, beside another thing of which the query knows nothing."""
    directions = np.random.default_rng(7).normal(size=(LABELS, DIMENSION))
    asked, other = random.choice(np.array(labels), 2, replace=False)
    reference = random.normal(size=(40, DIMENSION))
    length, elsewhere = random.integers(6, 13, 2)
    sides = [random.integers(0, 20 - length + 1), 20 + random.integers(0, 20 - elsewhere + 1)]
    spans = np.array([[sides[0], sides[0] + length], [sides[1], sides[1] + elsewhere]])
    if random.random() < 0.5:
        spans = 40 - spans[:, ::-1]
    for label, (start, end) in zip((asked, other), spans, strict=True):
        reference[start:end] += 2 * directions[label]
    query = random.normal(size=(random.integers(4, 12), DIMENSION)) + 2 * directions[asked]
    moments, others = spans[:1].astype(np.float32), spans[1:].astype(np.float32)
    return Example(query.astype(np.float32), reference.astype(np.float32), moments, others, str(asked))


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    """Of networks this small, more would only wait for one another."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def seen() -> Drawn:
    """Examples of the labels that are learned from."""
    return lambda random: drawn(random, range(LABELS))


@pytest.fixture(scope="session")
def windows() -> Callable[[Floats], Floats]:
    def propose(reference: Floats) -> Floats:
        spans = [
            (start, start + length) for length in (6, 8, 10, 12) for start in range(0, len(reference) - length + 1, 2)
        ]
        return np.array(spans, np.float32).reshape(-1, 2)

    return propose
