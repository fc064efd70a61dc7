"""What a video's vector may be, each small, from its paper's description. All see the same frames.

A contestant has ``vectors`` for a video of the gallery and ``asked`` for a query; rows of unit L2 norm, or of any
length where its paper has them so. Two videos are as near as the mean, over the query's rows, of the best product with
the other's rows.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from benchmarks.star_gnn.copies import Frames
from cliptrace.models.backbones.background import Background
from cliptrace.models.backbones.pooling import unit
from cliptrace.models.backbones.whitening import Whitening

Floats = NDArray[np.float32]

REGIONS = slice(0, 14)
"""Rows of a frame that are regions of its map; the last one is its embedding."""


class Contestant(Protocol):
    def vectors(self, video: Frames) -> Floats: ...

    def asked(self, video: Frames) -> Floats: ...


@dataclasses.dataclass(frozen=True, slots=True)
class Pooled:
    """The same of a query as of the gallery."""

    pool: Callable[[Frames], Floats]

    def vectors(self, video: Frames) -> Floats:
        return self.pool(video)

    asked = vectors


def mean(video: Frames) -> Floats:
    """Of the frames' copy embeddings."""
    return unit(video.embeddings.mean(axis=0, keepdims=True))


def mac(video: Frames) -> Floats:
    """Of the region that is the whole frame, max-pooled (Tolias et al., ICLR 2016)."""
    return unit(video.nodes[:, 0].mean(axis=0, keepdims=True))


def rmac(video: Frames) -> Floats:
    """Of all regions, each projected (Tolias et al., ICLR 2016, §3.2)."""
    return unit(video.nodes[:, REGIONS].mean(axis=(0, 1))[None])


@dataclasses.dataclass(frozen=True, slots=True)
class Whitened:
    """A pooled vector, whitened on videos as they are and edited (Jégou and Chum, ECCV 2012)."""

    pool: Callable[[Frames], Floats]
    whitening: Whitening

    def vectors(self, video: Frames) -> Floats:
        return self.whitening.apply(self.pool(video))

    asked = vectors


@dataclasses.dataclass(frozen=True, slots=True)
class Distinctive:
    """The mean, each frame weighing as much as it is unlike the background: VVS (Jo et al., CVPR 2023) suppresses what
    tells no video from another; here without training."""

    background: Background
    sharpness: float = 8.0

    def vectors(self, video: Frames) -> Floats:
        bias = self.background.bias(video.embeddings)
        weights = np.exp(-self.sharpness * (bias - bias.min()))
        return unit((video.embeddings * weights[:, None]).sum(axis=0, keepdims=True))

    asked = vectors


@dataclasses.dataclass(frozen=True, slots=True)
class InParts:
    """Another contestant's vectors of every so many frames."""

    of: Contestant
    frames: int

    def vectors(self, video: Frames) -> Floats:
        count = max(round(len(video.embeddings) / self.frames), 1)
        parts = np.array_split(np.arange(len(video.embeddings)), count)
        cut = (Frames(video.clip, video.nodes[part], video.embeddings[part]) for part in parts)
        return np.concatenate([self.of.vectors(part) for part in cut])

    asked = vectors


@dataclasses.dataclass(frozen=True, slots=True)
class FixedDimensional:
    """MUVERA (Dhulipala et al., NeurIPS 2024): space is cut by ``cuts`` random planes, ``repeated`` times; a query has
    the sum of its frames in each cell, a video their mean, and an empty cell of a video the frame that is nearest by
    the planes. Their product approximates Chamfer similarity. final: numbers of a last random projection, 0 for none.
    """

    cuts: int
    repeated: int
    inner: int
    final: int
    dimension: int
    seed: int = 0

    def vectors(self, video: Frames) -> Floats:
        return self._encoded(video.embeddings, query=False)

    def asked(self, video: Frames) -> Floats:
        return self._encoded(video.embeddings, query=True)

    def _encoded(self, rows: Floats, query: bool) -> Floats:
        blocks, bits = [], 1 << np.arange(self.cuts)
        cells = (np.arange(1 << self.cuts)[:, None] & bits) > 0
        repeats, last = _projections(self)
        for planes, inner in repeats:
            small, sides = rows @ inner, rows @ planes > 0
            apart = (sides[None] != cells[:, None]).sum(axis=2)
            own = (apart == 0).astype(np.float32)
            sums = own @ small
            if not query:
                counts = own.sum(axis=1, keepdims=True)
                sums = np.where(counts > 0, sums / np.maximum(counts, 1), small[apart.argmin(axis=1)])
            blocks.append(sums.ravel())
        encoded = np.concatenate(blocks) / (len(rows) if query else 1)
        return np.asarray((encoded if last is None else encoded @ last)[None], np.float32)


@functools.lru_cache(maxsize=8)
def _projections(encoding: FixedDimensional) -> tuple[list[tuple[Floats, Floats]], Floats | None]:
    """Of each repetition the planes and the projection within a cell; and the last projection, if there is one."""
    random = np.random.default_rng(encoding.seed)
    repeats = []
    for _ in range(encoding.repeated):
        planes = random.normal(size=(encoding.dimension, encoding.cuts)).astype(np.float32)
        repeats.append((planes, _signs(random, encoding.dimension, encoding.inner)))
    numbers = encoding.repeated * encoding.inner << encoding.cuts
    return repeats, _signs(random, numbers, encoding.final) if encoding.final else None


def _signs(random: np.random.Generator, rows: int, columns: int) -> Floats:
    """A projection that keeps products on average (Achlioptas, PODS 2001)."""
    signs = random.choice(np.array([-1, 1], np.float32), (rows, columns))
    return np.asarray(signs / np.sqrt(columns), np.float32)


def frames(video: Frames) -> Floats:
    """All of them: Chamfer similarity, what the others approximate at many times the bytes."""
    return video.embeddings


@dataclasses.dataclass(frozen=True, slots=True)
class Random:
    """Chance."""

    dimension: int
    seed: int

    def vectors(self, video: Frames) -> Floats:
        content = int(abs(float(video.embeddings.sum())) * 1e6)
        return unit(np.random.default_rng([self.seed, content]).normal(size=(1, self.dimension)).astype(np.float32))

    asked = vectors
