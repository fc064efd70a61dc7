"""Trains the copy descriptor, from the ImageNet weights on. An interrupted run goes on from its last checkpoint."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path

import torch

from cliptrace.models.descriptor.config import DescriptorTraining
from cliptrace.models.descriptor.examples import BatchMaker, Pictures
from cliptrace.models.descriptor.export import write
from cliptrace.models.descriptor.losses import DescriptorLosses
from cliptrace.models.descriptor.network import Descriptor, initial
from cliptrace.models.training.loop import CHECKPOINT_S
from cliptrace.models.training.optimiser import optimise
from cliptrace.schemas.config import BackboneConfig


def run(data: Sequence[Path], output: Path, config: DescriptorTraining) -> BackboneConfig:
    """From folders of footage to a backbone in ``output``, named like it; goes on where a call was interrupted."""
    pictures = Pictures.load(data, config.per_second)
    return write(train(pictures, output, config), pictures, output, output.resolve().name, config)


def train(
    pictures: Pictures, output: Path, config: DescriptorTraining, checkpoint_s: float = CHECKPOINT_S
) -> Descriptor:
    """The averaged descriptor after ``config.steps`` steps. output, checkpoint_s: as ``fit`` has them (loop.py)."""
    torch.manual_seed(config.seed)
    network, frozen = initial(pictures, config)
    losses = DescriptorLosses(frozen, pictures, config)
    trunk = [parameter for parameter in network.trunk.parameters() if parameter.requires_grad]
    rates = [([network.offset, network.projection], config.head_rate)]
    rates += [(trunk, config.trunk_rate)] if trunk else []
    make, loss = BatchMaker(pictures, config).batch, partial(losses.of, network)
    return optimise(network, rates, make, loss, output, config, {"bank": losses}, checkpoint_s)
