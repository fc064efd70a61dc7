"""The pictures of a video, read when they are asked for."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from cliptrace.models.verification.agreement import softened
from cliptrace.models.verification.pictures import Pictures, decode

Times = NDArray[np.float64]

_REMEMBERED = 512
"""Softened pictures of a film, 16 kB each."""


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
