"""What one step on the lattice costs, beside torch-geometric on a list of its edges.

python -m benchmarks.star_gnn.lattice_cost [--frames 8 32 128]
"""

from __future__ import annotations

import argparse
import sys
import time
import warnings
from collections.abc import Callable

import numpy as np
import torch

from benchmarks.harness.command import Question, Result, add_seed
from benchmarks.star_gnn import tables
from cliptrace.models.star_gnn.graph import spread

_REGIONS, _DIMENSION = 14, 256


def options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--frames", type=int, nargs="+", default=[8, 32, 108])
    add_seed(parser)


def measure(arguments: argparse.Namespace) -> Result:
    torch.set_num_threads(1)
    rows = {str(frames): _row(frames, np.random.default_rng(arguments.seed)) for frames in arguments.frames}
    return {"regions": _REGIONS, "dimension": _DIMENSION, "frames": rows}


def _row(frames: int, random: np.random.Generator) -> Result:
    nodes = random.normal(size=(frames, _REGIONS, _DIMENSION)).astype(np.float32)
    layer, flat, pairs = _torch_geometric(nodes)
    apart = _propagated(layer, flat, pairs).reshape(nodes.shape) - spread(nodes, "gcn", True)
    return {
        "nodes": frames * _REGIONS,
        "edges": pairs.shape[1],
        "products": frames * _REGIONS**2 + frames**2 * _REGIONS,
        "lattice_ms": 1000 * _fastest(lambda: spread(nodes, "gcn", True)),
        "edges_ms": 1000 * _fastest(lambda: _propagated(layer, flat, pairs)),
        "edges_mb": pairs.shape[1] * _DIMENSION * 4 / 1e6,
        "apart": float(np.abs(apart).max()),
    }


def _fastest(work: Callable[[], object], times: int = 5) -> float:
    def once() -> float:
        started = time.perf_counter()
        work()
        return time.perf_counter() - started

    return min(once() for _ in range(times))


def _torch_geometric(nodes: np.ndarray) -> tuple[torch.nn.Module, torch.Tensor, torch.Tensor]:
    """A layer that passes on what it gathers, the nodes in a row, and int64[2, E]."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it scripts functions when it is imported, which torch deprecates
        from torch_geometric.nn import GCNConv
    layer = GCNConv(_DIMENSION, _DIMENSION)
    torch.nn.init.eye_(layer.lin.weight)
    number = torch.arange(nodes.shape[0] * nodes.shape[1]).reshape(nodes.shape[:2])
    cliques = [*number, *number.T]
    pairs = torch.cat([torch.cartesian_prod(clique, clique).reshape(-1, 2) for clique in cliques])
    return layer, torch.from_numpy(nodes.reshape(-1, _DIMENSION)), pairs[pairs[:, 0] != pairs[:, 1]].T


def _propagated(layer: torch.nn.Module, flat: torch.Tensor, pairs: torch.Tensor) -> np.ndarray:
    with torch.inference_mode():
        unit = torch.nn.functional.normalize(flat)
        weights = (unit[pairs[0]] * unit[pairs[1]]).sum(dim=1).clamp(min=0)
        return np.asarray(layer(flat, pairs, weights))


QUESTION = Question("benchmarks.star_gnn.lattice_cost", __doc__, options, measure, tables.lattice_cost)

if __name__ == "__main__":
    sys.exit(QUESTION.main())
