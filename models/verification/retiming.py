"""At which seconds and at which speed, told by what changes in the pictures.

Before a fixed camera all moments are alike to an embedding: fast, slow and shifted lines through the map hardly differ.
How the pictures change from their mean tells the moments apart.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from cliptrace.models.verification.film import Film
from cliptrace.models.verification.registration import Affine, laid_on

Times = NDArray[np.float64]

_SPEEDS = np.geomspace(0.25, 4.0, 33)
_STEP_S = 0.125
"""Of the reference, between two lines that are tried."""
_FINER = (0.94, 0.97, 1.0, 1.03, 1.06)
_FINER_S = (-0.12, -0.06, 0.0, 0.06, 0.12)
_FEWEST = 3
"""Keyframes of the reference on a line."""
_CHANCE = 4.0
"""Keyframes from which their agreement counts."""
_REACH_S = 32.0
"""How far from where it was thought to be a place is looked for."""
_MOST = 256
"""Pictures of the query that are compared."""


class Timing(NamedTuple):
    """The reference is shown at ``offset + speed × second``. change: mean correlation of the changes on that line."""

    change: float
    speed: float
    offset: float


def best_timing(query: Film, ref: Film, start_s: float, end_s: float, near_s: float, affine: Affine) -> Timing | None:
    """The line through query seconds [start, end) on which the two change most alike, forward or backward; None where
    there is too little to tell. near_s: where in the reference its middle is looked for.

    affine: how the query's picture lies on the reference's.
    """
    moments = np.arange(start_s, end_s, max(_STEP_S, (end_s - start_s) / _MOST))
    frames = sorted(set(query.at(moments)))
    reach = _REACH_S + 2 * (end_s - start_s)
    first, last = np.searchsorted(ref.times, (near_s - reach, near_s + reach)).tolist()
    if len(frames) < _FEWEST or last - first < _FEWEST:
        return None
    seen = _Changes(query, ref, frames, range(first, last), affine)
    middle = (start_s + end_s) / 2
    at = np.arange(ref.times[first], ref.times[last - 1], _STEP_S)
    speeds = np.concatenate([_SPEEDS, -_SPEEDS])
    best = seen.best(np.repeat(speeds, len(at)), np.tile(at, len(speeds)), middle, (start_s, end_s))
    if best is None:
        return None
    speed, place = best.speed, best.offset + best.speed * middle
    finer = [(speed * by, place + shift) for by in _FINER for shift in _FINER_S]
    some = np.array(finer)
    return seen.best(some[:, 0], some[:, 1], middle, (start_s, end_s)) or best


class _Changes:
    """How alike each picture of the query and of the reference differ from the mean of their series: float32[Q, R]."""

    def __init__(self, query: Film, ref: Film, frames: list[int], keyframes: range, affine: Affine) -> None:
        moved, inside = laid_on(query.soft(frames), affine)
        mine, theirs = moved[:, inside], ref.soft(keyframes)[:, inside]
        self._alike = np.pad(_unit(mine) @ _unit(theirs).T, ((0, 1), (0, 0)))  # the last row is outside
        self._query_times, self._ref_times = query.times[frames], ref.times[list(keyframes)]

    def best(self, speeds: Times, places: Times, middle: float, within: tuple[float, float]) -> Timing | None:
        """Of lines that show ``places`` of the reference at second ``middle`` of the query."""
        moments = middle + (self._ref_times - places[:, None]) / speeds[:, None]
        inside = (moments >= within[0]) & (moments < within[1])
        after = np.clip(np.searchsorted(self._query_times, moments), 1, len(self._query_times) - 1)
        nearer = moments - self._query_times[after - 1] <= self._query_times[after] - moments
        rows = np.where(inside, after - nearer, len(self._query_times))
        counts = inside.sum(axis=1)
        sums = self._alike[rows, np.arange(len(self._ref_times))].sum(axis=1)
        # Few keyframes agree by chance, and a line that leaves the reference has fewer than it should.
        complete = np.minimum(counts / _expected(self._ref_times, speeds, within), 1)
        worth = sums / np.maximum(counts, 1) * np.sqrt(complete * counts / (counts + _CHANCE))
        worth[counts < _FEWEST] = -1
        best = int(worth.argmax())
        if worth[best] <= 0:
            return None
        change = float(sums[best] / counts[best])
        return Timing(change, float(speeds[best]), float(places[best] - speeds[best] * middle))


def _expected(ref_times: Times, speeds: Times, within: tuple[float, float]) -> Times:
    """Keyframes of the reference that so many query seconds show at these speeds."""
    per_second = len(ref_times) / max(float(ref_times[-1] - ref_times[0]), 1e-3)
    return np.maximum(np.abs(speeds) * (within[1] - within[0]) * per_second, _FEWEST)


def _unit(pictures: NDArray[np.float32]) -> NDArray[np.float32]:
    changes = pictures - pictures.mean(axis=0)
    norms = np.sqrt((changes * changes).sum(axis=1, keepdims=True))
    return np.asarray(changes / (norms + math.sqrt(pictures.shape[1]) * 0.02), np.float32)
