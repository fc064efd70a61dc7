"""Footage as STAR-GNN is trained on it: every clip once as it is and several times edited, as regions of its frames."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cliptrace.models.backbones.pooling import unit
from cliptrace.models.backbones.registry import Embedder
from cliptrace.models.backbones.whitening import Whitening
from cliptrace.models.borders import cropped, find_borders
from cliptrace.models.star_gnn.config import LatticeFootage
from cliptrace.models.thumbs import thumbs
from cliptrace.models.training.edits import squeezed
from cliptrace.models.training.footage import read_video
from cliptrace.models.training.variants import Features, Frames, in_variants, kept
from cliptrace.schemas.config import BackboneConfig
from cliptrace.schemas.errors import UsageError

Floats = NDArray[np.float32]

_SHRINKAGE = 0.1
"""Of the projection's variances, where it is fitted."""


@dataclasses.dataclass(frozen=True, slots=True)
class Clip:
    """One video in V variants; variant 0 is the video as it is. Clips of one folder share a ``scene``.

    nodes: float16[V, N, R, D], a row a region. embeddings: float16[V, N, E], a row a frame. Rows of unit L2 norm.
    look_alike: whether it is known to show nothing of the others of its scene, however alike they look.
    """

    scene: int
    nodes: NDArray[np.float16]
    embeddings: NDArray[np.float16]
    look_alike: bool = False


def load_clips(
    paths: Sequence[Path],
    backbone: BackboneConfig,
    cache: Path,
    config: LatticeFootage,
    seed: int,
    projection: Whitening | None = None,
) -> tuple[list[Clip], Whitening]:
    """Videos as clips, and what makes a node of a region: found again in ``cache``.

    projection: of other clips; it is made of these where there is none.
    """
    embedder = Embedder.open(backbone)
    most = round(config.per_second * config.longest_s)

    def frames_of(number: int) -> Frames:
        path = paths[number % len(paths)]
        if not len(frames := read_video(path, config.per_second)[:most]):
            raise UsageError(f"{path}: no frame at {config.per_second:g} a second; remove it")
        return frames

    def as_it_is(number: int) -> Features:
        regions = region_features(frames_of(number)[:: config.centred_every], embedder)["regions"]
        return {"regions": regions[None]}

    made_by = f"{backbone} {config} {seed} {paths}"
    if projection is None:
        regions = [each["regions"][0] for each in kept(cache / "regions", made_by, len(paths), as_it_is)]
        projection = node_projection(np.concatenate(regions).astype(np.float32), embedder.whitening, config.dimension)
    made_by += hashlib.sha256(projection.to_bytes()).hexdigest()

    def make(number: int) -> Features:
        recipe = config.variants, config.recompressed, config.edits, [seed, number]
        return in_variants(frames_of(number), frames_of(number + 1 + seed), nodes, *recipe)

    def nodes(frames: Frames) -> Features:
        features = region_features(frames, embedder)
        return {"nodes": nodes_of(features.pop("regions"), projection).astype(np.float16), **features}

    scenes = sorted({path.parent for path in paths})
    content = kept(cache / "nodes", made_by, len(paths), make)
    clips = [
        Clip(scenes.index(path.parent), each["nodes"], each["embeddings"])
        for path, each in zip(paths, content, strict=True)
    ]
    return clips, projection


def region_features(frames: Frames, embedder: Embedder) -> Features:
    """uint8[N, H, W, 3], RGB → embeddings float16[N, D] and regions float16[N, R, C], as indexing makes them."""
    squares = np.stack([squeezed(frame, embedder.config.input_size) for frame in frames])
    if embedder.config.crop_borders:
        squares = cropped(squares, find_borders(squares, thumbs(squares)))
    embeddings, regions = embedder.embed_with_regions(squares)
    return {"embeddings": embeddings.astype(np.float16), "regions": regions.astype(np.float16)}


def node_projection(regions: Floats, whitening: Whitening | None, dimension: int) -> Whitening:
    """What makes nodes of regions float32[N, R, C]: the backbone's own projection, which has learned what edits leave
    alone, centred on regions; fitted where the backbone has none."""
    rows = unit(regions.reshape(-1, regions.shape[2]))
    if whitening is None:
        return Whitening.fit(rows, min(dimension, rows.shape[1]), _SHRINKAGE)
    return Whitening(rows.mean(axis=0), whitening.projection)


def nodes_of(regions: NDArray[np.floating], projection: Whitening) -> Floats:
    """[N, R, C] → float32[N, R, D], rows of unit L2 norm."""
    rows = projection.apply(unit(regions.reshape(-1, regions.shape[2]).astype(np.float32)))
    return rows.reshape(*regions.shape[:2], -1)
