"""From trained SKE and SPD to the folders that inference.py reads."""

from __future__ import annotations

from pathlib import Path

import torch

from cliptrace.models.export import export
from cliptrace.models.ssan.detect import STRIDES
from cliptrace.models.ssan.network import SKE, SPD
from cliptrace.models.ssan.tiles import SIDE
from cliptrace.models.training.config import Training
from cliptrace.models.verification.probability import UNCALIBRATED
from cliptrace.schemas.config import BackboneConfig

_SPD_AXES = {"maps": {0: "N", 2: "H", 3: "W"}, "cells": {0: "N", 2: "A"}}
_SKE_AXES = {"tiles": {0: "N"}, "scores": {0: "N"}}


def export_spd(network: SPD, folder: Path, config: Training, backbone: BackboneConfig) -> None:
    """For maps of this backbone's embeddings. How sure its answers are, benchmarks.alignment.calibration tells it."""
    maps = torch.randn(1, 1, 2 * max(STRIDES), max(STRIDES), generator=torch.Generator().manual_seed(0)) / 5
    made_for = {"backbone": backbone.name, "backbone_sha256": backbone.sha256}
    export(network, maps, _SPD_AXES, folder, config, name="spd", **made_for, **UNCALIBRATED)


def export_ske(network: SKE, folder: Path, config: Training) -> None:
    generator = torch.Generator().manual_seed(0)
    tiles = torch.randint(256, (1, SIDE, SIDE, 3), dtype=torch.uint8, generator=generator)
    export(network, tiles, _SKE_AXES, folder, config, name="ske")
