"""STAR-GNN as it runs: a folder with model.safetensors and config.json. No torch."""

from __future__ import annotations

import dataclasses
import functools

import numpy as np
import safetensors.numpy
from numpy.typing import NDArray

from cliptrace.models.backbones.pooling import unit
from cliptrace.models.backbones.whitening import Whitening
from cliptrace.models.star_gnn.config import Aggregation, Convolution
from cliptrace.models.star_gnn.graph import spread
from cliptrace.models.weights import folder_of, read_config, read_verified
from cliptrace.schemas.errors import UsageError

Floats = NDArray[np.float32]

_WEIGHTS = "model.safetensors"
_SCALES = (1, 2, 3)
"""Of pooling.max_regions, in squares a side."""


@dataclasses.dataclass(frozen=True, slots=True)
class StarGNN:
    """The network, and what makes nodes of regions. May be used from several threads.

    sha256: of its weights. backbone_sha256: of the network whose regions it takes. nodes: mean and projection of a
    region. spread: float32[D, W]; own: the same, or None; bias: float32[W].
    """

    sha256: str
    backbone_sha256: str
    convolution: Convolution
    aggregation: Aggregation
    weighted: bool
    scales: tuple[int, ...]
    nodes: Whitening
    spread: Floats
    own: Floats | None
    bias: Floats

    def of_regions(self, regions: Floats) -> Floats:
        """float32[F, R, C], pooling.max_regions → float32[F, N, D], unit rows of the regions that are nodes."""
        chosen = regions[:, chosen_regions(self.scales)]
        rows = self.nodes.apply(unit(np.ascontiguousarray(chosen.reshape(-1, regions.shape[2]))))
        return np.reshape(rows, (*chosen.shape[:2], -1))

    def convolved(self, nodes: Floats) -> Floats:
        """float32[F, N, D] → float32[F, N, W], of every node."""
        out = spread(nodes, self.convolution, self.weighted) @ self.spread + self.bias
        if self.own is not None:
            out = out + nodes @ self.own
        return np.asarray(out if self.convolution == "sgcn" else np.maximum(out, 0), np.float32)

    def vector(self, nodes: Floats) -> Floats:
        """float32[F, N, D], F at least 1 → float32[W], zero mean, unit L2 norm; zeros where there is no direction."""
        out = self.convolved(nodes)
        pooled = out.mean(axis=(0, 1)) if self.aggregation == "mean" else out.max(axis=(0, 1))
        return normalised(pooled)


def normalised(vector: Floats) -> Floats:
    """Zero mean and unit L2 norm (§4.1)."""
    (row,) = unit(np.asarray(vector - vector.mean(), np.float32)[None])
    return np.asarray(row)


def chosen_regions(scales: tuple[int, ...]) -> list[int]:
    """Positions among pooling.max_regions of a square map."""
    first = {scale: sum(each * each for each in _SCALES if each < scale) for scale in _SCALES}
    return [first[scale] + number for scale in scales for number in range(scale * scale)]


@functools.cache
def open_star_gnn(weights: str = "star_gnn") -> StarGNN:
    """weights: one of the folders that ship by its name, or any other by its path."""
    folder = folder_of(weights)
    config = read_config(folder, (_WEIGHTS,))
    sha256 = str(config["sha256"][_WEIGHTS])
    tensors = safetensors.numpy.load(read_verified(folder / _WEIGHTS, sha256))
    floats = {name: tensor.astype(np.float32) for name, tensor in tensors.items()}
    try:
        return StarGNN(
            sha256,
            str(config["backbone_sha256"]),
            config["convolution"],
            config["aggregation"],
            bool(config["weighted"]),
            tuple(config["scales"]),
            Whitening(floats["mean"], floats["projection"]),
            floats["spread"],
            floats.get("own"),
            floats["bias"],
        )
    except (KeyError, TypeError) as error:
        raise UsageError(f"{folder}: not what cliptrace train star-gnn makes: {error!r}") from error
