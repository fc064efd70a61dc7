"""A second look at a finding: do the pictures on its line show the same, and change alike?"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from cliptrace.models.verification.agreement import Agreement, agreement
from cliptrace.models.verification.ends import loose_ends
from cliptrace.models.verification.film import Film
from cliptrace.models.verification.registration import Affine, register

Times = NDArray[np.float64]

_MOST = 8
"""Pairs of pictures that are compared."""
_SHIFTS_S = (0.0, -0.125, 0.125, -0.25, 0.25)
"""How far the line may be off in time: keyframes tell it no better."""

_CLEARER, _OF_THE_REST = 0.02, 0.25
"""By how much pictures beside the line must agree better, for it to be moved there: by that, or by that part of what
they lacked."""

_AT_A_CUT_S = 0.15
"""A picture so near to a cut may be one of the other shot: it is not compared where there are others."""


class Look(NamedTuple):
    """registration: correlation of the two pictures where they lie on one another, and affine: how they do. pairs: of
    pictures that were compared; gap: mean seconds by which a pair's two are farther apart than the others': where both
    videos have but keyframes, what moves has moved on. loose: how many of the line's ends are in the middle of a shot
    of both. late: seconds of the query by which it shows the reference's pictures later than the line says. The others
    as in Agreement."""

    registration: float
    change: float
    activity: float
    detail: float
    pairs: int
    gap: float
    loose: int
    affine: Affine
    late: float = 0.0


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
    asked = list(dict.fromkeys(query.at(moments + shift) for shift in _SHIFTS_S))
    pictures, series = ref.soft(shown.tolist()), [query.soft(frames) for frames in asked]
    registration = register(pictures, series[0], laid)
    agreements = [agreement(pictures, each, registration.affine, shots) for each in series]
    best = max(range(len(asked)), key=lambda number: _alike(agreements[number]))
    late = query.times[list(asked[best])] - moments
    gap = float(np.abs(late - np.median(late)).mean())
    lacked = (2 if len(shown) > 1 else 1) - _alike(agreements[0])
    is_clearer = _alike(agreements[best]) - _alike(agreements[0]) > min(_CLEARER, _OF_THE_REST * lacked)
    loose = loose_ends(query, ref, cuts, (start_s, end_s), (offset + speed * start_s, offset + speed * end_s))
    shift = float(np.median(late)) if is_clearer else 0.0
    return Look(registration.correlation, *agreements[best], len(shown), gap, loose, registration.affine, shift)


def _alike(one: Agreement) -> float:
    return one.change + one.detail
