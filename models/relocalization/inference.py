"""Where in a reference happens what happens in a query: locators by name, as they run. No torch."""

from __future__ import annotations

import functools
import itertools
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from cliptrace.models.onnx_files import open_exported
from cliptrace.models.relocalization.config import Proposing
from cliptrace.models.relocalization.frames import frame_level, standing_out
from cliptrace.models.relocalization.moments import Moment, decoded, suppress
from cliptrace.models.relocalization.proposals import grouped
from cliptrace.models.relocalization.refinement import refined
from cliptrace.models.relocalization.steps import covered, fitted, shortened
from cliptrace.schemas.config import parse_locator
from cliptrace.schemas.errors import UsageError

Floats = NDArray[np.float32]

_OVERLAP = 0.3
"""tIoU above which two moments are the same one."""
_LONGEST_QUERY = 24
"""Steps of a query that the anchor-free network is given, as many as it has seen in training; a longer one is thinned
out."""
_WINDOW, _HOP = 240, 200
"""Steps of a reference that it is shown together, as many as it has seen in training, and from one window to the next:
of more, what stands out does so by more than it knows, and is not told. A step is judged by 19 to each side."""
_MOST_LOOKED_AT = 1000
"""Steps of the reference whose moments are looked at, the likeliest."""


class Locator(Protocol):
    """May be used from several threads.

    sha256: of its weights, "" where it has none. clips_sha256: of the clip encoder whose features it has learned from,
    "" where any will do.
    """

    sha256: str
    clips_sha256: str

    def locate(
        self, query: Floats, reference: Floats, step_s: float, most: int, least: float | None = None
    ) -> list[Moment]:
        """float32[Q, D] and float32[R, D], clip features of ``step_s`` seconds each → at most ``most`` moments, the
        best first, no two of which overlap much. Empty where there is nothing, or one side has no feature or only
        zeros. least: score of what is told; None for what the locator takes for there."""
        ...


class FrameLevel:
    """The baseline that learns nothing."""

    sha256, clips_sha256 = "", ""

    def locate(
        self, query: Floats, reference: Floats, step_s: float, most: int, least: float | None = None
    ) -> list[Moment]:
        if not query.any() or not reference.any():
            return []
        found = frame_level(query, reference)
        if least is None and len(found):
            least = standing_out(found)
        return told(found, step_s, most, least)


class AnchorFree:
    """The network of models/relocalization/anchor_free.py."""

    def __init__(self, weights: str) -> None:
        """weights: one of the folders that ship by its name, or any other by its path."""
        config, self._file = open_exported(weights)
        try:
            self.sha256 = str(config["sha256"]["model.safetensors"])
            self.clips_sha256 = str(config["clips_sha256"])
            self._least = float(config["least_score"])
        except KeyError as error:
            raise UsageError(f"{weights}: not what cliptrace train moments makes: {error!r}") from error

    def locate(
        self, query: Floats, reference: Floats, step_s: float, most: int, least: float | None = None
    ) -> list[Moment]:
        """least: None for what its config names."""
        if not query.any() or not reference.any():
            return []
        said = self._said(shortened(query, _LONGEST_QUERY), np.asarray(reference, np.float32))
        return told(decoded(said, self._least if least is None else least)[:_MOST_LOOKED_AT], step_s, most)

    def _said(self, query: Floats, reference: Floats) -> Floats:
        """float32[3, R]: of each step what the network says in the window in whose middle it is most."""
        last = max(len(reference) - _WINDOW, 0)
        starts = [*range(0, last, _HOP), last]
        changes = [(start + _WINDOW + following) // 2 for start, following in itertools.pairwise(starts)]
        parts = []
        for start, first, end in zip(starts, [0, *changes], [*changes, len(reference)], strict=True):
            given = {"query": query, "reference": reference[start : start + _WINDOW]}
            there = {f"{name}_there": np.ones(len(features), np.float32) for name, features in given.items()}
            inputs = {name: np.asarray(each, np.float32)[None] for name, each in (given | there).items()}
            parts.append(self._file.session.run(["said"], inputs)[0][0, :, first - start : end - start])
        return np.concatenate(parts, axis=1)


class Graph:
    """The multi-graph model: proposals by temporal actionness grouping, each compared with the query, and refined."""

    def __init__(self) -> None:
        config, self._file = open_exported("graph")
        actions, self._actions = open_exported("actionness")
        digests = (str(each["sha256"]["model.safetensors"]) for each in (config, actions))
        self.sha256 = " ".join(digests)
        self.clips_sha256, self._length = str(config["clips_sha256"]), int(config["length"])
        self._least = (float(config["least_fit"]) + 1) / 2
        self._proposing = Proposing(**actions["proposing"])

    def locate(
        self, query: Floats, reference: Floats, step_s: float, most: int, least: float | None = None
    ) -> list[Moment]:
        """Empty, too, where the reference has no proposals. least: None for what its config names."""
        if not query.any() or not reference.any():
            return []
        (logits,) = self._actions.session.run(["said"], {"features": np.asarray(reference, np.float32)[None]})
        proposals = grouped(1 / (1 + np.exp(-logits[0])), self._proposing)
        if not len(proposals):
            return []
        asked, asked_there = fitted([query], self._length)
        shown, there = fitted([covered(reference, span) for span in proposals], self._length)
        inputs = {"query": asked, "query_there": asked_there, "proposals": shown, "there": there}
        (said,) = self._file.session.run(["said"], {name: each.astype(np.float32) for name, each in inputs.items()})
        spans = refined(proposals, said[:, 1:]).clip(0, len(reference))
        found = np.concatenate([spans, (said[:, :1] + 1) / 2], axis=1).astype(np.float32)
        found = found[np.argsort(-found[:, 2], kind="stable")]
        return told(found, step_s, most, self._least if least is None else least)


def told(found: Floats, step_s: float, most: int, least: float | None = None) -> list[Moment]:
    """float32[N, 3], starts and ends in steps, scores in [0, 1] → moments."""
    if least is not None:
        found = found[found[:, 2] >= least]
    kept = found[suppress(found[:, :2], found[:, 2], _OVERLAP, most)]
    return [Moment(start * step_s, end * step_s, score) for start, end, score in kept.tolist()]


@functools.cache
def open_locator(text: str) -> Locator:
    """text: as ``parse_locator`` takes it. UsageError for another one, or a folder that is none of a locator."""
    name, folder = parse_locator(text)
    if name == "anchor_free":
        return AnchorFree(folder or name)
    return Graph() if name == "graph" else FrameLevel()
