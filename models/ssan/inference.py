"""SKE and SPD as they ship: a folder with model.safetensors, model.onnx and config.json each. No torch."""

from __future__ import annotations

import functools
import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cliptrace.models.onnx_files import OnnxFile
from cliptrace.models.ssan.tiles import tile
from cliptrace.models.weights import WEIGHTS
from cliptrace.schemas.errors import UsageError

Floats = NDArray[np.float32]


class OnnxSPD:
    """The detector. ``run`` may be called from several threads."""

    def __init__(self, folder: str) -> None:
        self.config, self._file = _open(folder)

    def run(self, maps: Floats) -> Floats:
        """float32[1, 1, H, W] → float32[6, A] (models/ssan/spd.py)."""
        (cells,) = self._file.session.run(["cells"], {"maps": maps})
        return np.asarray(cells[0])


class OnnxSKE:
    """The keyframe scorer. ``run`` may be called from several threads."""

    def __init__(self, folder: str) -> None:
        self.config, self._file = _open(folder)

    def run(self, thumbs: NDArray[np.uint8]) -> Floats:
        """uint8[N, 32, 32, 3], at most 576 → float32[N] in (0, 1)."""
        (logits,) = self._file.session.run(["scores"], {"tiles": tile(thumbs)[None]})
        return np.asarray(1 / (1 + np.exp(-logits[0, : len(thumbs)])), np.float32)


def spd_config() -> dict[str, Any]:
    """What config.json of the shipped SPD says."""
    return _read_config(WEIGHTS / "spd")[0]


def ske_sha256() -> str:
    """Digest of the weights of the shipped SKE."""
    return _read_config(WEIGHTS / "ske")[2]


@functools.cache
def open_spd(folder: str) -> OnnxSPD:
    return OnnxSPD(folder)


@functools.cache
def open_ske(folder: str) -> OnnxSKE:
    return OnnxSKE(folder)


def _open(folder: str) -> tuple[dict[str, Any], OnnxFile]:
    """folder: one of models/weights by its name, or any other by its path."""
    root = WEIGHTS / folder
    config, graph, weights = _read_config(root)
    return config, OnnxFile(str(root / "model.onnx"), graph, str(root / "model.safetensors"), weights)


def _read_config(root: Path) -> tuple[dict[str, Any], str, str]:
    """config.json, and the digests of the graph and of the weights."""
    file = root / "config.json"
    try:
        config: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
        digests = config["sha256"]
        return config, str(digests["model.onnx"]), str(digests["model.safetensors"])
    except OSError as error:
        raise UsageError(f"{file}: cannot read: {error.strerror}") from error
    except (ValueError, KeyError, TypeError) as error:
        raise UsageError(f"{file}: not the config of an exported network: {error!r}") from error
