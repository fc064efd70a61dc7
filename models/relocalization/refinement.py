"""How far a proposal is off, and back (§4.7.2 and §4.8.2)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]

MOST = 1.5
"""Offsets beyond this are cut: what is further off than that is another moment."""


def offsets(spans: NDArray[np.floating], truth: NDArray[np.floating]) -> Floats:
    """[N, 2] proposals and true moments → float32[N, 2]: (centre - centre*) / length*, log(length / length*)."""
    length, true_length = spans[:, 1] - spans[:, 0], truth[:, 1] - truth[:, 0]
    centre, true_centre = spans.mean(axis=1), truth.mean(axis=1)
    return np.stack([(centre - true_centre) / true_length, np.log(length / true_length)], axis=1).astype(np.float32)


def refined(spans: NDArray[np.floating], told: NDArray[np.floating]) -> Floats:
    """The inverse: length* = length · exp(-T_l), centre* = centre - T_c · length*."""
    told = np.clip(told, -MOST, MOST)
    length = (spans[:, 1] - spans[:, 0]) * np.exp(-told[:, 1])
    centre = spans.mean(axis=1) - told[:, 0] * length
    return np.stack([centre - length / 2, centre + length / 2], axis=1).astype(np.float32)
