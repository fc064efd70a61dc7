"""Pictures to train on, and the batches made of them: each picture once as it is and twice as an edited copy."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import torch.utils.data
from numpy.typing import NDArray

from cliptrace.models.descriptor.codec import recompressed
from cliptrace.models.descriptor.edits import Frame, edited, squeezed
from cliptrace.models.footage import files_below, is_image, read_image, read_video

_PER_SECOND = 4
EDITED = 2
"""Edited copies of each picture in a batch."""
_CODEC_SIZE = 256
_RECOMPRESSED_SHARE = 0.5
_GROUPED_SHARE = 0.35


@dataclasses.dataclass(frozen=True)
class Pictures:
    """frames: RGB, as cliptrace.models.footage reads them. video: int64[P], frames of one video share a number.

    time: float64[P] seconds in the video; 0 for a still image.
    """

    frames: tuple[Frame, ...]
    video: NDArray[np.int64]
    time: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.frames)

    @classmethod
    def load(cls, folders: Sequence[Path]) -> Pictures:
        """Every image below the folders, and four frames a second of every video. UsageError where there are none."""
        frames, video, time = [], [], []
        for number, path in enumerate(files_below(folders)):
            found = _read(path)
            frames += found
            video += [number] * len(found)
            time += [index / _PER_SECOND for index in range(len(found))]
        return cls(tuple(frames), np.array(video), np.array(time))


def _read(path: Path) -> list[Frame]:
    return [read_image(path)] if is_image(path) else list(read_video(path, _PER_SECOND))


@dataclasses.dataclass(frozen=True)
class Batch:
    """frames: uint8[(1 + EDITED)·N, S, S, 3], the N pictures as they are, then each copy of all N.

    shown: int64[(1 + EDITED)·N, 2], the picture that a frame is a copy of, and the other one that it shows, if any.
    """

    frames: torch.Tensor
    shown: torch.Tensor


class Batches(torch.utils.data.Dataset[Batch]):  # type: ignore[misc]  # torch is not followed
    """Item ``step`` is the batch of that step, the same for the same seed on any number of workers.

    Most of a batch's pictures come from a file each; the others are groups of moments of one video, the hardest
    negatives.
    """

    def __init__(self, pictures: Pictures, size: int, sizes: tuple[int, ...], steps: int, seed: int) -> None:
        self._pictures, self._size, self._sizes, self._steps, self._seed = pictures, size, sizes, steps, seed
        counts = np.bincount(pictures.video)
        self._files, self._long = np.flatnonzero(counts), np.flatnonzero(counts >= 2 * _PER_SECOND)

    def __len__(self) -> int:
        return self._steps

    def __getitem__(self, step: int) -> Batch:
        cv2.setNumThreads(0)
        random = np.random.default_rng([self._seed, step])
        side = int(random.choice(self._sizes))
        chosen = self._choose(random)
        plain = [self._nearby(index, random) for index in chosen]
        shown = [(index, index) for index in chosen]
        copies = []
        for index in np.tile(chosen, EDITED):
            other = int(random.integers(len(self._pictures)))
            frame, shows_other = edited(self._nearby(index, random), self._pictures.frames[other], random)
            copies.append(squeezed(frame, _CODEC_SIZE))
            shown.append((index, other if shows_other else index))
        frames = np.stack(copies)
        lossy = random.permutation(len(frames))[: int(len(frames) * _RECOMPRESSED_SHARE)]
        frames[lossy] = recompressed(frames[lossy], random)
        squares = [squeezed(frame, side) for frame in (*plain, *frames)]
        return Batch(torch.from_numpy(np.stack(squares)), torch.tensor(shown))

    def _choose(self, random: np.random.Generator) -> NDArray[np.int64]:
        """Different pictures, as many as there are if they are fewer than a batch takes."""
        size = min(self._size, len(self._pictures))
        in_groups = int(size * _GROUPED_SHARE) if len(self._long) else 0
        files = random.choice(self._files, min(size - in_groups, len(self._files)), replace=False)
        chosen = {int(random.choice(np.flatnonzero(self._pictures.video == file))) for file in files}
        for _ in range(in_groups):
            moments = np.flatnonzero(self._pictures.video == random.choice(self._long))
            chosen.update(random.choice(moments, 4, replace=False)[: size - len(chosen)].tolist())
        others = (int(index) for index in random.permutation(len(self._pictures)) if index not in chosen)
        return np.array(sorted([*chosen, *itertools.islice(others, size - len(chosen))]))

    def _nearby(self, index: int, random: np.random.Generator) -> Frame:
        """The frame itself or the next of its video: keyframes of a copy never fall on the very same instants."""
        other = index + int(random.integers(-1, 2))
        if 0 <= other < len(self._pictures) and self._pictures.video[other] == self._pictures.video[index]:
            return self._pictures.frames[other]
        return self._pictures.frames[index]
