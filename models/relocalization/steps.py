"""Clips of any length as networks take them: as T steps, or padded; and the steps that a span covers."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]


def shortened(features: Floats, length: int) -> Floats:
    """At most so many rows, evenly chosen ones of a longer clip (§5.2.2)."""
    if len(features) <= length:
        return features
    return features[np.linspace(0, len(features) - 1, length).round().astype(np.intp)]


def covered(features: Floats, span: Floats) -> Floats:
    """The steps that a span, start and end, covers; at least one."""
    start = min(int(span[0] + 0.5), len(features) - 1)
    return features[start : max(int(span[1] + 0.5), start + 1)]


def padded(each: Sequence[Floats], least: int = 1, multiple: int = 1) -> tuple[Floats, NDArray[np.bool_]]:
    """float32[K, D] of each of N clips → float32[N, L, D] and bool[N, L], the steps that are no padding (the mask is
    ours). L is ``least`` or more, a multiple of ``multiple``."""
    longest = max(least, *map(len, each))
    longest += -longest % multiple
    out = np.zeros((len(each), longest, each[0].shape[1]), np.float32)
    there = np.zeros((len(each), longest), np.bool_)
    for row, one in enumerate(each):
        out[row, : len(one)], there[row, : len(one)] = one, True
    return out, there


def fitted(each: Sequence[Floats], length: int) -> tuple[Floats, NDArray[np.bool_]]:
    """As ``padded``, of exactly ``length`` steps."""
    return padded([shortened(one, length) for one in each], length)
