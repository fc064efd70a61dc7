"""STAR-GNN as a video descriptor: each tile a lattice, the video the mean of their nodes."""

from __future__ import annotations

import dataclasses

import numpy as np
from numpy.typing import NDArray

from cliptrace.models.backbones.pooling import unit
from cliptrace.models.star_gnn.inference import StarGNN, open_star_gnn
from cliptrace.schemas.config import BackboneConfig
from cliptrace.schemas.errors import UsageError

Floats = NDArray[np.float32]


@dataclasses.dataclass(frozen=True, slots=True)
class Lattice:
    """One vector a video. One-colour keyframes (score 0) are no part of the lattice."""

    network: StarGNN
    name: str = "star_gnn"
    needs_regions: bool = True

    @classmethod
    def of(cls, backbone: BackboneConfig, weights: str = "") -> Lattice:
        """weights: folder that cliptrace train star-gnn made; "" for those that ship. UsageError for a backbone that
        they were not trained on."""
        name = f"star_gnn:{weights}" if weights else "star_gnn"
        network = open_star_gnn(weights or name)
        if network.backbone_sha256 != backbone.sha256:
            raise UsageError(
                f"descriptor {name} was trained on another backbone than {backbone.name!r}: use mean or parts"
            )
        return cls(network, name)

    @property
    def sha256(self) -> str:
        return self.network.sha256

    @property
    def dimension(self) -> int:
        return len(self.network.bias)

    def tile(self, times: NDArray[np.float64], scores: Floats, embeddings: Floats, regions: Floats | None) -> Floats:
        shown = scores > 0
        if regions is None or not shown.any():
            return np.empty((0, self.dimension), np.float32)
        convolved = self.network.convolved(self.network.of_regions(regions[shown]))
        pooled = convolved.sum(axis=(0, 1)) if self.network.aggregation == "mean" else convolved.max(axis=(0, 1))
        return np.asarray(pooled[None], np.float32)

    def video(self, tiles: Floats) -> Floats:
        """Every node weighs the same, in whatever tile it is."""
        if not len(tiles):
            return np.zeros((1, self.dimension), np.float32)
        whole = (np.sum if self.network.aggregation == "mean" else np.max)(tiles, axis=0, keepdims=True)
        return unit(np.asarray(whole - whole.mean(), np.float32))
