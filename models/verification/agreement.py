"""What two series of pictures agree in, once they are laid on one another."""

from __future__ import annotations

from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from cliptrace.models.verification.pictures import SIDE, Pictures
from cliptrace.models.verification.registration import Affine, even, laid_on

_SOFT = 1.0
"""Deviation of the blur, in pixels, that forgives a registration that is not exact."""
_FEWEST = SIDE * SIDE // 40
"""Pixels that both show, below which nothing can be said."""


class Agreement(NamedTuple):
    """change: correlation of how both change over time, in [-1, 1]: a fixed camera's other hour has the same room and
    changes elsewhere, a re-encoded copy changes alike. activity: how much the calmer one changes, in deviations of its
    pictures; near 0 nothing moves, and ``change`` says nothing. detail: correlation of the pictures themselves, in the
    shot where that is least.
    """

    change: float
    activity: float
    detail: float


def softened(pictures: Pictures) -> Pictures:
    """What is compared: with even contrast, and blurred a little. float32[N, 64, 64]."""
    return even(np.stack([cv2.GaussianBlur(each, (0, 0), _SOFT) for each in pictures]))


def agreement(ref: Pictures, query: Pictures, affine: Affine, shots: NDArray[np.int64]) -> Agreement:
    """ref, query: float32[N, 64, 64], softened pairs of the same moments. affine: how one lies on the other. shots:
    int64[N], in which of the query's they are: what is right of one may be wrong of the next."""
    moved, inside = laid_on(query, affine)
    if inside.sum() < _FEWEST:
        return Agreement(0.0, 0.0, 0.0)
    one, other = ref[:, inside], moved[:, inside]
    changes, other_changes = one - one.mean(axis=0), other - other.mean(axis=0)
    activity = min(float(changes.std()), float(other_changes.std()))
    detail = min(correlation(one[shots == shot], other[shots == shot]) for shot in np.unique(shots))
    return Agreement(correlation(changes, other_changes), activity, detail)


def correlation(a: NDArray[np.float32], b: NDArray[np.float32]) -> float:
    """Of what has even contrast, or no mean."""
    return float(np.vdot(a, b) / np.sqrt(np.vdot(a, a) * np.vdot(b, b) + 1e-6))
