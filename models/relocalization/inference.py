"""Where in a reference happens what happens in a query: locators by name, as they run. No torch."""

from __future__ import annotations

import functools
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from cliptrace.models.relocalization.frames import frame_level
from cliptrace.models.relocalization.moments import Moment, suppress
from cliptrace.schemas.errors import UsageError

Floats = NDArray[np.float32]

_OVERLAP = 0.3
"""tIoU above which two moments are the same one."""


class Locator(Protocol):
    """May be used from several threads.

    name; sha256: of its weights, "" where it has none. clips_sha256: of the clip encoder whose features it has learned
    from, "" where any will do.
    """

    name: str
    sha256: str
    clips_sha256: str

    def locate(self, query: Floats, reference: Floats, step_s: float, most: int) -> list[Moment]:
        """float32[Q, D] and float32[R, D], clip features of ``step_s`` seconds each → at most ``most`` moments, the
        best first, no two of which overlap much. Empty where there is nothing, or one side has no feature or only
        zeros."""
        ...


class FrameLevel:
    """The baseline that learns nothing."""

    name, sha256, clips_sha256 = "frames", "", ""

    def locate(self, query: Floats, reference: Floats, step_s: float, most: int) -> list[Moment]:
        if not query.any() or not reference.any():
            return []
        return told(frame_level(query, reference), step_s, most)


def told(found: Floats, step_s: float, most: int) -> list[Moment]:
    """float32[N, 3], starts and ends in steps, scores in [0, 1] → moments."""
    kept = found[suppress(found[:, :2], found[:, 2], _OVERLAP)[:most]]
    return [Moment(start * step_s, end * step_s, score) for start, end, score in kept.tolist()]


@functools.cache
def open_locator(name: str) -> Locator:
    """name: "frames"."""
    if name == "frames":
        return FrameLevel()
    raise UsageError(f"unknown locator {name!r}: use frames")
