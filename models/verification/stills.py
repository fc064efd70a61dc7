"""Stretches in which a video stands still, and what that means for a finding: a picture that is held while the other
video goes on is one moment of it, not as many seconds."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from cliptrace.models.verification.pictures import Pictures

Times = NDArray[np.float64]
Stretch = tuple[float, float]

SHORTEST_S = 1.5
"""What is held for less may be a calm moment."""
_PARTS = 8
"""A picture is looked at in so many parts a side: a line of words or a person far away changes one of them."""
_HELD = 4.0
"""Levels, in the mean over a part, that noise and a codec change a held one at most."""
_MOVES = 12.0
"""Levels that a part changes at least where its video goes on."""


def find_stills(thumbs: NDArray[np.uint8], per_second: float) -> list[tuple[int, int]]:
    """First frame of each stretch that stands still, and the frame behind its last. thumbs: uint8[N, 32, 32, 3]."""
    found, start = [], 0
    for end in range(1, len(thumbs) + 1):
        if end == len(thumbs) or _change(thumbs[start], thumbs[end]) > _HELD:
            if end - start >= SHORTEST_S * per_second:
                found.append((start, end))
            start = end
    return found


def still_stretches(times: Times, pictures: Pictures) -> list[Stretch]:
    """Seconds [start, end) in which a video's keyframes stay the same, infinite where it ends so. times: float64[K];
    pictures: K of them."""
    found, start = [], 0
    for end in range(1, len(times) + 1):
        if end == len(times) or _change(pictures[start], pictures[end]) > _HELD:
            if times[end - 1] - times[start] >= SHORTEST_S:
                found.append((float(times[start]), float(times[end]) if end < len(times) else math.inf))
            start = end
    return found


def moves(pictures: Pictures) -> bool:
    """Whether what they show goes on."""
    return any(_change(pictures[0], each) >= _MOVES for each in pictures[1:])


def _change(one: NDArray[Any], other: NDArray[Any]) -> float:
    """Of the part that changes most."""
    parts = cv2.resize(cv2.absdiff(one, other), (_PARTS, _PARTS), interpolation=cv2.INTER_AREA)
    return float(parts.max())


def without(stretch: Stretch, taken_out: Sequence[Stretch]) -> Iterator[Stretch]:
    """What is left of a stretch."""
    at, last = stretch
    for start, end in sorted(taken_out):
        if start > at:
            yield at, min(start, last)
        at = max(at, end)
        if at >= last:
            return
    yield at, last
