"""From annotated videos and their features to examples, as the paper draws them (§5.2.1).

A query is an annotated segment of one video. Its reference is another video with the same label, whose segments of that
label are the moments, and the rest others. Of "Video Re-localization", both are given pieces of videos.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from benchmarks.relocalization.datasets import Piece, Video
from cliptrace.models.clips.files import FeatureFiles
from cliptrace.models.relocalization.example import Example
from cliptrace.models.relocalization.steps import covered
from cliptrace.models.training.batches import Random
from cliptrace.schemas.errors import UsageError

Floats = NDArray[np.float32]
Spans = Mapping[str, Floats]
"""By label float32[M, 2], M at least 1, starts and ends in steps."""


class Source(Protocol):
    """What asks and answers. id: of the video; labels: of its segments."""

    @property
    def id(self) -> str: ...

    @property
    def labels(self) -> Collection[str]: ...

    def read(self) -> tuple[Floats, Spans]:
        """Its features, float32[K, D], and what happens where. UsageError where they do not fit together."""
        ...


@dataclasses.dataclass(frozen=True, slots=True)
class WholeVideo:
    """every: of so many features one is used. step_s: from one feature of the file to the next, for a video of unknown
    duration; where it is known, the features are spread over it."""

    video: Video
    files: FeatureFiles
    every: int
    step_s: float | None

    @property
    def id(self) -> str:
        return self.video.id

    @property
    def labels(self) -> Collection[str]:
        return {segment.label for segment in self.video.segments}

    def read(self) -> tuple[Floats, Spans]:
        features = self.files.read(self.id)
        if self.video.duration_s:
            per_second = len(features) / self.video.duration_s
        elif self.step_s:
            per_second = 1 / self.step_s
        else:
            raise UsageError(f"video {self.id!r}: the annotations do not say how long it is; give --step-s")
        features = features[:: self.every]
        spans: dict[str, list[tuple[float, float]]] = {}
        for segment in self.video.segments:
            start, end = (time * per_second / self.every for time in (segment.start_s, segment.end_s))
            if start >= len(features):
                raise UsageError(
                    f"{self.files.path}: video {self.id!r} has {len(features)} features, which end before its segment "
                    f"at {segment.start_s:g} s begins; check --step-s"
                )
            spans.setdefault(segment.label, []).append((start, min(end, len(features))))
        return features, {label: np.array(each, np.float32) for label, each in spans.items()}


@dataclasses.dataclass(frozen=True, slots=True)
class PieceOfVideo:
    """Features that lie closer than the annotations have them (8 frames apart, not 16) are used one in so many."""

    piece: Piece
    files: FeatureFiles

    @property
    def id(self) -> str:
        return self.piece.id

    @property
    def labels(self) -> Collection[str]:
        return {self.piece.label}

    def read(self) -> tuple[Floats, Spans]:
        features = self.files.read(self.id)
        thinned = features[:: max(round(len(features) / self.piece.steps), 1)]
        if len(thinned) < self.piece.end:
            raise UsageError(
                f"{self.files.path}: video {self.id!r} has {len(features)} features, not about {self.piece.steps} or a "
                "multiple of it"
            )
        moment = np.array([self.piece.moment], np.float32) - self.piece.start
        return thinned[self.piece.start : self.piece.end], {self.piece.label: moment}


class Pairs:
    """All examples of some sources. longest: steps of a reference that is learned from; a window with at least one
    whole moment is drawn of a longer one."""

    def __init__(self, sources: Sequence[Source], labels: Collection[str], longest: int) -> None:
        """UsageError where no label is in two videos."""
        self._sources, self._longest = sources, longest
        videos = {
            label: [number for number, source in enumerate(sources) if label in source.labels] for label in labels
        }
        self._of_label = {
            label: numbers for label, numbers in videos.items() if len({sources[number].id for number in numbers}) > 1
        }
        self._asking = [
            number for number, source in enumerate(sources) if any(label in self._of_label for label in source.labels)
        ]
        if not self._asking:
            raise UsageError(f"none of the {len(labels)} labels is in two videos that have features")

    def __len__(self) -> int:
        """Videos or pieces that can ask."""
        return len(self._asking)

    def example(self, random: Random, absent: bool = False) -> Example:
        """An example to learn from. UsageError where the reference is to hold no such moment, and every video does."""
        example = self._example(int(random.choice(self._asking)), random)
        if absent:
            example = self._without(example, random)
        return _window(example, self._longest, random) if len(example.reference) > self._longest else example

    def labelled(self, random: Random) -> Example:
        """All are."""
        return self.example(random)

    def _without(self, example: Example, random: Random) -> Example:
        others = [source for source in self._sources if example.label not in source.labels]
        if not others:
            raise UsageError(f"every video shows {example.label!r}: give videos of at least two labels")
        reference, spans = others[int(random.integers(len(others)))].read()
        none = np.empty((0, 2), np.float32)
        return dataclasses.replace(
            example, reference=reference, moments=none, others=np.concatenate([none, *spans.values()])
        )

    def asked(self, most: int, seed: int) -> Iterator[Example]:
        """At most so many examples to be asked, drawn by the seed, no video or piece twice as the query."""
        for number in np.random.default_rng(seed).permutation(self._asking)[:most].tolist():
            yield self._example(number, np.random.default_rng([seed, number]))

    def _example(self, asking: int, random: Random) -> Example:
        source = self._sources[asking]
        label = str(random.choice(sorted(each for each in source.labels if each in self._of_label)))
        others = [number for number in self._of_label[label] if self._sources[number].id != source.id]
        features, spans = source.read()
        query = covered(features, random.choice(spans[label]))
        reference, spans = self._sources[int(random.choice(others))].read()
        rest = [np.empty((0, 2), np.float32), *(each for other, each in spans.items() if other != label)]
        return Example(query, reference, spans[label], np.concatenate(rest), label)


def _window(example: Example, longest: int, random: Random) -> Example:
    spans = example.moments if len(example.moments) else example.others
    moment = random.choice(spans)
    first, last = int(moment[0]), int(np.ceil(moment[1]))
    length = max(longest, last - first)
    start = int(random.integers(max(last - length, 0), min(first, len(example.reference) - length) + 1))
    moments, others = (_within(spans - start, length) for spans in (example.moments, example.others))
    return dataclasses.replace(
        example, reference=example.reference[start : start + length], moments=moments, others=others
    )


def _within(spans: Floats, length: int) -> Floats:
    cut = spans.clip(0, length)
    return cut[cut[:, 0] < cut[:, 1]]
