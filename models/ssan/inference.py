"""SKE and SPD as they run: a folder with model.safetensors, model.onnx and config.json each. No torch."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cliptrace.models.onnx_files import open_exported
from cliptrace.models.ssan.tiles import tile
from cliptrace.models.verification.probability import UNCALIBRATED
from cliptrace.models.weights import folder_of, read_config
from cliptrace.schemas.errors import CliptraceError

Floats = NDArray[np.float32]


class OnnxSPD:
    """The detector. ``run`` may be called from several threads."""

    def __init__(self, folder: str) -> None:
        """CliptraceError where its scores were fitted to other features than those that this version weighs."""
        self.config, self._file = open_exported(folder)
        if any(len(self.config.get(name, ())) != len(weights) for name, weights in UNCALIBRATED.items()):
            raise CliptraceError(
                f"{folder}: its config.json has no calibration for this version of cliptrace; make one with "
                f"python -m benchmarks.alignment.calibration --weights {folder} --write"
            )

    def run(self, maps: Floats) -> Floats:
        """float32[1, 1, H, W] → float32[6, A] (models/ssan/network.py)."""
        (cells,) = self._file.session.run(["cells"], {"maps": maps})
        return np.asarray(cells[0])


class OnnxSKE:
    """The keyframe scorer. ``run`` may be called from several threads."""

    def __init__(self, folder: str) -> None:
        self.config, self._file = open_exported(folder)

    def run(self, thumbs: NDArray[np.uint8]) -> Floats:
        """uint8[N, 32, 32, 3], at most 576 → float32[N] in (0, 1)."""
        (logits,) = self._file.session.run(["scores"], {"tiles": tile(thumbs)[None]})
        return np.asarray(1 / (1 + np.exp(-logits[0, : len(thumbs)])), np.float32)


def spd_config(folder: str = "spd") -> dict[str, Any]:
    """What config.json of an SPD says. folder: as ``open_spd`` takes it; the shipped one where nothing else is said."""
    return read_config(folder_of(folder))


def ske_sha256(folder: str = "ske") -> str:
    """Digest of the weights of an SKE. As ``spd_config``."""
    return str(read_config(folder_of(folder))["sha256"]["model.safetensors"])


@functools.cache
def open_spd(folder: str) -> OnnxSPD:
    return OnnxSPD(folder)


@functools.cache
def open_ske(folder: str) -> OnnxSKE:
    return OnnxSKE(folder)
