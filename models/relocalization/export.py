"""From trained locators to what runs: weights, an ONNX file over them and a config, checked to compute the same."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import torch

from cliptrace.models.export import export
from cliptrace.models.relocalization.anchor_free import AnchorFree
from cliptrace.models.relocalization.config import DIMENSION, AnchorFreeTraining, GraphTraining
from cliptrace.models.relocalization.network import Actionness, GraphRelocalizer


def export_anchor_free(
    network: AnchorFree, folder: Path, config: AnchorFreeTraining, clips_sha256: str, least_score: float
) -> None:
    """clips_sha256: of the clip encoder that it has learned from. least_score: below which nothing is told."""
    example = (torch.randn(1, 7, DIMENSION), torch.ones(1, 7), torch.randn(1, 40, DIMENSION), torch.ones(1, 40))
    axes = {
        "query": {0: "n", 1: "q"},
        "query_there": {0: "n", 1: "q"},
        "reference": {0: "n", 1: "r"},
        "reference_there": {0: "n", 1: "r"},
        "said": {0: "n", 2: "r"},
    }
    export(network, example, axes, folder, config, clips_sha256=clips_sha256, least_score=least_score)


def export_graph(
    network: GraphRelocalizer,
    actionness: Actionness,
    folder: Path,
    config: GraphTraining,
    clips_sha256: str,
    least_fit: float,
) -> None:
    """The multi-graph model in ``folder``/graph, and what its proposals come from in ``folder``/actionness. least_fit:
    score of the network, in [-1, 1], below which nothing is told."""
    steps = torch.randn(1, 40, DIMENSION)
    proposing = dataclasses.asdict(config.proposing)
    axes = {"features": {0: "n", 1: "r"}, "said": {0: "n", 2: "r"}}
    export(actionness, steps, axes, folder / "actionness", config, proposing=proposing)
    length = config.length
    example = (
        *(torch.randn(1, length, DIMENSION), torch.ones(1, length)),
        *(torch.randn(3, length, DIMENSION), torch.ones(3, length)),
    )
    axes = {"query": {}, "query_there": {}, "proposals": {0: "p"}, "there": {0: "p"}, "said": {0: "p"}}
    facts = {"clips_sha256": clips_sha256, "length": length, "least_fit": least_fit}
    export(network, example, axes, folder / "graph", config, **facts)
