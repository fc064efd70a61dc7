"""The mean of a video's keyframes: the simplest vector that names it, and the one to beat."""

from __future__ import annotations

import dataclasses

import numpy as np
from numpy.typing import NDArray

from cliptrace.models.backbones.pooling import unit

Floats = NDArray[np.float32]


@dataclasses.dataclass(frozen=True, slots=True)
class Mean:
    """One vector a video. One-colour keyframes (score 0) count for nothing."""

    dimension: int
    name: str = "mean"
    sha256: str = ""
    needs_regions: bool = False

    def tile(self, times: NDArray[np.float64], scores: Floats, embeddings: Floats, regions: Floats | None) -> Floats:
        return np.asarray(embeddings[scores > 0].sum(axis=0, keepdims=True), np.float32)

    def video(self, tiles: Floats) -> Floats:
        return unit(tiles.sum(axis=0, keepdims=True))
