"""Trains SKE and SPD, each for itself or both together. An interrupted run goes on from its last checkpoint."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import torch

from cliptrace.models.ssan.config import SKETraining, SPDTraining, SSANTraining
from cliptrace.models.ssan.examples import MapMaker, joint_batch, tile_batch
from cliptrace.models.ssan.export import export_ske, export_spd
from cliptrace.models.ssan.losses import joint_losses, ske_losses, spd_losses
from cliptrace.models.ssan.network import SKE, SPD, Joint
from cliptrace.models.ssan.pairs import PairMaker
from cliptrace.models.training.optimiser import optimise
from cliptrace.schemas.config import BackboneConfig


def run_ske(data: Sequence[Path], output: Path, backbone: BackboneConfig, config: SKETraining) -> None:
    """From folders of footage to an exported SKE in ``output``; the backbone is its teacher's."""
    export_ske(train_ske(PairMaker.load(data, output, backbone, config), output, config), output, config)


def run_spd(data: Sequence[Path], output: Path, backbone: BackboneConfig, config: SPDTraining) -> None:
    """From folders of footage to an exported SPD in ``output``, for maps of this backbone's embeddings."""
    export_spd(train_spd(PairMaker.load(data, output, backbone, config), output, config), output, config, backbone)


def run_ssan(data: Sequence[Path], output: Path, backbone: BackboneConfig, config: SSANTraining) -> None:
    """Both, each for itself in ``output``/separate, and from there on together: ``output``/ske and ``output``/spd."""
    for_ske, for_spd = replace(config.ske, seed=config.seed), replace(config.spd, seed=config.seed)
    pairs, separate = PairMaker.load(data, output, backbone, for_spd), output / "separate"
    ske, spd = train_ske(pairs, separate / "ske", for_ske), train_spd(pairs, separate / "spd", for_spd)
    export_ske(ske, separate / "ske", for_ske)
    export_spd(spd, separate / "spd", for_spd, backbone)
    network = Joint(ske, spd, config).train()
    make, loss = partial(joint_batch, MapMaker(pairs, for_spd.maps), config), partial(joint_losses, network, for_spd)
    joint = optimise(network, [(network.parameters(), config.rate)], make, loss, output, config)
    export_ske(joint.ske, output / "ske", config)
    export_spd(joint.spd, output / "spd", config, backbone)


def train_ske(pairs: PairMaker, output: Path, config: SKETraining) -> SKE:
    """The averaged keyframe scorer."""
    torch.manual_seed(config.seed)
    network = SKE(config)
    make, loss = partial(tile_batch, pairs, config), partial(ske_losses, network)
    return optimise(network, [(network.parameters(), config.rate)], make, loss, output, config)


def train_spd(pairs: PairMaker, output: Path, config: SPDTraining) -> SPD:
    """The averaged detector."""
    torch.manual_seed(config.seed)
    network: SPD = SPD(config).to(memory_format=torch.channels_last)
    make, loss = MapMaker(pairs, config.maps).batch, partial(spd_losses, network, config)
    return optimise(network, [(network.parameters(), config.rate)], make, loss, output, config)
