"""Trains SKE and SPD. An interrupted run goes on from its last checkpoint."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
import torch.utils.data
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from cliptrace.models.ssan.clips import load_clips
from cliptrace.models.ssan.data import Batches, MapMaker, TileBatches, Tiles
from cliptrace.models.ssan.detect import STRIDES
from cliptrace.models.ssan.export import SKE_FREE, SPD_FREE, write
from cliptrace.models.ssan.joint import Joint, JointBatch, JointBatches
from cliptrace.models.ssan.losses import BOX_WEIGHT, spd_loss
from cliptrace.models.ssan.pairs import PairMaker
from cliptrace.models.ssan.ske import SKE
from cliptrace.models.ssan.spd import SPD, decode
from cliptrace.models.ssan.tiles import SIDE
from cliptrace.models.training import fit, schedule
from cliptrace.models.verification.probability import UNCALIBRATED
from cliptrace.schemas.config import BackboneConfig

Losses = dict[str, torch.Tensor]
_WARM_UP = 200
_LONGEST_GRADIENT = 5.0


@dataclasses.dataclass(frozen=True, kw_only=True)
class TrainConfig:
    """All that a trained network depends on, besides its data. steps: batches. rate: of learning, at its highest."""

    steps: int
    rate: float
    weight_decay: float = 0.02
    averaging: float = 0.998
    seed: int = 0


SPD_CONFIG = TrainConfig(steps=6000, rate=2e-3)
SKE_CONFIG = TrainConfig(steps=1500, rate=2e-3)
SSAN_CONFIG = TrainConfig(steps=800, rate=4e-4)
TILES, PAIRS = 4, 2
"""Of a batch of SKE's, and of a joint one."""
VARIANTS = 16
"""Of each video: as it is, and edited."""


def run_spd(data: Sequence[Path], output: Path, backbone: BackboneConfig, config: TrainConfig = SPD_CONFIG) -> None:
    """From folders of footage to an exported SPD in ``output``, for maps of this backbone's embeddings."""
    write_spd(train_spd(load_pairs(data, output, backbone, config.seed), output, config), output, backbone)


def run_ske(data: Sequence[Path], output: Path, backbone: BackboneConfig, config: TrainConfig = SKE_CONFIG) -> None:
    """From folders of footage to an exported SKE in ``output``; the backbone is its teacher's."""
    write_ske(train_ske(load_pairs(data, output, backbone, config.seed), output, config), output)


def run_ssan(data: Sequence[Path], output: Path, backbone: BackboneConfig, config: TrainConfig = SSAN_CONFIG) -> None:
    """Both, each for itself in ``output``/separate, and from there on together: ``output``/ske and ``output``/spd."""
    pairs = load_pairs(data, output, backbone, config.seed)
    separate = output / "separate"
    ske = train_ske(pairs, separate / "ske", dataclasses.replace(SKE_CONFIG, seed=config.seed))
    spd = train_spd(pairs, separate / "spd", dataclasses.replace(SPD_CONFIG, seed=config.seed))
    write_ske(ske, separate / "ske")
    write_spd(spd, separate / "spd", backbone)
    joint = train_joint(pairs, Joint(ske, spd), output, config)
    write_ske(joint.ske, output / "ske")
    write_spd(joint.spd, output / "spd", backbone)


def write_spd(network: SPD, folder: Path, backbone: BackboneConfig) -> None:
    side = max(STRIDES)
    maps = torch.zeros(1, 1, side, side)
    made_for = {"backbone": backbone.name, "backbone_sha256": backbone.sha256}
    write(network, maps, SPD_FREE, folder, name="spd", **made_for, **UNCALIBRATED)


def write_ske(network: SKE, folder: Path) -> None:
    write(network, torch.zeros(1, SIDE, SIDE, 3, dtype=torch.uint8), SKE_FREE, folder, name="ske")


def load_pairs(data: Sequence[Path], output: Path, backbone: BackboneConfig, seed: int) -> PairMaker:
    """Edits, encodes and embeds the footage, which takes longest; kept in ``output``/clips."""
    return PairMaker(*load_clips(data, backbone, output / "clips", VARIANTS, seed))


def train_spd(pairs: PairMaker, output: Path, config: TrainConfig = SPD_CONFIG) -> SPD:
    """The averaged detector."""
    torch.manual_seed(config.seed)
    network = SPD().to(memory_format=torch.channels_last)

    def losses(batch: dict[str, torch.Tensor]) -> Losses:
        return _spd_losses(network(batch["maps"]), batch)

    averaged: SPD = _train(network, Batches(MapMaker(pairs), config.steps, config.seed), losses, output, config)
    return averaged


def train_ske(pairs: PairMaker, output: Path, config: TrainConfig = SKE_CONFIG) -> SKE:
    """The averaged keyframe scorer."""
    torch.manual_seed(config.seed)
    network = SKE()

    def losses(batch: Tiles) -> Losses:
        return {"bce": _ske_loss(network(batch.tiles), batch)}

    averaged: SKE = _train(network, TileBatches(pairs, TILES, config.steps, config.seed), losses, output, config)
    return averaged


def train_joint(pairs: PairMaker, network: Joint, output: Path, config: TrainConfig = SSAN_CONFIG) -> Joint:
    """Both averaged; ``network`` holds what they start from. The sum of their losses, L_SKE + L_SPD (SSAN §3.3)."""
    network.train()

    def losses(batch: JointBatch) -> Losses:
        logits, cells = network(batch.tiles.tiles, batch.similarity, batch.dense)
        return {"ske": _ske_loss(logits, batch.tiles), **_spd_losses(cells, batch.maps)}

    averaged: Joint = _train(
        network, JointBatches(MapMaker(pairs), PAIRS, config.steps, config.seed), losses, output, config
    )
    return averaged


def _spd_losses(cells: torch.Tensor, batch: dict[str, torch.Tensor]) -> Losses:
    size = (batch["maps"].shape[2], batch["maps"].shape[3])
    bce, giou = spd_loss(*decode(cells, size), batch["boxes"], batch["backward"], size)
    return {"bce": bce, "giou": BOX_WEIGHT * giou}


def _ske_loss(logits: torch.Tensor, batch: Tiles) -> torch.Tensor:
    each = torch.nn.functional.binary_cross_entropy_with_logits(logits, batch.wanted, reduction="none")
    return each[batch.there].mean()


def _train(
    network: torch.nn.Module,
    batches: torch.utils.data.Dataset[Any],
    losses: Callable[[Any], Losses],
    output: Path,
    config: TrainConfig,
) -> Any:
    """The average of the network's last states. What ``losses`` returns of a batch is summed."""
    average = AveragedModel(network, multi_avg_fn=get_ema_multi_avg_fn(config.averaging), use_buffers=True)
    optimizer = torch.optim.AdamW(network.parameters(), weight_decay=config.weight_decay)

    def step(batch: Any, number: int) -> dict[str, float]:
        for group in optimizer.param_groups:
            group["lr"] = config.rate * schedule(number, config.steps, _WARM_UP)
        found = losses(batch)
        optimizer.zero_grad(set_to_none=True)
        torch.stack(list(found.values())).sum().backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), _LONGEST_GRADIENT)
        optimizer.step()
        average.update_parameters(network)
        return {name: value.item() for name, value in found.items()}

    fit(batches, step, {"network": network, "average": average, "optimizer": optimizer}, output, config)
    return average.module.eval()
