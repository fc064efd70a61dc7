"""Proposals without anything learned: sliding windows of many lengths."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]


def sliding_windows(reference: Floats) -> Floats:
    """float32[R, D] → float32[P, 2]: windows of 4, 8, 16, … steps, at every half of their length, and the whole."""
    count = len(reference)
    lengths = (2**power for power in range(2, count.bit_length()))
    spans = [(start, start + length) for length in lengths for start in range(0, count - length + 1, length // 2)]
    return np.array(list(dict.fromkeys([*spans, (0, count)])), np.float32)
