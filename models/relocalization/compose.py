"""Untrimmed videos composed from clips: moments of one label among other things, laid out as annotated videos are."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from cliptrace.models.clips.appearance_motion import STEP_S
from cliptrace.models.relocalization.config import Composition, Layout
from cliptrace.models.relocalization.example import Example
from cliptrace.models.relocalization.footage import Clip

Floats = NDArray[np.float32]
Random = np.random.Generator
Piece = NDArray[np.float16]

_SCENE = 8
"""Steps of a clip from which on it can be asked for by a piece of itself."""
_ABSENT_S = 20.0
"""Of a reference that holds no moment, at least."""


class Composer:
    """Examples without end. clips: those with a label, and others; a label with two clips at least can be asked for.

    labels: those that are asked for; all that can be, where it is None.
    """

    def __init__(self, clips: Sequence[Clip], config: Composition, labels: Sequence[str] | None = None) -> None:
        self._config = config
        self._by_label: dict[str, list[Clip]] = {}
        for clip in clips:
            if clip.label:
                self._by_label.setdefault(clip.label, []).append(clip)
        known = [label for label, of_it in self._by_label.items() if len(of_it) > 1]
        self.labels = sorted(known if labels is None else set(labels) & set(known))
        self._others = sorted(self._by_label)
        self._background = [clip for clip in clips if not clip.label]
        self._scenes = [clip for clip in self._background if len(clip.steps[1]) >= _SCENE]

    def example(self, random: Random, absent: bool = False) -> Example:
        """absent: whether the reference holds no such moment."""
        if self._scenes and random.random() < self._config.scenes:
            return self._of_scene(random, absent)
        return self.labelled(random, absent)

    def labelled(self, random: Random, absent: bool = False) -> Example:
        """Of a label, never of a clip without one."""
        return self.of_label(str(random.choice(self.labels)), random, absent)

    def of_label(self, label: str, random: Random, absent: bool = False) -> Example:
        clips = list(self._by_label[label])
        query = clips.pop(int(random.integers(len(clips))))
        pieces = [] if absent else self._moments(clips, random)
        return self._composed(self._query(self._at_some_speed(query, random), random), pieces, label, random)

    def _of_scene(self, random: Random, absent: bool) -> Example:
        clip = self._scenes[int(random.integers(len(self._scenes)))]
        steps = clip.steps[1]
        cut = int(random.integers(3, len(steps) - 2))
        halves = [steps[:cut], steps[cut:]]
        random.shuffle(halves)
        pieces = [] if absent else [self._piece(halves[1], self._length(self._layout(random), random), random)]
        return self._composed(self._query(halves[0], random), pieces, "", random, without=clip)

    def _composed(
        self, query: Piece, moments: Sequence[Piece], label: str, random: Random, without: Clip | None = None
    ) -> Example:
        layout = self._layout(random)
        most = round(self._config.longest_s / STEP_S)
        parts: list[Piece] = []
        spans: list[tuple[int, int]] = []
        others: list[tuple[int, int]] = []
        length = 0
        for place in range(len(moments) + 1):
            gap = self._steps(min(_drawn(layout.gaps_s, random), self._config.longest_gap_s))
            if not moments:
                gap = max(gap, self._steps(_ABSENT_S))
            room = most - length - sum(map(len, moments[place:]))
            for piece, has_label in self._gap(min(gap, max(room, 0)), label, random, without):
                if has_label:
                    others.append((length, length + len(piece)))
                parts.append(piece)
                length += len(piece)
            if place < len(moments):
                spans.append((length, length + len(moments[place])))
                parts.append(moments[place])
                length += len(moments[place])
        reference = np.concatenate(parts).astype(np.float32) if parts else query[:0].astype(np.float32)
        wear = float(random.uniform(*self._config.wear))
        return Example(
            _worn(query.astype(np.float32), wear, random),
            _worn(reference, wear, random),
            np.array(spans, np.float32).reshape(-1, 2),
            np.array(others, np.float32).reshape(-1, 2),
            label,
        )

    def _moments(self, clips: Sequence[Clip], random: Random) -> list[Piece]:
        layout = self._layout(random)
        weights = np.array(layout.counts[: self._config.most])
        count = 1 + int(random.choice(len(weights), p=weights / weights.sum()))
        moments: list[Piece] = []
        for _ in range(count):
            wanted = self._length(layout, random)
            joined = self._config.pieces if random.random() < self._config.joined else 1
            pieces: list[Piece] = []
            while len(pieces) < joined and sum(map(len, pieces)) < wanted:
                clip = clips[int(random.integers(len(clips)))]
                left = wanted - sum(map(len, pieces))
                pieces.append(self._piece(self._at_some_speed(clip, random), left, random))
            moments.append(np.concatenate(pieces))
        most = round(self._config.longest_s / STEP_S)
        while len(moments) > 1 and sum(map(len, moments)) > most / 2:
            moments.pop()
        return moments

    def _gap(self, length: int, label: str, random: Random, without: Clip | None) -> list[tuple[Piece, bool]]:
        """Pieces of other things, and whether they have a label, that are ``length`` steps together."""
        pieces: list[tuple[Piece, bool]] = []
        while length > 0:
            labelled = not self._background or random.random() < self._config.other
            clip = (
                self._another(label, random)
                if labelled
                else self._background[int(random.integers(len(self._background)))]
            )
            if clip is None or clip is without:
                continue
            wanted = min(length, self._steps(random.uniform(*self._config.piece_s)))
            piece = self._piece(self._at_some_speed(clip, random), wanted, random)
            pieces.append((piece, labelled))
            length -= len(piece)
        return pieces

    def _another(self, label: str, random: Random) -> Clip | None:
        other = self._others[int(random.integers(len(self._others)))]
        return None if other == label else self._by_label[other][int(random.integers(len(self._by_label[other])))]

    def _layout(self, random: Random) -> Layout:
        return self._config.layouts[int(random.integers(len(self._config.layouts)))]

    def _length(self, layout: Layout, random: Random) -> int:
        return self._steps(max(_drawn(layout.lengths_s, random), self._config.shortest_s))

    def _query(self, steps: Piece, random: Random) -> Piece:
        return self._piece(steps, self._steps(random.uniform(*self._config.query_s)), random)

    @staticmethod
    def _at_some_speed(clip: Clip, random: Random) -> Piece:
        return clip.steps[float(random.choice(list(clip.steps)))]

    @staticmethod
    def _piece(steps: Piece, length: int, random: Random) -> Piece:
        length = min(max(length, 1), len(steps))
        start = int(random.integers(len(steps) - length + 1))
        return steps[start : start + length]

    @staticmethod
    def _steps(seconds: float) -> int:
        return round(seconds / STEP_S)


def _drawn(twentieths: Sequence[float], random: Random) -> float:
    return float(np.interp(random.random() * (len(twentieths) - 1), np.arange(len(twentieths)), twentieths))


def _worn(features: Floats, wear: float, random: Random) -> Floats:
    lengths = np.linalg.norm(features, axis=1, keepdims=True) / np.sqrt(max(features.shape[1], 1))
    return np.asarray(features + wear * lengths * random.standard_normal(features.shape, np.float32), np.float32)
