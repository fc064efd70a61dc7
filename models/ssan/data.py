"""What SSAN is trained on, made on the fly: similarity maps with real embeddings of real edits, and tiles of thumbs."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Mapping, Sequence

import numpy as np
import torch
import torch.utils.data
from numpy.typing import NDArray

from cliptrace.models.keyframes.content import select_content
from cliptrace.models.ssan.grid import PIXEL_S, to_grid
from cliptrace.models.ssan.pairs import Footage, Ints, PairMaker, Random
from cliptrace.models.ssan.teacher import keyframes
from cliptrace.models.ssan.tiles import FRAMES, tile
from cliptrace.schemas.config import BASIS_FPS

SIDES = {64: (0.4, 32), 128: (0.35, 12), 256: (0.17, 4), 512: (0.08, 1)}
"""Side of a batch's maps in pixels → how often, and maps a batch."""
COARSER = {64: (1.0,), 128: (1.0, 1.0, 2.0), 256: (1.0, 1.0, 2.0, 4.0), 512: (1.0, 2.0, 4.0)}
"""Side → how many times PIXEL_S a pixel may be, as in the maps of long videos."""
COPIED_SHARE = 0.45
"""Of the maps; the others hold no copy. Of what a search brings, far fewer do."""
_ATTEMPTS = 4
_VISIBLE = 0.1
"""Similarity along a copy's line below which nobody could find it."""
_SMALLEST = 1.0
"""Pixels of a copy on either side, below which it is none."""
RATES = {0.5: 0.05, 1.0: 0.25, 1.5: 0.15, 2.0: 0.3, 4.0: 0.15, 8.0: 0.1}
"""Keyframes a second of the reference, about → how often."""
DENSER = {1.0: 0.4, 2.0: 0.1, 4.0: 0.2, 8.0: 0.3}
"""How many times as many the query has → how often: nobody stores those."""
_UNEVEN = 0.25
"""Share by which there may be fewer or more."""
_DENSEST = 4.0
"""Keyframes a pixel, at most."""


@dataclasses.dataclass(frozen=True, slots=True)
class Example:
    """pixels: float32[H, W], on a grid (grid.py). boxes: float32[M, 4], q0, q1, r0, r1 in pixels. backward: bool[M]."""

    pixels: NDArray[np.float32]
    boxes: NDArray[np.float32]
    backward: NDArray[np.bool_]


class MapMaker:
    """Example of a pair: keyframes are chosen, embeddings worn down, and the map is full or what a search would hit."""

    def __init__(self, pairs: PairMaker) -> None:
        self.pairs = pairs

    def example(self, random: Random, side: int) -> Example:
        """A map of at most side × side. One whose copies cannot be seen is not shown; one without may be picked."""
        if side >= 128 and random.random() < 0.4:
            return self._mosaic(random, side)
        copied = random.random() < COPIED_SHARE
        tried = []
        for _ in range(_ATTEMPTS):
            example = self._one(random, side, copied)
            if copied and len(example.boxes) and _visibility(example).min() >= _VISIBLE:
                return example
            if not copied:
                tried.append(example)
        if copied:
            return self._one(random, side, copied=False)
        # What a search brings is the most alike of many strangers, not any.
        return max(tried, key=_brightness)

    def _one(self, random: Random, side: int, copied: bool) -> Example:
        step_s = PIXEL_S * float(random.choice(COARSER[side]))
        most = _DENSEST / step_s
        rate = min(_drawn(random, RATES), most)
        query_rate = min(rate * _drawn(random, DENSER), BASIS_FPS, most)
        longest = int(side * step_s * BASIS_FPS)
        query, ref, copies = self.pairs.pair(random, longest, longest, copied)
        query_frames, ref_frames = self._keyframes(random, query, query_rate), self._keyframes(random, ref, rate)
        similarity = self.similarity(random, query[query_frames], ref[ref_frames])
        if not similarity.size:
            return Example(np.zeros((0, 0), np.float32), np.zeros((0, 4), np.float32), np.zeros(0, np.bool_))
        grid = to_grid(similarity, query_frames / BASIS_FPS, ref_frames / BASIS_FPS, step_s)
        ends = np.array([(copy.q0, copy.q1, copy.r0, copy.r1) for copy in copies], np.float32).reshape(-1, 4)
        height, width = grid.pixels.shape
        boxes = np.minimum(ends / (BASIS_FPS * step_s), np.array([height, height, width, width], np.float32))
        seen = np.minimum(boxes[:, 1] - boxes[:, 0], boxes[:, 3] - boxes[:, 2]) >= _SMALLEST
        backward = np.array([copy.backward for copy in copies], np.bool_)
        return Example(grid.pixels[:side, :side], boxes[seen].clip(max=side), backward[seen])

    def _mosaic(self, random: Random, side: int) -> Example:
        """Four maps of other pairs in one (as YOLOv4 does, Bochkovskiy et al., arXiv 2004.10934)."""
        half = side // 2
        similarity = np.zeros((side, side), np.float32)
        boxes, backward = [], []
        for row, column in itertools.product((0, half), (0, half)):
            part = self.example(random, half)
            height, width = part.pixels.shape
            similarity[row : row + height, column : column + width] = part.pixels
            boxes.append(part.boxes + np.array([row, row, column, column], np.float32))
            backward.append(part.backward)
        return Example(similarity, np.concatenate(boxes), np.concatenate(backward))

    def _keyframes(self, random: Random, video: Footage, rate: float) -> Ints:
        if rate == BASIS_FPS:
            return np.arange(len(video))
        step = BASIS_FPS / (rate * random.uniform(1 - _UNEVEN, 1 + _UNEVEN))
        if random.random() < 0.7:
            return np.arange(random.uniform(0, min(step, len(video))), len(video), max(step, 1.0)).astype(np.int64)
        chosen, _ = select_content(
            self.pairs.thumbs(video), BASIS_FPS, float(np.exp(random.uniform(-4, -2.3))), 2.0 / rate
        )
        return chosen

    def similarity(self, random: Random, query: Footage, ref: Footage) -> NDArray[np.float32]:
        """float32[Q, R], dense or what a search would hit."""
        (mine, bias), (theirs, _) = self.pairs.embeddings(query), self.pairs.embeddings(ref)
        if random.random() < 0.5:
            mine, theirs = _seen_by_fewer(random, mine, theirs)
        wear = random.uniform(0, 0.9) if random.random() < 0.5 else 0.0
        mine, theirs = _worn(random, mine, wear), _worn(random, theirs, wear * random.uniform(0, 0.3))
        similarity = mine @ theirs.T - (bias / np.hypot(1, wear))[:, None].astype(np.float32)
        if random.random() < 0.5:  # as other backbones have it, or none that normalises
            similarity = similarity * np.float32(random.uniform(0.8, 1.2)) + np.float32(random.uniform(-0.1, 0.2))
        if random.random() < 0.2:
            similarity = _hits(similarity, float(random.uniform(0.05, 0.25)))
        return np.asarray(similarity, np.float32)


def _drawn(random: Random, shares: Mapping[float, float]) -> float:
    return float(random.choice(list(shares), p=list(shares.values())))


def _brightness(example: Example) -> float:
    """Of the brightest pairs; a map may be empty, where the footage has no strangers."""
    return float(np.quantile(example.pixels, 0.98)) if example.pixels.size else -1.0


def _visibility(example: Example) -> NDArray[np.float64]:
    """float64[M]: mean over each copy's rows of the best similarity within a pixel of its line."""
    found = []
    for (q0, q1, r0, r1), backward in zip(example.boxes, example.backward, strict=True):
        rows = np.arange(round(float(q0)), max(round(float(q1)), round(float(q0)) + 1)).clip(
            max=len(example.pixels) - 1
        )
        share = (rows + 0.5 - q0) / (q1 - q0)
        line = r0 + (1 - share if backward else share) * (r1 - r0)
        columns = (line[:, None] + (-1, 0, 1)).astype(int).clip(0, example.pixels.shape[1] - 1)
        found.append(example.pixels[rows[:, None], columns].max(axis=1).mean())
    return np.array(found)


def collate(examples: Sequence[Example], side: int) -> dict[str, torch.Tensor]:
    """maps float32[N, 1, side, side], boxes float32[N, M, 4] filled up with NaN, backward bool[N, M]."""
    most = max(1, *(len(example.boxes) for example in examples))
    maps = torch.zeros(len(examples), 1, side, side)
    boxes = torch.full((len(examples), most, 4), torch.nan)
    backward = torch.zeros(len(examples), most, dtype=torch.bool)
    for number, example in enumerate(examples):
        height, width = example.pixels.shape
        maps[number, 0, :height, :width] = torch.from_numpy(example.pixels)
        boxes[number, : len(example.boxes)] = torch.from_numpy(example.boxes)
        backward[number, : len(example.boxes)] = torch.from_numpy(example.backward)
    return {"maps": maps, "boxes": boxes, "backward": backward}


class Batches(torch.utils.data.Dataset[dict[str, torch.Tensor]]):  # type: ignore[misc]  # torch is not followed
    """Item ``step`` is the batch of that step, the same for the same seed on any number of workers."""

    def __init__(self, maker: MapMaker, steps: int, seed: int) -> None:
        self._maker, self._steps, self._seed = maker, steps, seed

    def __len__(self) -> int:
        return self._steps

    def __getitem__(self, step: int) -> dict[str, torch.Tensor]:
        random = np.random.default_rng([self._seed, step])
        side = int(random.choice(list(SIDES), p=[share for share, _ in SIDES.values()]))
        return collate([self._maker.example(random, side) for _ in range(SIDES[side][1])], side)


def _worn(random: Random, embeddings: NDArray[np.float32], wear: float) -> NDArray[np.float32]:
    """Less alike than they are: noise of ``wear`` times their length. A network sees its training footage too well."""
    if not wear:
        return embeddings
    noise = random.standard_normal(embeddings.shape, np.float32) * np.float32(wear / embeddings.shape[1] ** 0.5)
    noisy = embeddings + noise
    return np.asarray(noisy / np.linalg.norm(noisy, axis=1, keepdims=True), np.float32)


def _seen_by_fewer(
    random: Random, mine: NDArray[np.float32], theirs: NDArray[np.float32]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """As a smaller descriptor would see both: some of the dimensions. The same footage gives another map every time."""
    dimension = mine.shape[1]
    kept = random.permutation(dimension)[: int(dimension * random.uniform(0.2, 1))]
    few = (np.ascontiguousarray(embeddings[:, kept]) for embeddings in (mine, theirs))
    ours, others = (each / np.linalg.norm(each, axis=1, keepdims=True) for each in few)
    return ours, others


def _hits(similarity: NDArray[np.float32], threshold: float) -> NDArray[np.float32]:
    """What an index search would have found: of each row the best, if it is good enough to be among the nearest."""
    sparse = np.zeros_like(similarity)
    if similarity.size:
        rows, best = np.arange(len(similarity)), similarity.argmax(axis=1)
        found = similarity[rows, best] > threshold
        sparse[rows[found], best[found]] = similarity[rows[found], best[found]]
    return sparse


@dataclasses.dataclass(frozen=True, slots=True)
class Tiles:
    """tiles: uint8[N, 768, 768, 3]. wanted: float32[N, 576], 1 for the teacher's keyframes. there: bool[N, 576], False
    where a tile is padding."""

    tiles: torch.Tensor
    wanted: torch.Tensor
    there: torch.Tensor


class TileBatches(torch.utils.data.Dataset[Tiles]):  # type: ignore[misc]  # torch is not followed
    """Item ``step`` is the batch of that step."""

    def __init__(self, pairs: PairMaker, size: int, steps: int, seed: int) -> None:
        self._pairs, self._size, self._steps, self._seed = pairs, size, steps, seed

    def __len__(self) -> int:
        return self._steps

    def __getitem__(self, step: int) -> Tiles:
        random = np.random.default_rng([self._seed, step])
        lengths = [int(FRAMES * random.uniform(0.3, 1)) for _ in range(self._size)]
        return as_tiles(self._pairs, [self._pairs.video(random, length) for length in lengths])


def as_tiles(pairs: PairMaker, videos: Sequence[Footage]) -> Tiles:
    """videos: of at most 576 basis frames each. Edited footage has the keyframes of what it was made from."""
    tiles, wanted = [], torch.zeros(len(videos), FRAMES)
    there = torch.zeros(len(videos), FRAMES, dtype=torch.bool)
    for number, video in enumerate(videos):
        original = video.shown_as(0)
        chosen = keyframes(pairs.embeddings(original)[0], pairs.thumbs(original))
        tiles.append(torch.from_numpy(tile(pairs.thumbs(video))))
        wanted[number, : len(video)] = torch.from_numpy(chosen).float()
        there[number, : len(video)] = True
    return Tiles(torch.stack(tiles), wanted, there)
