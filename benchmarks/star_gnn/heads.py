"""Contestants that learn: heads on pooled frames, and STAR-GNN, all from the same copies with the same optimiser."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn
from torch.nn import functional

from benchmarks.star_gnn.copies import Frames
from cliptrace.models.star_gnn.clips import Clip
from cliptrace.models.star_gnn.config import StarGNNTraining
from cliptrace.models.star_gnn.examples import Batch, CopyMaker
from cliptrace.models.star_gnn.losses import losses
from cliptrace.models.star_gnn.network import StarGNN
from cliptrace.models.training.optimiser import optimise

Floats = NDArray[np.float32]
Loss = Callable[[nn.Module, Batch], tuple[torch.Tensor, dict[str, torch.Tensor]]]

_SHARPNESS = 10.0
"""Of the distributions over a batch that distillation compares."""


class Linear(nn.Module):
    """The mean of all rows of all frames, mapped; it begins as that mean."""

    def __init__(self, dimension: int) -> None:
        super().__init__()
        self.map = nn.Linear(dimension, dimension)
        nn.init.eye_(self.map.weight)
        nn.init.zeros_(self.map.bias)

    def forward(self, nodes: torch.Tensor, there: torch.Tensor) -> torch.Tensor:
        return functional.normalize(self.map(functional.normalize(_mean(nodes, there))))


class DML(nn.Module):
    """Deep metric learning (Kordopatis-Zilos et al., ICCVW 2017): a perceptron of three layers on the mean."""

    def __init__(self, dimension: int) -> None:
        super().__init__()
        widths = (dimension, 2 * dimension, dimension, dimension)
        layers = [nn.Linear(first, second) for first, second in itertools.pairwise(widths)]
        self.layers = nn.Sequential(layers[0], nn.ReLU(), layers[1], nn.ReLU(), layers[2])

    def forward(self, nodes: torch.Tensor, there: torch.Tensor) -> torch.Tensor:
        return functional.normalize(self.layers(functional.normalize(_mean(nodes, there))))


class Weighted(nn.Module):
    """A mean in which each row weighs as much as it learns to (as VVS has it), mapped."""

    def __init__(self, dimension: int) -> None:
        super().__init__()
        self.weight, self.map = nn.Linear(dimension, 1), nn.Linear(dimension, dimension)
        nn.init.zeros_(self.weight.weight)
        nn.init.zeros_(self.weight.bias)
        nn.init.eye_(self.map.weight)
        nn.init.zeros_(self.map.bias)

    def forward(self, nodes: torch.Tensor, there: torch.Tensor) -> torch.Tensor:
        return functional.normalize(self.map(functional.normalize(_mean(nodes * self.weight(nodes).sigmoid(), there))))


def _mean(nodes: torch.Tensor, there: torch.Tensor) -> torch.Tensor:
    return (nodes.mean(dim=2) * there[..., None]).sum(dim=1) / there.sum(dim=1, keepdim=True)


@dataclasses.dataclass(frozen=True, slots=True)
class Learned:
    """A trained network as a contestant. regions: rows of a frame that it sees."""

    network: nn.Module
    regions: Sequence[int]

    def vectors(self, video: Frames) -> Floats:
        rows = np.ascontiguousarray(video.nodes[None][:, :, list(self.regions)])
        with torch.inference_mode():
            found = self.network(torch.from_numpy(rows), torch.ones(1, rows.shape[1], dtype=torch.bool))
        return np.asarray(found.numpy())

    asked = vectors


def with_embeddings(clips: Sequence[Clip]) -> list[Clip]:
    """Clips whose frames have their embedding as one more region, the last."""
    return [
        dataclasses.replace(clip, nodes=np.concatenate([clip.nodes, clip.embeddings[:, :, None]], axis=2))
        for clip in clips
    ]


def train(
    network: nn.Module, clips: Sequence[Clip], regions: Sequence[int], output: Path, config: StarGNNTraining, loss: Loss
) -> Learned:
    """clips: as ``with_embeddings`` makes them. output: where a checkpoint is, from which the same call goes on."""
    used = clips[: max(round(len(clips) * config.share), 2)]
    make = CopyMaker(used, config.videos, regions, config.copies).batch
    trained = optimise(network, [(network.parameters(), config.rate)], make, partial(loss, network), output, config)
    return Learned(trained, regions)


def metric(config: StarGNNTraining) -> Loss:
    """What STAR-GNN is trained with, of any network."""
    return lambda network, batch: losses(network, config, batch)


def contrastive(temperature: float) -> Loss:
    """InfoNCE (van den Oord et al., 2018, eq. 4) between the two copies of each video, both ways."""

    def loss(network: nn.Module, batch: Batch) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
        vectors = network(batch.nodes, batch.there)
        half = len(vectors) // 2
        itself = torch.eye(half, dtype=torch.bool)
        alike = (vectors[:half] @ vectors[half:].T / temperature).masked_fill(~(batch.apart | itself), -torch.inf)
        right = torch.arange(half)
        value = (functional.cross_entropy(alike, right) + functional.cross_entropy(alike.T, right)) / 2
        return value, {"infonce": value}

    return loss


def distilled(network: nn.Module, batch: Batch) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
    """Videos shall be as near as their frames are: Chamfer similarity of the last row of each frame, both ways."""
    half = len(batch.nodes) // 2
    vectors = network(batch.nodes[:, :, :-1] if isinstance(network, StarGNN) else batch.nodes, batch.there)
    frames, there = batch.nodes[:, :, -1], batch.there
    alike = torch.einsum("afd,bgd->abfg", frames[:half], frames[half:])
    best = alike.masked_fill(~there[None, half:, None], -torch.inf).amax(dim=3)
    back = alike.masked_fill(~there[:half, None, :, None], -torch.inf).amax(dim=2)
    of_first = (best * there[:half, None]).sum(dim=2) / there[:half].sum(dim=1)[:, None]
    of_second = (back * there[None, half:]).sum(dim=2) / there[half:].sum(dim=1)[None]
    teacher = _SHARPNESS * (of_first + of_second) / 2
    student = _SHARPNESS * vectors[:half] @ vectors[half:].T
    value = functional.kl_div(
        student.log_softmax(dim=1), teacher.log_softmax(dim=1), log_target=True, reduction="batchmean"
    )
    return value, {"distilled": value}
