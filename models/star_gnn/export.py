"""From a trained STAR-GNN to what runs: weights and a config, checked to compute the same."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import safetensors.numpy
import torch

from cliptrace.models.backbones.whitening import Whitening
from cliptrace.models.export import check_parity, write_config, write_files
from cliptrace.models.star_gnn.config import StarGNNTraining
from cliptrace.models.star_gnn.inference import open_star_gnn
from cliptrace.models.star_gnn.network import StarGNN
from cliptrace.schemas.config import BackboneConfig

_ROUNDED = 2e-3
"""How far the answer of weights of half the bits may be, as a share of its length."""


def export_star_gnn(
    network: StarGNN, projection: Whitening, folder: Path, config: StarGNNTraining, backbone: BackboneConfig
) -> None:
    """model.safetensors (matrices as float16) and config.json in ``folder``."""
    tensors = {name: tensor.detach().numpy() for name, tensor in network.state_dict().items()}
    tensors |= {"mean": projection.mean, "projection": projection.projection}
    halved = {name: tensor.astype(np.float16 if tensor.ndim > 1 else np.float32) for name, tensor in tensors.items()}
    digests = write_files(folder, {"model.safetensors": safetensors.numpy.save(halved)})
    write_config(
        folder,
        config,
        backbone_sha256=backbone.sha256,
        convolution=config.convolution,
        aggregation=config.aggregation,
        weighted=config.weighted,
        scales=config.scales,
        sha256=digests,
    )
    nodes = torch.nn.functional.normalize(
        torch.randn(1, 5, sum(s * s for s in config.scales), len(network.spread)), dim=3
    )
    with torch.inference_mode():
        wanted = network(nodes, torch.ones(1, 5, dtype=torch.bool))[0].numpy()
    found = open_star_gnn(str(folder.resolve())).vector(nodes[0].numpy())
    check_parity(folder / "model.safetensors", wanted, found, _ROUNDED)
