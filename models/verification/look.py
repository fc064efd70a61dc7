"""A second look at a finding: do the pictures on its line show the same, and change alike?"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from models.verification.agreement import Agreement, agreement, softened
from models.verification.pictures import Pictures, decode
from models.verification.registration import Affine, register

Times = NDArray[np.float64]

_MOST = 8
"""Pairs of pictures that are compared."""
_REMEMBERED = 512
"""Softened pictures of a film, 16 kB each."""
_SHIFTS_S = (0.0, -0.125, 0.125, -0.25, 0.25)
"""How far the line may be off in time: keyframes tell it no better."""

_AT_A_CUT_S = 0.15
"""A picture so near to a cut may be one of the other shot: it is not compared where there are others."""


class Look(NamedTuple):
    """registration: correlation of the two pictures where they lie on one another, and affine: how they do. pairs: of
    pictures that were compared; gap: mean seconds by which a pair's two are farther apart than the others': where both
    videos have but keyframes, what moves has moved on. The others as in Agreement."""

    registration: float
    change: float
    activity: float
    detail: float
    pairs: int
    gap: float
    affine: Affine


class Film:
    """The pictures of a video with their seconds. times: float64[K]. load: what reads its K pictures, or none, when the
    first is asked for."""

    def __init__(self, times: Times, load: Callable[[], Sequence[bytes]]) -> None:
        self.times, self._load = times, load
        self._soft: dict[int, Pictures] = {}

    @functools.cached_property
    def _pictures(self) -> Sequence[bytes]:
        return self._load()

    @property
    def has_pictures(self) -> bool:
        return bool(self._pictures)

    @property
    def start_s(self) -> float:
        return float(self.times[0])

    @property
    def end_s(self) -> float:
        """About where the video ends."""
        return float(self.times[-1]) + (float(np.median(np.diff(self.times))) / 2 if len(self.times) > 1 else 0.0)

    def at(self, seconds: Times) -> tuple[int, ...]:
        """The picture nearest to each second."""
        after = np.clip(np.searchsorted(self.times, seconds), 1, max(len(self.times) - 1, 1))
        before = after - 1
        after = np.minimum(after, len(self.times) - 1)
        nearer = np.where(seconds - self.times[before] <= self.times[after] - seconds, before, after)
        return tuple(nearer.tolist())

    def show(self, which: Sequence[int]) -> Pictures:
        return decode(self._pictures, which)

    def soft(self, which: Sequence[int]) -> Pictures:
        """As ``show``, softened, and remembered for a while. Safe between threads."""
        known = self._soft
        missing = [number for number in dict.fromkeys(which) if number not in known]
        if missing:
            known = {**known, **dict(zip(missing, softened(self.show(missing)), strict=True))}
            self._soft = known if len(known) <= _REMEMBERED else {}
        return np.stack([known[number] for number in which])


def second_look(
    query: Film,
    ref: Film,
    start_s: float,
    end_s: float,
    speed: float,
    offset: float,
    cuts: Times,
    laid: Affine | None = None,
) -> Look:
    """At a line: query seconds [start, end), which show the reference at ``offset + speed × second``.

    cuts: float64[C], seconds of the query. laid: how the query's picture lay on the reference's elsewhere, which is
    tried first. DamagedPictureError where what is stored is none.
    """
    low, high = sorted((offset + speed * start_s, offset + speed * end_s))
    first, last = np.searchsorted(ref.times, (low, high)).tolist()
    if first == last:  # shorter than what lies between two keyframes
        (first,) = ref.at(np.array([(low + high) / 2]))
        last = first + 1
    shown = np.unique(np.linspace(first, last - 1, _MOST).round().astype(np.int64))
    moments = (ref.times[shown] - offset) / speed
    apart = np.abs(moments[:, None] - cuts).min(axis=1, initial=np.inf) > _AT_A_CUT_S
    if apart.any():
        shown, moments = shown[apart], moments[apart]
    shots = np.searchsorted(cuts, moments)
    asked = list(dict.fromkeys(query.at(moments + shift) for shift in (_SHIFTS_S if len(shown) > 1 else (0.0,))))
    pictures, series = ref.soft(shown.tolist()), [query.soft(frames) for frames in asked]
    registration = register(pictures, series[0], laid)
    agreements = [agreement(pictures, each, registration.affine, shots) for each in series]
    best = max(range(len(asked)), key=lambda number: _alike(agreements[number]))
    late = query.times[list(asked[best])] - moments
    gap = float(np.abs(late - np.median(late)).mean())
    return Look(registration.correlation, *agreements[best], len(shown), gap, registration.affine)


def _alike(one: Agreement) -> float:
    return one.change + one.detail
