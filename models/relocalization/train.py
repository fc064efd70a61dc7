"""Trains what finds moments, on composed videos. An interrupted run goes on from its last checkpoint."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from cliptrace.models.relocalization.anchor_free import AnchorFree
from cliptrace.models.relocalization.compose import Composer
from cliptrace.models.relocalization.config import AnchorFreeTraining, GraphTraining, MapTraining, Proposing
from cliptrace.models.relocalization.examples import Proposer, Random, References, action_steps, references, triplets
from cliptrace.models.relocalization.losses import (
    action_losses,
    anchor_free_losses,
    map_losses,
    triplet_losses,
)
from cliptrace.models.relocalization.network import Actionness, GraphRelocalizer
from cliptrace.models.relocalization.proposals import grouped
from cliptrace.models.relocalization.semantic_map import ROWS, SemanticMap
from cliptrace.models.training.optimiser import optimise

Floats = NDArray[np.float32]


def train_actionness(composer: Composer, output: Path, config: GraphTraining) -> Actionness:
    torch.manual_seed(config.seed)
    network = Actionness(config.proposing.width)
    rates = [(network.parameters(), config.rate)]
    make = partial(action_steps, composer, config.batch)
    return optimise(network, rates, make, partial(action_losses, network), output, config)


def proposer(network: Actionness, config: Proposing) -> Proposer:
    """Proposals of references, with the classifier as it was trained."""

    def propose(reference: Floats) -> Floats:
        with torch.inference_mode():
            logits = network(torch.from_numpy(np.ascontiguousarray(reference, np.float32))[None])
        return grouped(torch.sigmoid(logits)[0].numpy(), config)

    return propose


def train_graph(composer: Composer, propose: Proposer, output: Path, config: GraphTraining) -> GraphRelocalizer:
    torch.manual_seed(config.seed)
    network = GraphRelocalizer(config)
    box = set(network.box.parameters())
    rest = [parameter for parameter in network.parameters() if parameter not in box]

    def make(random: Random) -> tuple[torch.Tensor, ...]:
        return triplets(composer.example, propose, config.batch, config.length, random)

    rates = [(rest, config.rate), (box, config.box_rate)]
    return optimise(network, rates, make, partial(triplet_losses, network, config), output, config)


def train_anchor_free(composer: Composer, output: Path, config: AnchorFreeTraining) -> AnchorFree:
    torch.manual_seed(config.seed)
    network = AnchorFree(config)
    make = partial(_references, composer, config.batch, config.absent, 0, 1)
    loss = partial(anchor_free_losses, network, config)
    return optimise(network, [(network.parameters(), config.rate)], make, loss, output, config)


def train_map(composer: Composer, output: Path, config: MapTraining) -> SemanticMap:
    torch.manual_seed(config.seed)
    network = SemanticMap(config)
    make = partial(_references, composer, config.batch, config.absent, ROWS, ROWS)
    loss = partial(map_losses, network)
    return optimise(network, [(network.parameters(), config.rate)], make, loss, output, config)


def _references(
    composer: Composer, count: int, absent: float, query_length: int, multiple: int, random: Random
) -> References:
    examples = [composer.example(random, absent=bool(random.random() < absent)) for _ in range(count)]
    return references(examples, query_length, multiple)
