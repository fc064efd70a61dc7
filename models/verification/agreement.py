"""What two series of pictures agree in, once they are laid on one another."""

from __future__ import annotations

from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from models.verification.pictures import SIDE, Pictures
from models.verification.registration import Registration, even, laid_on

_SOFT = 1.0
"""Deviation of the blur, in pixels, that forgives a registration that is not exact."""
_FEWEST = SIDE * SIDE // 40
"""Pixels that both show, below which nothing can be said."""


class Agreement(NamedTuple):
    """change: correlation of how both change over time, in [-1, 1]: a fixed camera's other hour has the same room and
    changes elsewhere, a re-encoded copy changes alike. activity: how much the calmer one changes, in deviations of its
    pictures; near 0 nothing moves, and ``change`` says nothing. detail: correlation of the pictures themselves.
    shown: share of the reference's picture that the query shows.
    """

    change: float
    activity: float
    detail: float
    shown: float


def agreement(ref: Pictures, query: Pictures, registration: Registration) -> Agreement:
    """ref, query: float32[N, 64, 64], pairs of the same moments."""
    moved, inside = laid_on(query, registration.affine)
    if inside.sum() < _FEWEST:
        return Agreement(0.0, 0.0, 0.0, 0.0)
    one, other = (_softened(each)[:, inside] for each in (ref, moved))
    changes, other_changes = one - one.mean(axis=0), other - other.mean(axis=0)
    activity = min(float(changes.std()), float(other_changes.std()))
    return Agreement(_correlation(changes, other_changes), activity, _correlation(one, other), float(inside.mean()))


def _softened(pictures: Pictures) -> Pictures:
    return even(np.stack([cv2.GaussianBlur(each, (0, 0), _SOFT) for each in pictures]))


def _correlation(a: NDArray[np.float32], b: NDArray[np.float32]) -> float:
    return float((a * b).sum() / np.sqrt((a * a).sum() * (b * b).sum() + 1e-6))
