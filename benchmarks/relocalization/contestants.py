"""The networks of models/relocalization as contestants: the paper's, and what has come since."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from cliptrace.models.backbones.pooling import unit
from cliptrace.models.relocalization.anchor_free import FARTHEST, AnchorFree
from cliptrace.models.relocalization.compose import Composer
from cliptrace.models.relocalization.config import AnchorFreeTraining, GraphTraining, MapTraining
from cliptrace.models.relocalization.example import Example
from cliptrace.models.relocalization.examples import Proposer, references
from cliptrace.models.relocalization.network import GraphRelocalizer
from cliptrace.models.relocalization.refinement import refined
from cliptrace.models.relocalization.semantic_map import ROWS, SemanticMap
from cliptrace.models.relocalization.steps import fitted, pieces
from cliptrace.models.relocalization.train import train_anchor_free, train_graph, train_map

Floats = NDArray[np.float32]
_NOTHING = np.empty((0, 3), np.float32)


class Graph:
    """The proposal that fits best, refined."""

    def __init__(self, composer: Composer, propose: Proposer, output: Path, config: GraphTraining) -> None:
        self.network: GraphRelocalizer = train_graph(composer, propose, output, config)

    def locate(self, query: Floats, reference: Floats, proposals: Floats) -> Floats:
        if not len(proposals):
            return _NOTHING
        config = self.network.config
        asked, asked_there = fitted(query, config.length)
        shown, there = pieces(reference, proposals, config.length)
        given = (asked[None], asked_there[None], shown, there)
        with torch.inference_mode():
            said = self.network(*(torch.from_numpy(np.asarray(each, np.float32)) for each in given)).numpy()
        spans = refined(proposals, said[:, 1:]) if config.regression else proposals
        return _ranked(spans, said[:, 0])


class PointWise:
    """The anchor-free locator."""

    def __init__(self, composer: Composer, output: Path, config: AnchorFreeTraining) -> None:
        self.network: AnchorFree = train_anchor_free(composer, output, config)

    def locate(self, query: Floats, reference: Floats, proposals: Floats) -> Floats:
        with torch.inference_mode():
            said = self.network(*references([_asked(query, reference)])[:4])[0].numpy()
        reach = np.exp(said[1:].clip(-FARTHEST, FARTHEST))
        middles = np.arange(said.shape[1]) + 0.5
        spans = np.stack([middles - reach[0], middles + reach[1]], axis=1)
        return _ranked(spans.clip(0, len(reference)), 1 / (1 + np.exp(-said[0])))


class OnMap:
    """SPD's machine on the semantic map."""

    def __init__(self, composer: Composer, output: Path, config: MapTraining) -> None:
        self.network: SemanticMap = train_map(composer, output, config)

    def locate(self, query: Floats, reference: Floats, proposals: Floats) -> Floats:
        with torch.inference_mode():
            said = self.network(*references([_asked(query, reference)], ROWS, ROWS)[:4])[0].numpy()
        return _ranked(said[:, 1:].clip(0, len(reference)), 1 / (1 + np.exp(-said[:, 0])))


class Chamfer:
    """Nothing learned but the proposals: the one whose steps and the query's find the most alike in one another."""

    def locate(self, query: Floats, reference: Floats, proposals: Floats) -> Floats:
        if not len(proposals):
            return _NOTHING
        cosines = unit(query) @ unit(reference).T
        scores = [
            _both_ways(cosines[:, int(start) : max(int(np.ceil(end)), int(start) + 1)]) for start, end in proposals
        ]
        return _ranked(proposals, np.array(scores))


def _both_ways(cosines: Floats) -> float:
    return float(cosines.max(axis=0).mean() + cosines.max(axis=1).mean()) / 2


def _asked(query: Floats, reference: Floats) -> Example:
    none = np.empty((0, 2), np.float32)
    return Example(query, reference, none, none, "")


def _ranked(spans: NDArray[np.floating], scores: NDArray[np.floating]) -> Floats:
    found = np.concatenate([spans, scores[:, None]], axis=1).astype(np.float32)
    return found[np.argsort(-found[:, 2], kind="stable")]
