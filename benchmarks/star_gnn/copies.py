"""Queries that are edited copies of videos of a gallery, and distractors without end.

Of each video of the split the gallery has the original and copies, each edited in its own way and cut anew; the query
is another copy. Real distractors come first, then videos cut together from several of them.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from cliptrace.models.backbones.pooling import unit
from cliptrace.models.star_gnn.clips import Clip
from cliptrace.models.star_gnn.config import CopiesConfig
from cliptrace.models.star_gnn.examples import copied, relations

Floats = NDArray[np.float32]

QUERY, COPIES = 1, (2, 3, 4)
"""Variants of a clip; 0 is the original."""
_PARTS = (2, 4)
_WORN = 0.35
"""Of a recombined distractor: videos it is cut from, and noise by length of each embedding, so that none is a part
of a real one."""


@dataclasses.dataclass(frozen=True, slots=True)
class Frames:
    """Of one video. nodes: float32[F, R, D], the last of a frame its embedding; embeddings: float32[F, E]; rows of unit
    L2 norm. clip: what it is of."""

    clip: int
    nodes: Floats
    embeddings: Floats


@dataclasses.dataclass(frozen=True, slots=True)
class Gallery:
    """related: bool[C, C], clips that share footage, of which no copy is right or wrong for another's query."""

    queries: list[Frames]
    videos: list[Frames]
    related: NDArray[np.bool_]


def make_gallery(clips: Sequence[Clip], config: CopiesConfig, seed: int, share: tuple[float, float]) -> Gallery:
    """share: of its video that a query shows, from and to; in one piece."""
    random = np.random.default_rng(seed)
    queries, videos = [], []
    of_queries = dataclasses.replace(config, least=share[0])
    for number, clip in enumerate(clips):
        frames = clip.nodes.shape[1]
        kept = copied(frames, of_queries, random, share[1])
        queries.append(_frames(number, clip, QUERY, kept))
        videos.append(_frames(number, clip, 0, np.arange(frames)))
        videos += [_frames(number, clip, variant, copied(frames, config, random)) for variant in COPIES]
    related, _ = relations(clips, config)
    return Gallery(queries, videos, related)


def distractors(clips: Sequence[Clip], count: int, seed: int) -> Iterator[Frames]:
    """The clips as they are, and then recombined ones."""
    for clip in clips[:count]:
        yield _frames(-1, clip, 0, np.arange(clip.nodes.shape[1]))
    for number in range(len(clips), count):
        yield _recombined(clips, np.random.default_rng([seed, number]))


def recombined_embeddings(clips: Sequence[Clip], count: int, seed: int) -> Iterator[Floats]:
    """float32[F, E] of the frames of recombined distractors alone."""
    alone = [dataclasses.replace(clip, nodes=clip.embeddings[:, :, None]) for clip in clips]
    for number in range(count):
        yield _recombined(alone, np.random.default_rng([seed, number])).embeddings


def _recombined(clips: Sequence[Clip], random: np.random.Generator) -> Frames:
    parts = []
    for _ in range(random.integers(_PARTS[0], _PARTS[1] + 1)):
        clip = clips[int(random.integers(len(clips)))]
        frames = clip.nodes.shape[1]
        length = min(int(random.integers(2, 9)), frames)
        start = int(random.integers(frames - length + 1))
        parts.append(_frames(-1, clip, 0, np.arange(start, start + length)))
    nodes, embeddings = (np.concatenate([getattr(part, name) for part in parts]) for name in ("nodes", "embeddings"))
    return Frames(-1, _worn(nodes, random), _worn(embeddings, random))


def _worn(rows: Floats, random: np.random.Generator) -> Floats:
    """With noise that is one and the same for all frames, so that it does not cancel out in a mean."""
    noise = random.normal(size=rows.shape[1:]).astype(np.float32)
    noise *= _WORN / np.linalg.norm(noise, axis=-1, keepdims=True)
    return unit((rows + noise).reshape(-1, rows.shape[-1])).reshape(rows.shape)


def _frames(number: int, clip: Clip, variant: int, kept: NDArray[np.int64]) -> Frames:
    return Frames(
        number, clip.nodes[variant][kept].astype(np.float32), clip.embeddings[variant][kept].astype(np.float32)
    )
