"""The mean of each 18 seconds of a video: a copy of a part is as near as one of the whole."""

from __future__ import annotations

import dataclasses

import numpy as np
from numpy.typing import NDArray

from cliptrace.models.backbones.pooling import unit
from cliptrace.schemas.config import TILE_S

Floats = NDArray[np.float32]

PART_S = TILE_S / 4
"""Four to a tile, so that a video cut into ranges has the parts of the uncut one."""


@dataclasses.dataclass(frozen=True, slots=True)
class Parts:
    """One vector a part that shows something; one-colour keyframes (score 0) count for nothing."""

    dimension: int
    name: str = "parts"
    sha256: str = ""
    needs_regions: bool = False

    def tile(self, times: NDArray[np.float64], scores: Floats, embeddings: Floats, regions: Floats | None) -> Floats:
        shown = scores > 0
        parts = np.unique(times[shown] // PART_S, return_inverse=True)[1]
        sums = np.zeros((int(parts.max(initial=-1)) + 1, self.dimension), np.float32)
        np.add.at(sums, parts, embeddings[shown])
        return sums

    def video(self, tiles: Floats) -> Floats:
        parts = unit(tiles)
        directed = parts[parts.any(axis=1)]
        return directed if len(directed) else np.zeros((1, self.dimension), np.float32)
