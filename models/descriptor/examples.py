"""Pictures to train on, and the batches made of them: each picture once as it is and as edited copies."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from cliptrace.models.descriptor.config import DescriptorTraining
from cliptrace.models.training.batches import Random
from cliptrace.models.training.codec import recompressed
from cliptrace.models.training.edits import Frame, edited, squeezed
from cliptrace.models.training.footage import files_below, is_image, read_image, read_video


@dataclasses.dataclass(frozen=True)
class Pictures:
    """frames: RGB, as models/training/footage.py reads them. video: int64[P], frames of one video share a number.

    time: float64[P] seconds in the video; 0 for a still image.
    """

    frames: tuple[Frame, ...]
    video: NDArray[np.int64]
    time: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.frames)

    @classmethod
    def load(cls, folders: Sequence[Path], per_second: int = DescriptorTraining.per_second) -> Pictures:
        """Every image below the folders, and so many frames a second of every video. UsageError if there are none."""
        frames, video, time = [], [], []
        for number, path in enumerate(files_below(folders)):
            found = [read_image(path)] if is_image(path) else list(read_video(path, per_second))
            frames += found
            video += [number] * len(found)
            time += [index / per_second for index in range(len(found))]
        return cls(tuple(frames), np.array(video), np.array(time))


@dataclasses.dataclass(frozen=True)
class Batch:
    """frames: uint8[(1 + C)·N, S, S, 3], the N pictures as they are, then each of the C copies of all N.

    shown: int64[(1 + C)·N, 2], the picture that a frame is a copy of, and the other one that it shows, if any.
    """

    frames: torch.Tensor
    shown: torch.Tensor


class BatchMaker:
    """Most of a batch's pictures come from a file each; the others are groups of moments of one video, the hardest
    negatives."""

    def __init__(self, pictures: Pictures, config: DescriptorTraining) -> None:
        self._pictures, self._config = pictures, config
        counts = np.bincount(pictures.video)
        self._files, self._long = np.flatnonzero(counts), np.flatnonzero(counts >= 2 * config.per_second)

    def batch(self, random: Random) -> Batch:
        cv2.setNumThreads(0)
        config = self._config
        side = int(random.choice(config.sizes))
        chosen = self._choose(random)
        plain = [self._nearby(index, random) for index in chosen]
        shown = [(index, index) for index in chosen]
        copies = []
        for index in np.tile(chosen, config.copies):
            other = int(random.integers(len(self._pictures)))
            nearby = self._nearby(index, random)
            frame, shows_other = edited(nearby, self._pictures.frames[other], random, config.edits)
            copies.append(squeezed(frame, config.codec_size))
            shown.append((index, other if shows_other else index))
        frames = np.stack(copies)
        lossy = random.permutation(len(frames))[: int(len(frames) * config.recompressed)]
        frames[lossy] = recompressed(frames[lossy], random, config.edits)
        squares = [squeezed(frame, side) for frame in (*plain, *frames)]
        return Batch(torch.from_numpy(np.stack(squares)), torch.tensor(shown))

    def _choose(self, random: Random) -> NDArray[np.int64]:
        """Different pictures, as many as there are if they are fewer than a batch takes."""
        size = min(self._config.pictures, len(self._pictures))
        in_groups = int(size * self._config.grouped) if len(self._long) else 0
        files = random.choice(self._files, min(size - in_groups, len(self._files)), replace=False)
        chosen = {int(random.choice(np.flatnonzero(self._pictures.video == file))) for file in files}
        for _ in range(in_groups):
            moments = np.flatnonzero(self._pictures.video == random.choice(self._long))
            chosen.update(random.choice(moments, self._config.group, replace=False)[: size - len(chosen)].tolist())
        others = (int(index) for index in random.permutation(len(self._pictures)) if index not in chosen)
        return np.array(sorted([*chosen, *itertools.islice(others, size - len(chosen))]))

    def _nearby(self, index: int, random: Random) -> Frame:
        """The frame itself or the next of its video: keyframes of a copy never fall on the very same instants."""
        other = index + int(random.integers(-1, 2))
        if 0 <= other < len(self._pictures) and self._pictures.video[other] == self._pictures.video[index]:
            return self._pictures.frames[other]
        return self._pictures.frames[index]
