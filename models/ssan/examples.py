"""What SSAN is trained on, made on the fly: similarity maps with real embeddings of real edits, and tiles of thumbs."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from cliptrace.models.keyframes.content import select_content
from cliptrace.models.ssan.config import MapsConfig, Range, Shares, SKETraining, SSANTraining, TeacherConfig
from cliptrace.models.ssan.grid import PIXEL_FRAMES, PIXEL_S, to_grid
from cliptrace.models.ssan.pairs import Copy, Footage, Ints, PairMaker
from cliptrace.models.ssan.teacher import keyframes
from cliptrace.models.ssan.tiles import FRAMES, tile
from cliptrace.models.training.batches import Random
from cliptrace.schemas.config import BASIS_FPS


@dataclasses.dataclass(frozen=True, slots=True)
class Example:
    """pixels: float32[H, W], on a grid (grid.py). boxes: float32[M, 4], q0, q1, r0, r1 in pixels. backward: bool[M]."""

    pixels: NDArray[np.float32]
    boxes: NDArray[np.float32]
    backward: NDArray[np.bool_]


class MapMaker:
    """Example of a pair: keyframes are chosen, embeddings worn down, and the map is full or what a search would hit."""

    def __init__(self, pairs: PairMaker, config: MapsConfig) -> None:
        self.pairs, self._config = pairs, config

    def batch(self, random: Random) -> dict[str, torch.Tensor]:
        sides, shares, counts = zip(*self._config.sides, strict=True)
        chosen = int(random.choice(len(sides), p=shares))
        return collate([self.example(random, sides[chosen]) for _ in range(counts[chosen])], sides[chosen])

    def example(self, random: Random, side: int) -> Example:
        """A map of at most side × side. One whose copies cannot be seen is not shown; one without may be picked."""
        config = self._config
        if side >= config.mosaic_side and random.random() < config.mosaic:
            return self._mosaic(random, side)
        copied = random.random() < config.copied
        tried = []
        for _ in range(config.attempts):
            example = self._one(random, side, copied)
            if copied and len(example.boxes) and _visibility(example).min() >= config.visible:
                return example
            if not copied:
                tried.append(example)
        if copied:
            return self._one(random, side, copied=False)
        # What a search brings is the most alike of many distractors, not any.
        return max(tried, key=lambda example: _brightness(example, config.brightest))

    def _one(self, random: Random, side: int, copied: bool) -> Example:
        config = self._config
        coarser = config.coarser[[each for each, _, _ in config.sides].index(side)]
        step_s = PIXEL_S * float(random.choice(coarser))
        most = config.densest / step_s
        rate = min(_drawn(random, config.rates), most)
        query_rate = min(rate * _drawn(random, config.denser), BASIS_FPS, most)
        longest = int(side * step_s * BASIS_FPS)
        query, ref, copies = self.pairs.pair(random, longest, longest, copied)
        query_frames, ref_frames = self._keyframes(random, query, query_rate), self._keyframes(random, ref, rate)
        similarity = self.similarity(random, query[query_frames], ref[ref_frames])
        if not similarity.size:
            return Example(np.zeros((0, 0), np.float32), np.zeros((0, 4), np.float32), np.zeros(0, np.bool_))
        grid = to_grid(similarity, query_frames / BASIS_FPS, ref_frames / BASIS_FPS, step_s)
        ends, backward = _ends(copies)
        height, width = grid.pixels.shape
        boxes = np.minimum(ends / (BASIS_FPS * step_s), np.array([height, height, width, width], np.float32))
        seen = np.minimum(boxes[:, 1] - boxes[:, 0], boxes[:, 3] - boxes[:, 2]) >= config.smallest
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
        config = self._config
        step = BASIS_FPS / (rate * random.uniform(1 - config.uneven, 1 + config.uneven))
        if random.random() < config.uniform:
            return np.arange(random.uniform(0, min(step, len(video))), len(video), max(step, 1.0)).astype(np.int64)
        threshold = float(np.exp(random.uniform(*config.content_threshold)))
        chosen, _ = select_content(self.pairs.thumbs(video), BASIS_FPS, threshold, config.content_gap / rate)
        return chosen

    def similarity(self, random: Random, query: Footage, ref: Footage) -> NDArray[np.float32]:
        """float32[Q, R], dense or what a search would hit."""
        config = self._config
        (mine, bias), (theirs, _) = self.pairs.embeddings(query), self.pairs.embeddings(ref)
        if random.random() < config.fewer_dimensions:
            mine, theirs = _seen_by_fewer(random, mine, theirs, config.kept_dimensions)
        wear = random.uniform(*config.wear) if random.random() < config.worn else 0.0
        mine, theirs = _worn(random, mine, wear), _worn(random, theirs, wear * random.uniform(*config.reference_wear))
        similarity = mine @ theirs.T - (bias / np.hypot(1, wear))[:, None].astype(np.float32)
        if random.random() < config.rescaled:
            scale, shift = (np.float32(random.uniform(*each)) for each in (config.scale, config.shift))
            similarity = similarity * scale + shift
        if random.random() < config.hits:
            similarity = _hits(similarity, float(random.uniform(*config.hit_threshold)))
        return np.asarray(similarity, np.float32)


def _drawn(random: Random, shares: Shares) -> float:
    values, often = zip(*shares, strict=True)
    return float(random.choice(values, p=often))


def _brightness(example: Example, quantile: float) -> float:
    """Of the brightest pairs; a map may be empty, where the footage has no distractors."""
    return float(np.quantile(example.pixels, quantile)) if example.pixels.size else -1.0


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


def _worn(random: Random, embeddings: NDArray[np.float32], wear: float) -> NDArray[np.float32]:
    """Less alike than they are: noise of ``wear`` times their length. A network sees its training footage too well."""
    if not wear:
        return embeddings
    noise = random.standard_normal(embeddings.shape, np.float32) * np.float32(wear / embeddings.shape[1] ** 0.5)
    noisy = embeddings + noise
    return np.asarray(noisy / np.linalg.norm(noisy, axis=1, keepdims=True), np.float32)


def _seen_by_fewer(
    random: Random, mine: NDArray[np.float32], theirs: NDArray[np.float32], share: Range
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """As a smaller descriptor would see both: some of the dimensions. The same footage gives another map every time."""
    dimension = mine.shape[1]
    kept = random.permutation(dimension)[: int(dimension * random.uniform(*share))]
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


def tile_batch(pairs: PairMaker, config: SKETraining, random: Random) -> Tiles:
    lengths = [int(FRAMES * random.uniform(*config.filled)) for _ in range(config.tiles)]
    return as_tiles(pairs, [pairs.video(random, length) for length in lengths], config.teacher)


def as_tiles(pairs: PairMaker, videos: Sequence[Footage], teacher: TeacherConfig) -> Tiles:
    """videos: of at most 576 basis frames each. Edited footage has the keyframes of what it was made from."""
    tiles, wanted = [], torch.zeros(len(videos), FRAMES)
    there = torch.zeros(len(videos), FRAMES, dtype=torch.bool)
    for number, video in enumerate(videos):
        original = video.shown_as(0)
        chosen = keyframes(pairs.embeddings(original)[0], pairs.thumbs(original), teacher)
        tiles.append(torch.from_numpy(tile(pairs.thumbs(video))))
        wanted[number, : len(video)] = torch.from_numpy(chosen).float()
        there[number, : len(video)] = True
    return Tiles(torch.stack(tiles), wanted, there)


@dataclasses.dataclass(frozen=True, slots=True)
class JointBatch:
    """tiles: of 2N videos, queries first. similarity: float32[N, 576, 576]. dense: bool[N]. maps: boxes and backward,
    as collate makes them, in pixels of PIXEL_S."""

    tiles: Tiles
    similarity: torch.Tensor
    dense: torch.Tensor
    maps: dict[str, torch.Tensor]


def joint_batch(maker: MapMaker, config: SSANTraining, random: Random) -> JointBatch:
    similarity = torch.zeros(config.pairs, FRAMES, FRAMES)
    pairs, examples = [], []
    for number in range(config.pairs):
        query, ref, copies = maker.pairs.pair(random, FRAMES, FRAMES, copied=number % 2 == 0)
        query, ref = query[:FRAMES], ref[:FRAMES]
        similarity[number, : len(query), : len(ref)] = torch.from_numpy(maker.similarity(random, query, ref))
        ends, backward = _ends(copies)
        examples.append(Example(np.zeros((0, 0), np.float32), ends / np.float32(PIXEL_FRAMES), backward))
        pairs.append((query, ref))
    videos = [query for query, _ in pairs] + [ref for _, ref in pairs]
    dense = torch.from_numpy(random.random(config.pairs) < config.dense_queries)
    tiles = as_tiles(maker.pairs, videos, config.ske.teacher)
    return JointBatch(tiles, similarity, dense, collate(examples, FRAMES // PIXEL_FRAMES))


def _ends(copies: Sequence[Copy]) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """float32[M, 4], q0, q1, r0, r1 in basis frames, and bool[M], which play backward."""
    ends = np.array([(copy.q0, copy.q1, copy.r0, copy.r1) for copy in copies], np.float32).reshape(-1, 4)
    return ends, np.array([copy.backward for copy in copies], np.bool_)
