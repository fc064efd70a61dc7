"""Batches of copies: of every video two, edited each in its own way, of which each has lost frames and an end.

Where the footage itself has a copy of a video, as somebody trimmed, encoded or captioned it, the second may be of that.
"""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from cliptrace.models.star_gnn.clips import Clip
from cliptrace.models.star_gnn.config import CopiesConfig
from cliptrace.models.training.batches import Random

Floats = NDArray[np.float32]


@dataclasses.dataclass(frozen=True, slots=True)
class Batch:
    """Two copies of each of B videos, all first ones before all second ones.

    nodes: float32[2B, F, R, D]. there: bool[2B, F], which of the frames exist. apart: bool[B, B], which videos are
    negatives of each other: [i, j] of the first copy of one and the second of the other.
    """

    nodes: torch.Tensor
    there: torch.Tensor
    apart: torch.Tensor


class CopyMaker:
    """Draws batches. regions: those that are nodes."""

    def __init__(self, clips: Sequence[Clip], videos: int, regions: Sequence[int], config: CopiesConfig) -> None:
        self._clips, self._videos, self._config = clips, min(videos, len(clips)), config
        self._regions = list(regions)
        self._twins, copies = relations(clips, config)
        self._copies = [np.flatnonzero(row) for row in copies]
        scenes = np.array([clip.scene for clip in clips])
        self._neighbours = [
            np.flatnonzero((scenes == scene) & ~its) for scene, its in zip(scenes, self._twins, strict=True)
        ]

    def batch(self, random: Random) -> Batch:
        chosen = self._choose(random)
        seconds = [self._second(number, random) for number in chosen]
        copies = [self._copy(self._clips[number], random) for number in [*chosen, *seconds]]
        frames = max(len(copy) for copy in copies)
        nodes = np.zeros((len(copies), frames, *copies[0].shape[1:]), np.float32)
        there = np.zeros((len(copies), frames), np.bool_)
        for row, copy in enumerate(copies):
            nodes[row, : len(copy)], there[row, : len(copy)] = copy, True
        # Who shares footage with a copy of a video may share none with the video itself.
        apart = ~(self._twins[np.ix_(chosen, chosen)] | self._twins[np.ix_(chosen, seconds)])
        return Batch(*(torch.from_numpy(each) for each in (nodes, there, apart)))

    def _choose(self, random: Random) -> list[int]:
        """Different videos, some of them with one of the same scene."""
        chosen: dict[int, None] = {}
        for number in random.permutation(len(self._clips)):
            chosen.setdefault(int(number))
            if len(self._neighbours[number]) and random.random() < self._config.same_scene:
                chosen.setdefault(int(random.choice(self._neighbours[number])))
            if len(chosen) >= self._videos:
                break
        return list(itertools.islice(chosen, self._videos))

    def _second(self, number: int, random: Random) -> int:
        """The same video, or one that is a copy of it as it was found."""
        found = self._copies[number]
        return int(random.choice(found)) if len(found) and random.random() < self._config.natural else number

    def _copy(self, clip: Clip, random: Random) -> NDArray[np.float16]:
        """float16[F, R, D] of a variant: most of it, in order."""
        variants, frames = clip.nodes.shape[:2]
        kept = copied(frames, self._config, random)
        copy: NDArray[np.float16] = clip.nodes[int(random.integers(variants))][kept][:, self._regions]
        return copy


def copied(frames: int, config: CopiesConfig, random: Random, most: float = 1.0) -> NDArray[np.int64]:
    """Which of a video's frames a copy of it has: one piece, ``most`` of it at most, of which some are dropped."""
    length = max(round(frames * random.uniform(config.least, most)), 1)
    start = int(random.integers(frames - length + 1))
    kept = max(min(round(length * (1 - random.uniform(0, config.dropped))), config.frames), 1)
    return start + np.sort(random.permutation(length)[:kept])


def relations(clips: Sequence[Clip], config: CopiesConfig) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """bool[V, V] each: videos that share footage, each one with itself, too; and, of those, pairs of which one is a
    copy of most of the other. Two recordings of one scene may be as alike, but do not change in step."""
    rows = [clip.embeddings[0].astype(np.float32) for clip in clips]
    related, copies = np.eye(len(rows), dtype=np.bool_), np.zeros((len(rows),) * 2, np.bool_)
    for first, second in itertools.combinations(range(len(rows)), 2):
        if clips[first].look_alike and clips[first].scene == clips[second].scene:
            continue
        alike = rows[first] @ rows[second].T >= config.twin_alike
        shares = alike.any(axis=1).mean(), alike.any(axis=0).mean()
        if max(shares) >= config.twin_share:
            related[[first, second], [second, first]] = True
            is_copy = in_step(rows[first], rows[second], config) >= config.in_step
            copies[[first, second], [second, first]] = is_copy
    return related, copies


def in_step(first: Floats, second: Floats, config: CopiesConfig) -> float:
    """Correlation of what changes, float32[N, E] and float32[M, E], at the offset at which it is highest, and most of
    the shorter one is there; 0 of what is too short."""
    shorter = min(len(first), len(second))
    if shorter < config.fewest:
        return 0.0
    centred = [rows - rows.mean(axis=0) for rows in (first, second)]
    products = centred[0] @ centred[1].T
    lengths = [np.square(rows).sum(axis=1) for rows in centred]
    least = max(round(config.least * shorter), config.fewest)
    best = 0.0
    for offset in range(least - len(first), len(second) - least + 1):
        line, one, other = np.diagonal(products, offset), max(-offset, 0), max(offset, 0)
        scale = np.sqrt(lengths[0][one : one + len(line)].sum() * lengths[1][other : other + len(line)].sum())
        best = max(best, float(line.sum() / max(scale, 1e-9)))
    return best
