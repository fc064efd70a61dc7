"""The lattice computes what torch-geometric computes on a list of its edges, and what a dense matrix does."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from cliptrace.models.star_gnn.config import CONVOLUTIONS, Convolution
from cliptrace.models.star_gnn.graph import spread
from cliptrace.models.star_gnn.network import spread as spread_many

Floats = NDArray[np.float32]


def nodes_of(frames: int, regions: int, dimension: int = 8, seed: int = 0) -> Floats:
    rows = np.random.default_rng(seed).normal(size=(frames, regions, dimension)).astype(np.float32)
    rows += 0.5
    return rows


def edges(frames: int, regions: int) -> NDArray[np.int64]:
    """int64[2, E], as §3.2 says: all pairs of one frame, and one region through all frames."""
    number = np.arange(frames * regions).reshape(frames, regions)
    spatial = [(a, b) for frame in number for a in frame for b in frame if a != b]
    temporal = [(a, b) for region in number.T for a in region for b in region if a != b]
    return np.array(spatial + temporal, np.int64).reshape(-1, 2).T


def dense(nodes: Floats, convolution: Convolution, weighted: bool) -> Floats:
    flat = nodes.reshape(-1, nodes.shape[2]).astype(np.float64)
    adjacency = np.eye(len(flat))
    first, second = edges(*nodes.shape[:2])
    unit = flat / np.linalg.norm(flat, axis=1, keepdims=True)
    adjacency[first, second] = np.maximum((unit[first] * unit[second]).sum(axis=1), 0) if weighted else 1
    degree = adjacency.sum(axis=1)
    if convolution == "cluster_gcn":
        adjacency /= degree[:, None]
    else:
        adjacency /= np.sqrt(degree[:, None] * degree[None])
    return np.asarray((adjacency @ flat).reshape(nodes.shape), np.float32)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("convolution", CONVOLUTIONS)
def test_it_is_the_product_with_a_dense_matrix(convolution: Convolution, weighted: bool) -> None:
    for frames, regions in ((1, 1), (1, 14), (6, 1), (5, 14)):
        nodes = nodes_of(frames, regions)
        np.testing.assert_allclose(spread(nodes, convolution, weighted), dense(nodes, convolution, weighted), atol=1e-5)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("convolution", ["gcn", "sgcn"])
def test_it_is_what_torch_geometric_computes(convolution: Convolution, weighted: bool) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from torch_geometric.nn import GCNConv, SGConv
    nodes = nodes_of(4, 14)
    flat, pairs = torch.from_numpy(nodes.reshape(-1, 8)), torch.from_numpy(edges(4, 14))
    unit = torch.nn.functional.normalize(flat)
    weights = (unit[pairs[0]] * unit[pairs[1]]).sum(dim=1).clamp(min=0) if weighted else None
    layer = {"gcn": GCNConv, "sgcn": SGConv}[convolution](8, 8)
    torch.nn.init.eye_(layer.lin.weight)
    torch.nn.init.zeros_(layer.lin.bias if convolution == "sgcn" else layer.bias)
    with torch.inference_mode():
        wanted = layer(flat, pairs, weights).numpy().reshape(nodes.shape)
    np.testing.assert_allclose(spread(nodes, convolution, weighted), wanted, atol=1e-5)


def test_cluster_gcn_is_torch_geometrics_which_has_no_weights() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from torch_geometric.nn import ClusterGCNConv
    nodes = nodes_of(4, 14)
    layer = ClusterGCNConv(8, 8)
    torch.nn.init.eye_(layer.lin_out.weight)
    for silent in (layer.lin_root.weight, layer.lin_out.bias):
        torch.nn.init.zeros_(silent)
    with torch.inference_mode():
        wanted = layer(torch.from_numpy(nodes.reshape(-1, 8)), torch.from_numpy(edges(4, 14)))
    np.testing.assert_allclose(spread(nodes, "cluster_gcn", False), wanted.numpy().reshape(nodes.shape), atol=1e-5)


@given(frames=st.integers(1, 6), padding=st.integers(0, 3), weighted=st.booleans(), seed=st.integers(0, 99))
def test_training_computes_the_same_and_frames_that_are_not_there_change_nothing(
    frames: int, padding: int, weighted: bool, seed: int
) -> None:
    nodes = nodes_of(frames, 5, seed=seed)
    padded = np.concatenate([nodes, nodes_of(padding, 5, seed=seed + 1)])
    there = torch.arange(len(padded))[None] < frames
    for convolution in CONVOLUTIONS:
        found = spread_many(torch.from_numpy(padded)[None], there, convolution, weighted)[0, :frames]
        np.testing.assert_allclose(found.numpy(), spread(nodes, convolution, weighted), atol=1e-5)


def test_the_order_of_frames_makes_no_difference() -> None:
    nodes = nodes_of(6, 14)
    order = np.random.default_rng(1).permutation(6)
    np.testing.assert_allclose(
        spread(nodes[order], "cluster_gcn", True), spread(nodes, "cluster_gcn", True)[order], atol=1e-5
    )


def test_nodes_without_a_direction_stay_numbers() -> None:
    assert np.isfinite(spread(np.zeros((3, 14, 8), np.float32), "gcn", True)).all()
