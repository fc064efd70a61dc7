"""Frames that no query was copied from, to be told from those that were: footage of other splits, real and recombined.

Every tenth is a frame as it was filmed, as long as there are any; the others join frames of different videos, or change
one frame beyond recognition. Number n is the same picture whatever else is made, so the first 3,000 of 50,000 are the
3,000 of a smaller run. Pictures are made in memory and not kept; their embeddings are.

Only footage of another split: a distractor made from a gallery video would be a copy of it, one made from the bench's
background a copy of what the queries truly show. For the test split not of train either: a network was trained to tell
those frames apart. No label is used, and nothing is tuned on them.
"""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from benchmarks.attacks.splits import Footage, Split, representatives
from benchmarks.descriptor.frames import decoded
from benchmarks.harness.features import THREADS, kept, recipe
from cliptrace.models.backbones.registry import Embedder
from cliptrace.schemas.config import BackboneConfig

Picture = NDArray[np.uint8]
OTHER_SPLITS: dict[Split, tuple[Split, ...]] = {"test": ("validation",), "validation": ("train",), "train": ()}
SIZE = 320
"""Side of the pictures in pixels; at least that of a backbone's input, to which they are averaged down."""
_REAL_SHARE = 10
_STEP = 2  # of the 8 basis frames a second, 4 are used
_CHUNK = 1000


@dataclasses.dataclass(frozen=True, slots=True)
class Sources:
    """frames: uint8[N, SIZE, SIZE, 3]. video: int64[N], ascending: the number of the video that each is of."""

    frames: NDArray[np.uint8]
    video: NDArray[np.int64]

    @classmethod
    def read(cls, paths: Sequence[Path]) -> Sources:
        with ThreadPoolExecutor(THREADS) as pool:
            videos = list(pool.map(_frames, paths))
        return cls(np.concatenate(videos), np.repeat(np.arange(len(videos)), [len(video) for video in videos]))

    def picture(self, number: int) -> Picture:
        """Distractor ``number``: uint8[SIZE, SIZE, 3]."""
        turn, rest = divmod(number, _REAL_SHARE)
        if rest == 0 and turn < len(self.frames):
            return self.frames[_order(len(self.frames))[turn]]
        random = np.random.default_rng([2, number])
        make = _MAKERS[random.integers(len(_MAKERS))]
        return make(self._different(random), random)

    def _different(self, random: np.random.Generator) -> list[Picture]:
        """Four frames, of different videos while there are so many; every video as likely as any other."""
        count = int(self.video[-1]) + 1
        videos = random.choice(count, 4, replace=count < 4)
        return [self.frames[random.choice(np.flatnonzero(self.video == video))] for video in videos]


def distractor_paths(footage: Footage, split: Split) -> list[Path]:
    """What distractors of a split are made from: none where all splits share the same videos."""
    if not footage.families:
        return []
    return [footage.root / path for other in OTHER_SPLITS[split] for path in representatives(footage, other)]


def embed_distractors(paths: Sequence[Path], count: int, backbone: BackboneConfig, cache: Path) -> NDArray[np.float32]:
    """float32[count, D] of unit norm, or what is in ``cache`` of them; no rows where there is no footage."""
    if not paths or not count:
        return np.empty((0, backbone.dimension), np.float32)
    if backbone.input_size > SIZE:
        raise ValueError(f"distractors have {SIZE} pixels, too few for a backbone that wants {backbone.input_size}")
    cache.mkdir(parents=True, exist_ok=True)
    footage = hashlib.sha256(repr([(path.name, path.stat().st_size) for path in paths]).encode()).hexdigest()
    made_by = recipe(backbone, footage, files=[Path(__file__)])
    embedder, started = Embedder.open(backbone), time.monotonic()
    sources = functools.cache(lambda: Sources.read(paths))
    chunks = [(start, cache / f"distractors-{made_by}-{start:06d}.npz") for start in range(0, count, _CHUNK)]
    if not all(file.is_file() for _, file in chunks):
        sources()  # once, before threads ask for it
    cv2.setNumThreads(1)

    def one(chunk: tuple[int, Path]) -> NDArray[np.float32]:
        start, file = chunk
        numbers = range(start, start + _CHUNK)
        return np.asarray(kept(file, lambda: {"embeddings": _embed(sources(), numbers, embedder)})["embeddings"])

    with ThreadPoolExecutor(THREADS) as pool:
        embeddings = np.concatenate(list(pool.map(one, chunks)))[:count]
    print(f"{count} distractors, {backbone.name}: {time.monotonic() - started:.0f} s", file=sys.stderr)
    return embeddings


def _embed(sources: Sources, numbers: range, embedder: Embedder) -> NDArray[np.float32]:
    size = embedder.config.input_size
    pictures = (cv2.resize(sources.picture(number), (size, size), interpolation=cv2.INTER_AREA) for number in numbers)
    return embedder.embed(np.stack(list(pictures)))


def _frames(path: Path) -> NDArray[np.uint8]:
    return np.concatenate([tile.frames[::_STEP].copy() for tile in decoded(path, SIZE)])


@functools.cache
def _order(count: int) -> NDArray[np.int64]:
    return np.random.default_rng(1).permutation(count)


def _halves(pictures: list[Picture], random: np.random.Generator) -> Picture:
    """The left of one, the right of another, cut or squeezed; or top and bottom."""
    first, second = pictures[:2]
    at = round(SIZE * random.uniform(0.35, 0.65))
    if random.random() < 0.5:
        first, second = _resized(first, at, SIZE), _resized(second, SIZE - at, SIZE)
    else:
        first, second = first[:, :at], second[:, at:]
    joined = np.concatenate([first, second], axis=1)
    return joined if random.random() < 0.6 else np.ascontiguousarray(joined.transpose(1, 0, 2)[::-1])


def _inset(pictures: list[Picture], random: np.random.Generator) -> Picture:
    """The centre of one, small, inside another."""
    joined, side, margin = pictures[0].copy(), round(SIZE * random.uniform(0.35, 0.7)), SIZE // 8
    x, y = random.integers(0, SIZE - side, 2)
    joined[y : y + side, x : x + side] = _resized(pictures[1][margin:-margin, margin:-margin], side, side)
    return joined


def _blend(pictures: list[Picture], random: np.random.Generator) -> Picture:
    share = random.uniform(0.35, 0.65)
    return np.asarray(cv2.addWeighted(pictures[0], share, pictures[1], 1 - share, 0.0), np.uint8)


def _changed(pictures: list[Picture], random: np.random.Generator) -> Picture:
    """One frame: a part of it, its hues turned, mirrored every other time."""
    side = round(SIZE * random.uniform(0.4, 0.8))
    x, y = random.integers(0, SIZE - side, 2)
    hsv = cv2.cvtColor(_resized(pictures[0][y : y + side, x : x + side], SIZE, SIZE), cv2.COLOR_RGB2HSV)
    hsv[..., 0] = (hsv[..., 0].astype(np.int16) + random.integers(20, 160)) % 180
    picture = np.asarray(cv2.cvtColor(hsv, cv2.COLOR_HSV2RGB), np.uint8)
    return np.ascontiguousarray(picture[:, ::-1]) if random.random() < 0.5 else picture


def _mosaic(pictures: list[Picture], random: np.random.Generator) -> Picture:
    """Two by two, whole or cut."""
    half = SIZE // 2
    x, y = random.integers(0, half, 2)
    cut = random.random() < 0.5
    parts = [each[y : y + half, x : x + half] if cut else _resized(each, half, half) for each in pictures]
    return np.concatenate([np.concatenate(parts[:2], axis=1), np.concatenate(parts[2:], axis=1)])


def _resized(picture: Picture, width: int, height: int) -> Picture:
    return np.asarray(cv2.resize(picture, (width, height), interpolation=cv2.INTER_AREA), np.uint8)


_MAKERS: tuple[Callable[[list[Picture], np.random.Generator], Picture], ...] = (
    _halves,
    _inset,
    _blend,
    _changed,
    _mosaic,
)
