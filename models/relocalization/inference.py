"""Where in a reference happens what happens in a query: locators by name, as they run. No torch."""

from __future__ import annotations

import functools
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from cliptrace.models.onnx_files import open_exported
from cliptrace.models.relocalization.frames import frame_level
from cliptrace.models.relocalization.moments import Moment, suppress
from cliptrace.schemas.errors import UsageError

Floats = NDArray[np.float32]

_OVERLAP = 0.3
"""tIoU above which two moments are the same one."""
_MOST_LOOKED_AT = 1000
"""Steps of the reference whose moments are looked at, the likeliest."""
_FARTHEST = 5.0
"""Logarithm of a distance in steps, at most."""


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


class AnchorFree:
    """The network of models/relocalization/anchor_free.py."""

    name = "anchor_free"

    def __init__(self, folder: str) -> None:
        config, self._file = open_exported(folder)
        self.sha256 = str(config["sha256"]["model.safetensors"])
        self.clips_sha256 = str(config["clips_sha256"])
        self._least = float(config["least_score"])

    def locate(self, query: Floats, reference: Floats, step_s: float, most: int) -> list[Moment]:
        """Empty, too, where nothing is as likely as what is there usually is."""
        if not query.any() or not reference.any():
            return []
        given = {"query": query, "reference": reference}
        there = {f"{name}_there": np.ones(len(features), np.float32) for name, features in given.items()}
        inputs = {name: np.asarray(each, np.float32)[None] for name, each in (given | there).items()}
        (said,) = self._file.session.run(["said"], inputs)
        logits, *reach = said[0]
        scores = 1 / (1 + np.exp(-logits))
        likely = np.flatnonzero(scores >= self._least)
        likely = likely[np.argsort(-scores[likely], kind="stable")][:_MOST_LOOKED_AT]
        before, after = (np.exp(np.clip(each[likely], -_FARTHEST, _FARTHEST)) for each in reach)
        spans = np.stack([likely + 0.5 - before, likely + 0.5 + after], axis=1).clip(0, len(reference))
        return told(np.concatenate([spans, scores[likely, None]], axis=1).astype(np.float32), step_s, most)


def told(found: Floats, step_s: float, most: int) -> list[Moment]:
    """float32[N, 3], starts and ends in steps, scores in [0, 1] → moments."""
    kept = found[suppress(found[:, :2], found[:, 2], _OVERLAP)[:most]]
    return [Moment(start * step_s, end * step_s, score) for start, end, score in kept.tolist()]


@functools.cache
def open_locator(name: str) -> Locator:
    """name: one of LOCATORS (schemas/config.py)."""
    if name == AnchorFree.name:
        return AnchorFree(name)
    if name == FrameLevel.name:
        return FrameLevel()
    raise UsageError(f"unknown locator {name!r}: use anchor_free or frames")
