"""Trains the copy descriptor, from the ImageNet weights on. An interrupted run goes on from its last checkpoint."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from cliptrace.models.backbones import efficientnet_lite0
from cliptrace.models.backbones.registry import load_config
from cliptrace.models.backbones.whitening import Whitening
from cliptrace.models.descriptor.data import EDITED, Batch, Batches, Pictures
from cliptrace.models.descriptor.edits import edited
from cliptrace.models.descriptor.export import write
from cliptrace.models.descriptor.losses import anchor, contrastive, entropy
from cliptrace.models.descriptor.network import Descriptor, freeze_below, pooled
from cliptrace.models.training import CHECKPOINT_S, fit, schedule
from cliptrace.models.weights import read_verified
from cliptrace.schemas.config import BackboneConfig

START = "efficientnet_lite0"
_SAME_PICTURE = 0.85
"""Two pictures whose frozen embeddings are this similar may show the same thing: never a negative pair."""
_SAME_MOMENT_S = 1.5
EDITED_EVERY = 3
"""Of the pictures, so many go into the first whitening as an edited copy as well."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class TrainConfig:
    """All that a trained descriptor depends on, besides its data.

    pictures: of a batch, each in 1 + EDITED views. sizes: input sides, one drawn a batch. first_trained: the layer from
    which on the trunk learns, "" for all, "none" for none. dimension: of the projection while it is trained.
    """

    steps: int = 2000
    pictures: int = 32
    sizes: tuple[int, ...] = (160, 160, 192)
    first_trained: str = "block1_expand"
    trunk_rate: float = 2e-4
    head_rate: float = 2e-3
    warm_up: int = 100
    temperature: float = 0.05
    entropy_weight: float = 5.0
    anchor_weight: float = 5.0
    averaging: float = 0.995
    dimension: int = 512
    seed: int = 0


class Bank(torch.nn.Module):  # type: ignore[misc]  # torch is not followed
    """embeddings: float32[P, D], the last embedding of every picture as it is."""

    def __init__(self, embeddings: torch.Tensor) -> None:
        super().__init__()
        self.register_buffer("embeddings", embeddings)


class Trainer:
    """Pictures, the frozen network's view of them, and one step of training."""

    def __init__(self, pictures: Pictures, config: TrainConfig) -> None:
        torch.manual_seed(config.seed)
        self.config, self.pictures = config, pictures
        self.descriptor, self.frozen = self._initial()
        self.related = _related(self.frozen, pictures)
        freeze_below(self.descriptor.trunk, config.first_trained)
        trained = [p for p in self.descriptor.trunk.parameters() if p.requires_grad]
        head = [self.descriptor.offset, self.descriptor.projection]
        groups: list[dict[str, Any]] = [{"params": head, "lr": config.head_rate}]
        groups += [{"params": trained, "lr": config.trunk_rate}] if trained else []
        self.optimizer = torch.optim.AdamW(groups, weight_decay=0.0)
        self._rates: list[float] = [group["lr"] for group in groups]
        self.average = AveragedModel(self.descriptor, multi_avg_fn=get_ema_multi_avg_fn(config.averaging))
        self.bank = Bank(self.frozen.clone())

    def _initial(self) -> tuple[Descriptor, torch.Tensor]:
        """The ImageNet network, its projection a whitening of pictures as they are and edited; and what it sees.

        float32[P, D]: the frozen network's embeddings of all pictures.
        """
        backbone = load_config(START)
        trunk = efficientnet_lite0.load(read_verified(backbone.path, backbone.sha256))
        channels = efficientnet_lite0.LAYERS[-1].outputs
        unprojected = Descriptor(trunk, Whitening(np.zeros(channels, np.float32), np.eye(channels, dtype=np.float32)))
        random = np.random.default_rng(self.config.seed)
        copies = [edited(frame, frame, random)[0] for frame in self.pictures.frames[::EDITED_EVERY]]
        plain, changed = (pooled(unprojected, f, backbone.input_size) for f in (self.pictures.frames, copies))
        whitening = Whitening.fit(np.concatenate([plain, changed]), self.config.dimension, shrinkage=0.5)
        return Descriptor(trunk, whitening), torch.from_numpy(whitening.apply(plain))

    def step(self, batch: Batch, number: int) -> dict[str, float]:
        config = self.config
        for group, rate in zip(self.optimizer.param_groups, self._rates, strict=True):
            group["lr"] = rate * schedule(number, config.steps, config.warm_up)
        embeddings = self.descriptor(batch.frames)
        losses = self._losses(embeddings, batch.shown)
        total = losses["contrastive"]
        total = total + config.entropy_weight * losses["entropy"] + config.anchor_weight * losses["anchor"]
        self.optimizer.zero_grad(set_to_none=True)
        total.backward()
        torch.nn.utils.clip_grad_norm_(self.descriptor.parameters(), 1.0)
        self.optimizer.step()
        self.average.update_parameters(self.descriptor)
        plain = batch.shown[: len(batch.shown) // (1 + EDITED), 0]
        self.bank.embeddings[plain] = embeddings[: len(plain)].detach()
        return {name: value.item() for name, value in losses.items()}

    def _losses(self, embeddings: torch.Tensor, shown: torch.Tensor) -> dict[str, torch.Tensor]:
        owner, plain = shown[:, 0], len(shown) // (1 + EDITED)
        everything = torch.arange(len(self.bank.embeddings))
        against = torch.cat([embeddings, self.bank.embeddings])
        their_owner, their_other = torch.cat([owner, everything]), torch.cat([shown[:, 1], everything])
        similarity = embeddings @ against.T
        negative = torch.ones_like(similarity, dtype=torch.bool)
        for mine in (owner, shown[:, 1]):
            for theirs in (their_owner, their_other):
                negative &= ~self.related[mine[:, None], theirs[None, :]]
        positive = owner[:, None] == their_owner[None, :]
        positive[:, len(owner) :] = False  # the bank's entry of the picture itself is an older view of it
        positive[plain:, plain : len(owner)] = False  # two edited copies of a picture need not look alike
        positive.fill_diagonal_(False)
        with torch.no_grad():
            best = similarity[plain:, len(owner) :].argmax(dim=1)
            found = self.related[owner[plain:], best].float().mean()
        return {
            "contrastive": contrastive(similarity, positive, negative, self.config.temperature),
            "entropy": entropy(similarity[:plain], negative[:plain]),
            "anchor": anchor(embeddings[:plain], self.frozen[owner[:plain]]),
            "recall": found,
        }


def run(data: Sequence[Path], output: Path, config: TrainConfig) -> BackboneConfig:
    """From folders of footage to a backbone in ``output``, named like it; goes on where a call was interrupted."""
    pictures = Pictures.load(data)
    return write(train(pictures, output, config), pictures, output, output.resolve().name, config.seed)


def train(pictures: Pictures, output: Path, config: TrainConfig, checkpoint_s: float = CHECKPOINT_S) -> Descriptor:
    """The averaged descriptor after ``config.steps`` steps. ``output``: as cliptrace.models.training.fit has it."""
    trainer = Trainer(pictures, config)
    batches = Batches(pictures, config.pictures, config.sizes, config.steps, config.seed)
    parts = {
        "descriptor": trainer.descriptor,
        "average": trainer.average,
        "optimizer": trainer.optimizer,
        "bank": trainer.bank,
    }
    fit(batches, trainer.step, parts, output, config, checkpoint_s=checkpoint_s)
    averaged: Descriptor = trainer.average.module.eval()
    return averaged


def _related(frozen: torch.Tensor, pictures: Pictures) -> torch.Tensor:
    """bool[P, P]: pairs that may show the same thing, and are no negatives."""
    video, moment = torch.from_numpy(pictures.video), torch.from_numpy(pictures.time)
    near = (moment[:, None] - moment[None, :]).abs() < _SAME_MOMENT_S
    related: torch.Tensor = ((video[:, None] == video[None, :]) & near) | (frozen @ frozen.T > _SAME_PICTURE)
    return related
