"""Whether a finding ends where a copy can end: where one of both videos begins, ends or is cut.

In the middle of a shot of both, what was alike for a while has only become less alike: two hours of one camera agree in
this way, and the longer they are, the more often.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from cliptrace.models.verification.agreement import correlation
from cliptrace.models.verification.film import Film
from cliptrace.models.verification.stills import Stretch

_BESIDE_S = 1.0
"""How far from the cut a finding's end may be."""
_SAME_SHOT = 0.3
"""Correlation of two pictures, before and behind, from which nothing was cut there."""


def loose_ends(query: Film, ref: Film, cuts: NDArray[np.float64], query_ends: Stretch, ref_ends: Stretch) -> int:
    """How many of a finding's two ends are in the middle of a shot of both videos.

    cuts: float64[C], seconds of the query. query_ends, ref_ends: seconds of either, in the query's order.
    """
    loose = 0
    for second, ref_second in zip(query_ends, ref_ends, strict=True):
        is_cut = bool((np.abs(cuts - second) <= _BESIDE_S).any())
        loose += not is_cut and _goes_on(query, second) and _goes_on(ref, ref_second)
    return loose


def _goes_on(film: Film, second: float) -> bool:
    """Whether a film shows one shot just before and just behind that second."""
    before, behind = second - _BESIDE_S, second + _BESIDE_S
    if before < film.start_s or behind > film.end_s:
        return False
    shown = film.at(np.array([before, behind]))
    if shown[0] == shown[1]:  # nothing is known of what lies between
        return False
    one, other = film.soft(shown)
    return correlation(one, other) > _SAME_SHOT
