"""STAR-GNN: regions of a video's frames on a lattice, one graph convolution, one vector."""

from __future__ import annotations

import math

import torch
from torch import nn
from torch.nn import functional

from cliptrace.models.star_gnn.config import StarGNNTraining


class StarGNN(nn.Module):
    """float32[B, F, R, D] nodes and bool[B, F], which frames there are → float32[B, W], rows of unit L2 norm.

    The same numbers as inference.py. One convolution (S = 1 of §4.1): ``own`` is W_b of Cluster-GCN, which the others
    lack; "sgcn" has no activation (Wu et al., ICML 2019: propagation and a linear map).
    """

    def __init__(self, dimension: int, config: StarGNNTraining) -> None:
        super().__init__()
        self.config = config
        self.spread = nn.Parameter(_orthogonal(dimension, config.width))
        self.bias = nn.Parameter(torch.zeros(config.width))
        if config.convolution == "cluster_gcn":
            self.own = nn.Parameter(_orthogonal(dimension, config.width))

    def forward(self, nodes: torch.Tensor, there: torch.Tensor) -> torch.Tensor:
        return normalised(self.aggregated(self.convolved(nodes, there), there))

    def convolved(self, nodes: torch.Tensor, there: torch.Tensor) -> torch.Tensor:
        """float32[B, F, R, W], of every node."""
        config = self.config
        out = spread(nodes, there, config.convolution, config.weighted) @ self.spread + self.bias
        if config.convolution == "cluster_gcn":
            out = out + nodes @ self.own
        return out if config.convolution == "sgcn" else functional.relu(out)

    def aggregated(self, out: torch.Tensor, there: torch.Tensor) -> torch.Tensor:
        """float32[B, W], AGGREGATE of eq. 3."""
        if self.config.aggregation == "max":
            return out.masked_fill(~there[:, :, None, None], -torch.inf).amax(dim=(1, 2))
        return (out * there[:, :, None, None]).sum(dim=(1, 2)) / (there.sum(dim=1, keepdim=True) * out.shape[2])


def normalised(vectors: torch.Tensor) -> torch.Tensor:
    """Zero mean and unit L2 norm (§4.1), each row for itself."""
    return functional.normalize(vectors - vectors.mean(dim=1, keepdim=True))


def spread(nodes: torch.Tensor, there: torch.Tensor, convolution: str, weighted: bool) -> torch.Tensor:
    """graph.spread of several videos, of which some have fewer frames."""
    rows = functional.normalize(nodes, dim=3) if weighted else torch.ones_like(nodes[..., :1])
    rows = rows * there[:, :, None, None]
    lengths = rows.pow(2).sum(dim=3)
    spatial = (rows @ rows.transpose(2, 3)).clamp(min=0)
    columns = rows.transpose(1, 2)
    temporal = (columns @ columns.transpose(2, 3)).clamp(min=0)
    degree = spatial.sum(dim=3) + temporal.sum(dim=3).transpose(1, 2) + 1 - 2 * lengths
    scale = degree[..., None] ** (-1.0 if convolution == "cluster_gcn" else -0.5)
    sent = nodes if convolution == "cluster_gcn" else nodes * scale
    gathered = spatial @ sent + (temporal @ sent.transpose(1, 2)).transpose(1, 2) + (1 - 2 * lengths)[..., None] * sent
    return gathered * scale


def _orthogonal(dimension: int, width: int) -> torch.Tensor:
    """An untrained network keeps the cosines of what it is given."""
    return nn.init.orthogonal_(torch.empty(dimension, width), gain=math.sqrt(2))
