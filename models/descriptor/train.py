"""Trains the copy descriptor, from the ImageNet weights on. An interrupted run goes on from its last checkpoint."""

from __future__ import annotations

import dataclasses
import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from models.backbones import efficientnet_lite0
from models.backbones.registry import load_config
from models.backbones.whitening import Whitening
from models.descriptor.data import EDITED, Batch, Batches, Pictures, in_order
from models.descriptor.edits import edited
from models.descriptor.export import write
from models.descriptor.losses import anchor, contrastive, entropy
from models.descriptor.network import Descriptor, freeze_below, pooled
from models.weights import read_verified
from schemas.config import BackboneConfig
from schemas.errors import UsageError

START = "efficientnet_lite0"
CHECKPOINT = "checkpoint.pt"
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


@dataclasses.dataclass
class State:
    """A run between two steps. bank: float32[P, D], the last embedding of every picture as it is."""

    descriptor: Descriptor
    average: AveragedModel
    optimizer: torch.optim.Optimizer
    bank: torch.Tensor
    step: int = 0

    def save(self, path: Path, config: TrainConfig) -> None:
        content = {
            "config": json.dumps(dataclasses.asdict(config)),
            "descriptor": self.descriptor.state_dict(),
            "average": self.average.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "bank": self.bank,
            "step": self.step,
        }
        partial = path.with_suffix(".partial")
        torch.save(content, partial)
        partial.replace(path)

    def restore(self, path: Path, config: TrainConfig) -> None:
        content = torch.load(path, map_location="cpu", weights_only=True)
        if content["config"] != json.dumps(dataclasses.asdict(config)):
            raise UsageError(f"{path}: was begun with other settings, {content['config']}; give another --output")
        self.descriptor.load_state_dict(content["descriptor"])
        self.average.load_state_dict(content["average"])
        self.optimizer.load_state_dict(content["optimizer"])
        self.bank, self.step = content["bank"], content["step"]


class Trainer:
    """Pictures, the frozen network's view of them, and one step of training."""

    def __init__(self, pictures: Pictures, config: TrainConfig) -> None:
        torch.manual_seed(config.seed)
        self.config, self.pictures = config, pictures
        descriptor, self.frozen = self._initial()
        self.related = _related(self.frozen, pictures)
        freeze_below(descriptor.trunk, config.first_trained)
        trained = [p for p in descriptor.trunk.parameters() if p.requires_grad]
        groups: list[dict[str, Any]] = [{"params": [descriptor.offset, descriptor.projection], "lr": config.head_rate}]
        groups += [{"params": trained, "lr": config.trunk_rate}] if trained else []
        optimizer = torch.optim.AdamW(groups, weight_decay=0.0)
        self._rates: list[float] = [group["lr"] for group in groups]
        average = AveragedModel(descriptor, multi_avg_fn=get_ema_multi_avg_fn(config.averaging))
        self.state = State(descriptor, average, optimizer, self.frozen.clone())

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

    def step(self, batch: Batch) -> dict[str, float]:
        state, config = self.state, self.config
        for group, rate in zip(state.optimizer.param_groups, self._rates, strict=True):
            group["lr"] = rate * _schedule(state.step, config)
        embeddings = state.descriptor(batch.frames)
        losses = self._losses(embeddings, batch.shown)
        total = losses["contrastive"]
        total = total + config.entropy_weight * losses["entropy"] + config.anchor_weight * losses["anchor"]
        state.optimizer.zero_grad(set_to_none=True)
        total.backward()
        torch.nn.utils.clip_grad_norm_(state.descriptor.parameters(), 1.0)
        state.optimizer.step()
        state.average.update_parameters(state.descriptor)
        plain = batch.shown[: len(batch.shown) // (1 + EDITED), 0]
        state.bank[plain] = embeddings[: len(plain)].detach()
        state.step += 1
        return {name: value.item() for name, value in losses.items()}

    def _losses(self, embeddings: torch.Tensor, shown: torch.Tensor) -> dict[str, torch.Tensor]:
        owner, plain = shown[:, 0], len(shown) // (1 + EDITED)
        against = torch.cat([embeddings, self.state.bank])
        their_owner = torch.cat([owner, torch.arange(len(self.state.bank))])
        their_other = torch.cat([shown[:, 1], torch.arange(len(self.state.bank))])
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


def train(pictures: Pictures, output: Path, config: TrainConfig, checkpoint_s: float = 300.0) -> Descriptor:
    """The averaged descriptor after ``config.steps`` steps.

    ``output`` gets log.jsonl and, every ``checkpoint_s`` seconds, a checkpoint, from which the same call goes on.
    """
    output.mkdir(parents=True, exist_ok=True)
    trainer = Trainer(pictures, config)
    state, checkpoint = trainer.state, output / CHECKPOINT
    if checkpoint.exists():
        state.restore(checkpoint, config)
    batches = Batches(pictures, config.pictures, config.sizes, config.steps, config.seed)
    saved = time.monotonic()
    recent: list[dict[str, float]] = []
    with (output / "log.jsonl").open("a", encoding="utf-8") as log:
        for batch in in_order(batches, state.step, workers=1):
            recent.append(trainer.step(batch))
            if state.step % 25 == 0 or state.step == config.steps:
                means = {name: round(sum(r[name] for r in recent) / len(recent), 4) for name in recent[0]}
                line = json.dumps({"step": state.step, **means})
                print(line, file=log, flush=True)
                print(line, file=sys.stderr, flush=True)
                recent = []
            if time.monotonic() - saved >= checkpoint_s or state.step == config.steps:
                state.save(checkpoint, config)
                saved = time.monotonic()
    averaged: Descriptor = state.average.module.eval()
    return averaged


def _related(frozen: torch.Tensor, pictures: Pictures) -> torch.Tensor:
    """bool[P, P]: pairs that may show the same thing, and are no negatives."""
    video, moment = torch.from_numpy(pictures.video), torch.from_numpy(pictures.time)
    near = (moment[:, None] - moment[None, :]).abs() < _SAME_MOMENT_S
    related: torch.Tensor = ((video[:, None] == video[None, :]) & near) | (frozen @ frozen.T > _SAME_PICTURE)
    return related


def _schedule(step: int, config: TrainConfig) -> float:
    """Linear warm-up, then a cosine to zero."""
    if step < config.warm_up:
        return (step + 1) / config.warm_up
    return 0.5 * (1 + float(np.cos(np.pi * (step - config.warm_up) / max(config.steps - config.warm_up, 1))))
