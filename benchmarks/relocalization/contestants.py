"""Everybody who takes part, and how they are trained: the baselines, the paper's model, and what has come since."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from benchmarks.relocalization.baselines import BASELINES
from benchmarks.relocalization.baselines.contestant import BaselineTraining, Contestant
from benchmarks.relocalization.baselines.examples import ranked
from cliptrace.models.backbones.pooling import unit
from cliptrace.models.relocalization.anchor_free import AnchorFree
from cliptrace.models.relocalization.config import AnchorFreeTraining, Fusion, GraphTraining, MapTraining
from cliptrace.models.relocalization.example import Example
from cliptrace.models.relocalization.examples import Examples, Proposer, references
from cliptrace.models.relocalization.moments import decoded
from cliptrace.models.relocalization.network import GraphRelocalizer
from cliptrace.models.relocalization.refinement import refined
from cliptrace.models.relocalization.semantic_map import ROWS, SemanticMap
from cliptrace.models.relocalization.steps import covered, fitted
from cliptrace.models.relocalization.train import train_anchor_free, train_graph, train_map

Floats = NDArray[np.float32]


@dataclasses.dataclass(frozen=True, slots=True)
class Given:
    """What every training is given. folder: for checkpoints and logs."""

    examples: Examples
    propose: Proposer
    folder: Path
    steps: int
    seed: int


@dataclasses.dataclass(frozen=True, slots=True)
class Graph:
    """The proposals, those that fit best first, refined."""

    network: GraphRelocalizer

    def locate(self, query: Floats, reference: Floats, proposals: Floats) -> Floats:
        if not len(proposals):
            return np.empty((0, 3), np.float32)
        config = self.network.config
        given = (
            *fitted([query], config.length),
            *fitted([covered(reference, span) for span in proposals], config.length),
        )
        with torch.inference_mode():
            said = self.network(*(torch.from_numpy(each.astype(np.float32)) for each in given)).numpy()
        return ranked(refined(proposals, said[:, 1:]) if config.regression else proposals, said[:, 0])


@dataclasses.dataclass(frozen=True, slots=True)
class PointWise:
    """The anchor-free locator."""

    network: AnchorFree

    def locate(self, query: Floats, reference: Floats, proposals: Floats) -> Floats:
        with torch.inference_mode():
            return decoded(self.network(*_asked(query, reference))[0].numpy(), least=0.0)


@dataclasses.dataclass(frozen=True, slots=True)
class OnMap:
    """SPD's machine on the semantic map."""

    network: SemanticMap

    def locate(self, query: Floats, reference: Floats, proposals: Floats) -> Floats:
        with torch.inference_mode():
            said = self.network(*_asked(query, reference, ROWS, ROWS))[0].numpy()
        return ranked(said[:, 1:].clip(0, len(reference)), 1 / (1 + np.exp(-said[:, 0])))


class Chamfer:
    """Nothing learned but the proposals: the one whose steps and the query's find the most alike in one another."""

    def locate(self, query: Floats, reference: Floats, proposals: Floats) -> Floats:
        pieces = (unit(query) @ unit(covered(reference, span)).T for span in proposals)
        scores = [(each.max(axis=0).mean() + each.max(axis=1).mean()) / 2 for each in pieces]
        return ranked(proposals, np.array(scores, np.float32))


def _asked(query: Floats, reference: Floats, rows: int = 0, multiple: int = 1) -> tuple[torch.Tensor, ...]:
    none = np.empty((0, 2), np.float32)
    return references([Example(query, reference, none, none, "")], rows, multiple)[:4]


def graph(given: Given, config: GraphTraining, name: str) -> Graph:
    return Graph(train_graph(given.examples, given.propose, given.folder / name, config))


def _fused(fusion: Fusion, shared: bool) -> Callable[[Given], Contestant]:
    def train(given: Given) -> Contestant:
        config = GraphTraining(steps=given.steps, seed=given.seed, fusion=fusion, shared=shared)
        return graph(given, config, fusion)

    return train


def _anchor_free(given: Given) -> PointWise:
    config = AnchorFreeTraining(steps=given.steps, seed=given.seed)
    return PointWise(train_anchor_free(given.examples, given.folder / "anchor-free", config))


def _on_map(given: Given) -> OnMap:
    return OnMap(train_map(given.examples, given.folder / "map", MapTraining(steps=given.steps, seed=given.seed)))


PAPERS, PRODUCTS, SHIPPED = "multi-graph", "multi-graph, products", "anchor-free"
_OURS: Mapping[str, Callable[[Given], Contestant]] = {
    "proposals by Chamfer": lambda given: Chamfer(),
    PAPERS: _fused("graph", shared=False),
    PRODUCTS: _fused("product", shared=True),
    "attention for graphs": _fused("attention", shared=True),
    "SPD on the semantic map": _on_map,
    SHIPPED: _anchor_free,
}
CONTESTANTS = (*BASELINES, *_OURS)


def trained(given: Given, names: Iterable[str] = CONTESTANTS) -> dict[str, Contestant]:
    """By name, all trained on the same examples for as many steps."""
    config = BaselineTraining(steps=given.steps, seed=given.seed)
    return {
        name: _OURS[name](given)
        if name in _OURS
        else BASELINES[name](given.examples.example, given.propose, given.folder / name.replace(" ", "-"), config)
        for name in names
    }
