"""Where a video shows one picture: of the keyframes that are most alike to it those whose pictures are, too.

A picture has no seconds to agree in, so neither a line on the map nor a change over time can speak for it.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from cliptrace.models.verification.agreement import agreement
from cliptrace.models.verification.film import Film
from cliptrace.models.verification.registration import Affine, register
from cliptrace.schemas.records import Segment

Times = NDArray[np.float64]

_MOST = 8
"""Keyframes that are looked at."""
_APART_S = 4.0
"""Two moments that are nearer are of one scene, of which the better one is told."""
SAME_PICTURE = 0.93
"""Correlation of two pictures, laid on one another, from which they are the same one."""
_EVEN, _STEEP = 1.19, 18.0
"""Likeness (that of the keyframe, and the correlation of the pictures, added) that is as likely right as wrong, and how
fast that changes: a logistic regression on pictures of the training and validation footage, plain, small, cropped and
captioned, against the most alike ones of other families."""
_AS_GOOD = 0.15
"""How much less alike than the best of its video a moment may be: a scene has many that resemble one another."""


def find_moments(
    similarity: NDArray[np.float32], spans: tuple[Times, Times], picture: Film, ref: Film
) -> list[Segment]:
    """Seconds of the reference that show the picture, best first; query seconds are 0.

    similarity: float32[R], of the picture with each keyframe; not above 0 where one need not be looked at. spans: start
    and end of what each keyframe stands for, float64[R] seconds. Without pictures a score is the similarity.
    """
    likely = [int(k) for k in np.argsort(-similarity, kind="stable")[:_MOST] if similarity[k] > 0]
    if not (picture.has_pictures and ref.has_pictures):
        return [_segment(spans, k, k, min(1.0, float(similarity[k]))) for k in likely[:1]]
    looks = sorted(
        (_look(float(similarity[k]), k, picture, ref) for k in likely), reverse=True, key=lambda look: look[0]
    )
    found: list[Segment] = []
    for likeness, keyframe, affine in looks:
        if likeness < looks[0][0] - _AS_GOOD:
            break
        score = 1 / (1 + math.exp(-_STEEP * (likeness - _EVEN)))
        moment = _segment(spans, *_held(ref, keyframe, picture, affine, len(similarity)), score)
        if all(max(moment.ref_start - o.ref_end, o.ref_start - moment.ref_end) >= _APART_S for o in found):
            found.append(moment)
    return found


def _look(similarity: float, keyframe: int, picture: Film, ref: Film) -> tuple[float, int, Affine]:
    """Likeness, keyframe, and how the picture lies on it."""
    affine = register(ref.soft([keyframe]), picture.soft([0])).affine
    return similarity + _detail(ref, keyframe, picture, affine), keyframe, affine


def _segment(spans: tuple[Times, Times], first: int, last: int, score: float) -> Segment:
    return Segment(0.0, 0.0, float(spans[0][first]), float(spans[1][last]), score)


def _held(ref: Film, keyframe: int, picture: Film, affine: Affine, count: int) -> tuple[int, int]:
    """First and last of the keyframes around one that show the same picture."""
    first = last = keyframe
    while first > 0 and _detail(ref, first - 1, picture, affine) >= SAME_PICTURE:
        first -= 1
    while last < count - 1 and _detail(ref, last + 1, picture, affine) >= SAME_PICTURE:
        last += 1
    return first, last


def _detail(ref: Film, keyframe: int, picture: Film, affine: Affine) -> float:
    return agreement(ref.soft([keyframe]), picture.soft([0]), affine, np.zeros(1, np.int64)).detail
