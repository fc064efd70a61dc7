"""The lattice graph of STAR-GNN (§3.2) without a matrix of all its nodes.

Node (f, r) is region r of frame f. It is joined to all regions of its frame and to its region in all frames, so one
step of propagation is a product within each frame and one within each region: F·R² + F²·R numbers, where the adjacency
matrix has (F·R)².
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from cliptrace.models.backbones.pooling import unit
from cliptrace.models.star_gnn.config import Convolution

Floats = NDArray[np.float32]


def spread(nodes: Floats, convolution: Convolution, weighted: bool) -> Floats:
    """What every node gets from itself and its neighbours: float32[F, R, D] → the same shape.

    weighted: an edge weighs as much as the cosine of its nodes (§3.2, 1.), nothing where that is negative; else 1. The
    edge to itself weighs 1. "gcn" and "sgcn" divide by the square roots of both nodes' degrees (Kipf and Welling, ICLR
    2017, eq. 2), "cluster_gcn" by the node's own (Chiang et al., KDD 2019, eq. 10, whose diagonal enhancement is left
    to the second product with the nodes themselves).
    """
    frames, regions, dimension = nodes.shape
    if weighted:
        rows = unit(nodes.reshape(-1, dimension)).reshape(nodes.shape)
        lengths = np.einsum("frd,frd->fr", rows, rows)  # 1, but for nodes of zeros
        spatial, temporal = _within(rows), _within(rows.transpose(1, 0, 2))
        degree = spatial.sum(axis=2) + temporal.sum(axis=2).T + 1 - 2 * lengths
        itself = (1 - 2 * lengths)[..., None]
    else:
        spatial, temporal = (
            np.ones((frames, regions, regions), np.float32),
            np.ones((regions, frames, frames), np.float32),
        )
        degree = np.full((frames, regions), regions + frames - 1, np.float32)
        itself = np.float32(-1)
    scale = degree[..., None] ** (-1 if convolution == "cluster_gcn" else -0.5)
    sent = nodes if convolution == "cluster_gcn" else nodes * scale
    gathered = spatial @ sent + (temporal @ sent.transpose(1, 0, 2)).transpose(1, 0, 2) + itself * sent
    return np.asarray(gathered * scale, np.float32)


def _within(rows: Floats) -> Floats:
    """float32[G, N, D] → float32[G, N, N], cosines of each group's rows, at least 0."""
    cosines: Floats = np.maximum(rows @ rows.transpose(0, 2, 1), 0)
    return cosines
