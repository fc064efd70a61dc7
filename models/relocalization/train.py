"""Trains what finds moments, on composed videos. An interrupted run goes on from its last checkpoint."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from cliptrace.models.clips import open_clip_encoder
from cliptrace.models.relocalization.anchor_free import AnchorFree
from cliptrace.models.relocalization.compose import Composer
from cliptrace.models.relocalization.config import AnchorFreeTraining, GraphTraining, MapTraining, Proposing
from cliptrace.models.relocalization.examples import (
    Examples,
    Proposer,
    References,
    action_steps,
    dimension_of,
    references,
    triplets,
)
from cliptrace.models.relocalization.export import export_anchor_free
from cliptrace.models.relocalization.footage import clips_below
from cliptrace.models.relocalization.losses import (
    action_losses,
    anchor_free_losses,
    map_losses,
    triplet_losses,
)
from cliptrace.models.relocalization.moments import decoded
from cliptrace.models.relocalization.network import Actionness, GraphRelocalizer
from cliptrace.models.relocalization.proposals import grouped
from cliptrace.models.relocalization.semantic_map import ROWS, SemanticMap
from cliptrace.models.training.batches import Random
from cliptrace.models.training.optimiser import optimise
from cliptrace.schemas.config import DEFAULT_CLIPS

Floats = NDArray[np.float32]

_ABSENT, _TOLD = 200, 0.1
"""References without a moment that are looked at, and the share of them that may be told."""


def run(data: Sequence[Path], output: Path, config: AnchorFreeTraining) -> None:
    """From folders of clips to an anchor-free locator in ``output``. What it tells is what one in ten references
    without such a moment reaches; of these it has learned from the clips, so other footage reaches it more often."""
    composer = Composer(clips_below(data, output / "cache"), config.composition)
    network = train_anchor_free(composer, output, config)
    random = np.random.default_rng(config.seed)
    absent = [composer.labelled(random, absent=True) for _ in range(_ABSENT)]
    with torch.inference_mode():
        said = [network(*references([example])[:4])[0].numpy() for example in absent]
    least = float(np.quantile([decoded(each, 0.0)[0, 2] for each in said], 1 - _TOLD))
    export_anchor_free(network, output, config, open_clip_encoder(DEFAULT_CLIPS).sha256, round(least, 3))


def train_actionness(examples: Examples, output: Path, config: GraphTraining) -> Actionness:
    torch.manual_seed(config.seed)
    network = Actionness(config.proposing.width, dimension_of(examples))
    rates = [(network.parameters(), config.rate)]
    make = partial(action_steps, examples, config.batch)
    return optimise(network, rates, make, partial(action_losses, network), output, config)


def proposer(network: Actionness, config: Proposing, signals: tuple[int, ...] = (0, 1)) -> Proposer:
    """Proposals of references, with the classifier as it was trained. signals: those of Actionness that are grouped."""

    def propose(reference: Floats) -> Floats:
        with torch.inference_mode():
            logits = network(torch.tensor(reference, dtype=torch.float32)[None])
        return grouped(torch.sigmoid(logits)[0, list(signals)].numpy(), config)

    return propose


def train_graph(examples: Examples, propose: Proposer, output: Path, config: GraphTraining) -> GraphRelocalizer:
    torch.manual_seed(config.seed)
    network = GraphRelocalizer(config, dimension_of(examples))
    box = set(network.box.parameters())
    rest = [parameter for parameter in network.parameters() if parameter not in box]
    make = partial(triplets, examples, propose, config.batch, config.length)
    rates = [(rest, config.rate), (box, config.box_rate)]
    return optimise(network, rates, make, partial(triplet_losses, network, config), output, config)


def train_anchor_free(examples: Examples, output: Path, config: AnchorFreeTraining) -> AnchorFree:
    torch.manual_seed(config.seed)
    network = AnchorFree(config, dimension_of(examples))
    make = partial(_references, examples, config.batch, config.absent, 0, 1)
    loss = partial(anchor_free_losses, network, config)
    return optimise(network, [(network.parameters(), config.rate)], make, loss, output, config)


def train_map(examples: Examples, output: Path, config: MapTraining) -> SemanticMap:
    torch.manual_seed(config.seed)
    network = SemanticMap(config, dimension_of(examples))
    make = partial(_references, examples, config.batch, config.absent, ROWS, ROWS)
    loss = partial(map_losses, network)
    return optimise(network, [(network.parameters(), config.rate)], make, loss, output, config)


def _references(examples: Examples, count: int, absent: float, rows: int, multiple: int, random: Random) -> References:
    drawn = [examples.example(random, absent=bool(random.random() < absent)) for _ in range(count)]
    return references(drawn, rows, multiple)
