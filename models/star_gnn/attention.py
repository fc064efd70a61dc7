"""How much each region of each frame weighs in a video's vector: the self-attention map of STAR-GNN's figure 1."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from cliptrace.models.backbones.pooling import rmac_grid, unit
from cliptrace.models.star_gnn.inference import StarGNN, chosen_regions

Floats = NDArray[np.float32]


def attention(network: StarGNN, nodes: Floats) -> tuple[Floats, Floats]:
    """float32[F, N] each, at least 0, 1 in the mean: what a node adds to the direction of the video's vector, as
    STAR-GNN makes it, and as plain pooling of the same nodes does (R-MAC)."""
    out = network.convolved(nodes)
    return _shares(out - out.mean(axis=2, keepdims=True), network.vector(nodes)), _shares(nodes, _mean(nodes))


def heat(weights: Floats, scales: tuple[int, ...], side: int) -> Floats:
    """float32[F, N] → float32[F, side, side]: of each cell of a square map, the mean of the regions that cover it."""
    squares = [(top, left, size) for size, tops, lefts in rmac_grid(side, side) for left in lefts for top in tops]
    total, count = np.zeros((len(weights), side, side), np.float32), np.zeros((side, side), np.float32)
    for weight, number in zip(weights.T, chosen_regions(scales), strict=True):
        top, left, size = squares[number]
        total[:, top : top + size, left : left + size] += weight[:, None, None]
        count[top : top + size, left : left + size] += 1
    return np.asarray(total / np.maximum(count, 1), np.float32)


def _mean(nodes: Floats) -> Floats:
    (row,) = unit(nodes.mean(axis=(0, 1))[None])
    return np.asarray(row)


def _shares(out: Floats, vector: Floats) -> Floats:
    along = np.maximum(out @ vector, 0)
    return np.asarray(along / max(float(along.mean()), 1e-9), np.float32)
