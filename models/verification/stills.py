"""Stretches in which a video stands still, and what that means for a finding: a picture that is held while the other
video goes on is one moment of it, not as many seconds."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from models.verification.pictures import Pictures

Times = NDArray[np.float64]
Stretch = tuple[float, float]

SHORTEST_S = 1.5
"""What is held for less may be a calm moment."""
_HELD = 1.2
"""Levels, in the mean over a picture, that noise and a codec change a held one at most."""
_MOVES = 4.0
"""Levels that a picture changes at least where its video goes on."""


def find_stills(thumbs: NDArray[np.uint8], per_second: float) -> list[tuple[int, int]]:
    """First frame of each stretch that stands still, and the frame behind its last. thumbs: uint8[N, 32, 32, 3]."""
    flat = thumbs.reshape(len(thumbs), int(np.prod(thumbs.shape[1:])))
    found, start = [], 0
    for end in range(1, len(flat) + 1):
        if end == len(flat) or float(cv2.absdiff(flat[start : start + 1], flat[end : end + 1]).mean()) > _HELD:
            if end - start >= SHORTEST_S * per_second:
                found.append((start, end))
            start = end
    return found


def still_stretches(times: Times, pictures: Pictures) -> list[Stretch]:
    """Seconds [start, end) in which a video's keyframes stay the same, infinite where it ends so. times: float64[K];
    pictures: K of them."""
    found, start = [], 0
    for end in range(1, len(times) + 1):
        if end == len(times) or float(np.abs(pictures[end] - pictures[start]).mean()) > _HELD:
            if times[end - 1] - times[start] >= SHORTEST_S:
                found.append((float(times[start]), float(times[end]) if end < len(times) else math.inf))
            start = end
    return found


def moves(pictures: Pictures) -> bool:
    """Whether what they show goes on."""
    return len(pictures) > 1 and float(np.abs(pictures - pictures[:1]).mean(axis=(1, 2)).max()) >= _MOVES


def joined(stretches: Iterable[Stretch], gap_s: float) -> list[Stretch]:
    """Neighbours that are at most ``gap_s`` apart as one."""
    found: list[Stretch] = []
    for start, end in sorted(stretches):
        if found and start - found[-1][1] <= gap_s:
            found[-1] = (found[-1][0], max(end, found[-1][1]))
        else:
            found.append((start, end))
    return found


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
