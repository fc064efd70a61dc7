"""Trains STAR-GNN on footage. An interrupted run goes on from its last checkpoint."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path

import torch

from cliptrace.models.star_gnn.clips import Clip, load_clips
from cliptrace.models.star_gnn.config import StarGNNTraining
from cliptrace.models.star_gnn.examples import CopyMaker
from cliptrace.models.star_gnn.export import export_star_gnn
from cliptrace.models.star_gnn.inference import chosen_regions
from cliptrace.models.star_gnn.losses import losses
from cliptrace.models.star_gnn.network import StarGNN
from cliptrace.models.training.footage import files_below, is_video
from cliptrace.models.training.optimiser import optimise
from cliptrace.schemas.config import BackboneConfig
from cliptrace.schemas.errors import UsageError


def run(data: Sequence[Path], output: Path, backbone: BackboneConfig, config: StarGNNTraining) -> None:
    """From folders of footage to weights in ``output``, for regions of this backbone's map."""
    paths = [path for path in files_below(data) if is_video(path)]
    if len(paths) < 2:
        raise UsageError(f"{', '.join(map(str, data))}: {len(paths)} videos; at least 2 are needed to tell them apart")
    clips, projection = load_clips(paths, backbone, output / "cache", config.footage, config.seed)
    export_star_gnn(train(clips, output, config), projection, output, config, backbone)


def train(clips: Sequence[Clip], output: Path, config: StarGNNTraining) -> StarGNN:
    """The averaged network."""
    torch.manual_seed(config.seed)
    network = StarGNN(clips[0].nodes.shape[3], config)
    seen = clips[: max(round(len(clips) * config.share), 2)]
    copies = CopyMaker(seen, config.videos, chosen_regions(config.scales), config.copies)
    make, loss = copies.batch, partial(losses, network, config)
    return optimise(network, [(network.parameters(), config.rate)], make, loss, output, config)
