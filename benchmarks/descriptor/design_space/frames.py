"""The frames of the design-space bench, at any input side: of queries, gallery, distractors, and training pictures."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from benchmarks.attacks.build import Dataset
from benchmarks.descriptor.design_space.vectors import Floats, best_similarities
from benchmarks.descriptor.distractors import Sources
from benchmarks.descriptor.frame_bench import Result, Seed, measure_frames
from benchmarks.descriptor.frame_measures import search
from benchmarks.descriptor.frames import KEYFRAMES, decoded
from benchmarks.harness.features import THREADS, Keyframes
from cliptrace.models.borders import cropped, find_borders
from cliptrace.models.descriptor.config import DescriptorTraining
from cliptrace.models.descriptor.examples import Pictures
from cliptrace.models.thumbs import thumbs
from cliptrace.models.training.edits import edited, squeezed
from cliptrace.schemas.config import BASIS_FPS

Pixels = NDArray[np.uint8]


@dataclasses.dataclass(frozen=True, slots=True)
class Frames:
    """uint8[N, S, S, 3] each. items: what is searched, gallery frames and then distractors."""

    queries: Pixels
    items: Pixels
    training: Pixels


class Bench:
    """One attack bench. crop: whether borders are cut off, as BackboneConfig.crop_borders; for all variants alike.

    distractors: their footage and how many. training: pictures and copies of them, of any shape.
    """

    def __init__(
        self, dataset: Dataset, crop: bool, footage: Sequence[Path], distractors: int, training: Sequence[Pixels]
    ) -> None:
        self._crop, self._training = crop, training
        self._distractors = range(distractors if footage else 0)
        self._sources = functools.cache(lambda: Sources.read(footage))
        self.seed = Seed.load(dataset, _Times())

    def at(self, side: int) -> Frames:
        queries = self._videos(self.seed.query_paths, side)
        asked = zip(self.seed.queries.ids, self.seed.queries.position, strict=True)
        distractors = (_averaged(self._sources().picture(number), side)[None] for number in self._distractors)
        return Frames(
            np.stack([queries[name][at] for name, at in asked]),
            np.concatenate([*self._videos(self.seed.gallery_paths, side).values(), *distractors]),
            np.stack([squeezed(frame, side) for frame in self._training]),
        )

    def _videos(self, paths: Sequence[Path], side: int) -> dict[str, Pixels]:
        with ThreadPoolExecutor(THREADS) as pool:
            videos = pool.map(lambda path: keyframe_pixels(path, side, self._crop), paths)
            return dict(zip((path.name for path in paths), videos, strict=True))

    def score(self, queries: Floats, items: Floats) -> Result:
        """What ``measure_frames`` says of vectors [Q, A, D] and [N, B, D] of the queries and items ``at`` a side."""
        every, gallery = best_similarities(queries, items), self.seed.gallery
        # The search compares by inner products: a row of similarities times a unit vector is that similarity, as it is.
        units = np.eye(every.shape[1], dtype=np.float32)
        found = search(every, units[: len(gallery.times)], gallery.starts, units[len(gallery.times) :])
        return measure_frames(self.seed, found, np.empty(0, np.float32))


class _Times:
    """A contestant without embeddings: which keyframes there are."""

    def keyframes(self, paths: Sequence[Path]) -> dict[Path, Keyframes]:
        with ThreadPoolExecutor(THREADS) as pool:
            times = list(pool.map(_keyframe_times, paths))
        return {
            path: Keyframes(each, np.empty((len(each), 0), np.float32)) for path, each in zip(paths, times, strict=True)
        }

    def distractors(self, count: int) -> NDArray[np.float32]:
        return np.empty((0, 0), np.float32)


def keyframe_pixels(path: Path, side: int, crop: bool) -> Pixels:
    """uint8[K, S, S, 3] of the KEYFRAMES of a video: what cliptrace.transforms.extract hands to the backbone."""
    kept = []
    for tile in decoded(path, side):
        frames = tile.frames[:: _step()].copy()
        kept.append(cropped(frames, find_borders(tile.frames, thumbs(tile.frames))[:: _step()]) if crop else frames)
    return np.concatenate(kept)


def _keyframe_times(path: Path) -> NDArray[np.float64]:
    return np.concatenate([tile.times[:: _step()] for tile in decoded(path, 32)])


def _step() -> int:
    return round(BASIS_FPS / KEYFRAMES.per_second)


def training_frames(folders: Sequence[Path], count: int, seed: int) -> list[Pixels]:
    """``count`` of the pictures below the folders, or as many as there are, and edited copies of some."""
    random = np.random.default_rng(seed)
    pictures = Pictures.load(folders).frames
    plain = [pictures[number] for number in random.permutation(len(pictures))[:count]]
    return plain + [edited(frame, frame, random)[0] for frame in plain[:: DescriptorTraining.edited_every]]


def _averaged(picture: Pixels, side: int) -> Pixels:
    return np.asarray(cv2.resize(picture, (side, side), interpolation=cv2.INTER_AREA), np.uint8)
