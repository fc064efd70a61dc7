"""What brings copies of one video together and keeps videos apart (§3.3, §4.1)."""

from __future__ import annotations

import torch

from cliptrace.models.star_gnn.config import StarGNNTraining
from cliptrace.models.star_gnn.examples import Batch


def losses(
    network: torch.nn.Module, config: StarGNNTraining, batch: Batch
) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
    """What is descended, and what is logged."""
    vectors = network(batch.nodes, batch.there)
    first, second = vectors[: len(vectors) // 2], vectors[len(vectors) // 2 :]
    near, apart = distances(first, second), batch.apart
    positive, negative = near.diagonal(), near.masked_fill(~apart, torch.inf).amin(dim=1)
    loss = {"triplet": triplet, "contrastive": contrastive}[config.loss]
    value = loss(positive, negative, config.margin if config.loss == "triplet" else config.apart)
    return value, {config.loss: value, "found": (positive < negative).float().mean()}


def distances(first: torch.Tensor, second: torch.Tensor) -> torch.Tensor:
    """float32[A, B], squared Euclidean of unit rows."""
    return 2 - 2 * first @ second.T


def triplet(positive: torch.Tensor, negative: torch.Tensor, margin: float) -> torch.Tensor:
    """Eq. 4 with the hardest negative of the batch: a copy is nearer than any other video by ``margin``."""
    return (positive - negative + margin).clamp(min=0).mean()


def contrastive(positive: torch.Tensor, negative: torch.Tensor, apart: float) -> torch.Tensor:
    """Copies at distance 0, the hardest negative at ``apart`` or more (Hadsell et al., CVPR 2006, eq. 4)."""
    far = (apart - negative.clamp(min=1e-9).sqrt()).clamp(min=0)
    return (positive + far.pow(2)).mean()
