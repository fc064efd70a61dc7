"""A video's keyframes as one vector, or a few, by which whole and majority copies are found cheaply.

Two videos are compared by their best pairs: of each vector of the one the most similar of the other, and the mean of
these. Descriptors are computed where the video is decoded, a tile at a time: regions of maps never leave the worker.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from cliptrace.models.star_gnn.inference import open_star_gnn
from cliptrace.models.video_descriptors.mean import Mean
from cliptrace.models.video_descriptors.parts import Parts
from cliptrace.models.video_descriptors.star_gnn import Lattice
from cliptrace.schemas.config import (
    DEFAULT_DESCRIPTOR,
    OTHERS_DESCRIPTOR,
    TILE_S,
    BackboneConfig,
    parse_descriptor,
)
from cliptrace.schemas.errors import UsageError

Floats = NDArray[np.float32]


class VideoDescriptor(Protocol):
    """dimension: numbers of each vector. sha256: of the weights, "" without any. needs_regions: whether it is made of
    regions of the backbone's map, too."""

    @property
    def name(self) -> str: ...
    @property
    def sha256(self) -> str: ...
    @property
    def dimension(self) -> int: ...
    @property
    def needs_regions(self) -> bool: ...

    def tile(self, times: NDArray[np.float64], scores: Floats, embeddings: Floats, regions: Floats | None) -> Floats:
        """What one tile (TILE_S) of a video adds: float32[P, D].

        Of its K plain keyframes: times float64[K], seconds; scores float32[K], 0 for one colour; embeddings
        float32[K, E]; regions float32[K, R, C], maxima of squares of the backbone's map (pooling.max_regions), None
        where ``needs_regions`` is False.
        """
        ...

    def video(self, tiles: Floats) -> Floats:
        """From all that the tiles have added, in order, the video's vectors: float32[V, D], V at least 1.

        Rows of unit L2 norm; one row of zeros where a video has no direction, as a black one.
        """
        ...


VIDEO_DESCRIPTORS: Mapping[str, Callable[[BackboneConfig, str], VideoDescriptor]] = MappingProxyType(
    {
        "mean": lambda backbone, _: Mean(backbone.dimension),
        "parts": lambda backbone, _: Parts(backbone.dimension),
        "star_gnn": Lattice.of,
    }
)
"""By name (schemas.config.DESCRIPTORS), for the embeddings of a backbone, and with the weights in a folder; "" for
those that ship."""


def default_descriptor(backbone: BackboneConfig) -> str:
    """What videos are described by where nobody says otherwise."""
    is_its_own = open_star_gnn(DEFAULT_DESCRIPTOR).backbone_sha256 == backbone.sha256
    return DEFAULT_DESCRIPTOR if is_its_own else OTHERS_DESCRIPTOR


def open_descriptor(name: str, backbone: BackboneConfig) -> VideoDescriptor:
    """name: as ``parse_descriptor`` takes it. UsageError for another one, or a backbone that does not give what the
    descriptor is made of."""
    kind, weights = parse_descriptor(name)
    descriptor = VIDEO_DESCRIPTORS[kind](backbone, weights)
    if descriptor.needs_regions and backbone.output != "map":
        raise UsageError(
            f"descriptor {name} is made of regions of the backbone's map, and {backbone.name!r} gives one vector a "
            "frame: use mean or parts"
        )
    return descriptor


def describe(
    descriptor: VideoDescriptor,
    times: NDArray[np.float64],
    scores: Floats,
    embeddings: NDArray[np.floating[Any]],
) -> Floats:
    """The vectors of a video whose plain keyframes are stored, for descriptors that need no regions: float32[V, D].

    times: float64[K], increasing; scores: float32[K]; embeddings: [K, E].
    """
    tiles = np.unique((times // TILE_S).astype(np.int64), return_index=True)[1]
    rows = np.asarray(embeddings, np.float32)
    places = np.split(np.arange(len(times)), tiles[1:])
    added = [descriptor.tile(times[some], scores[some], rows[some], None) for some in places]
    return descriptor.video(np.concatenate([np.empty((0, descriptor.dimension), np.float32), *added]))
