"""Any clip network as an ONNX or TorchScript file: C3D and its successors, described by a config file."""

from __future__ import annotations

import dataclasses
import json
import math
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cliptrace.models.backbones.pooling import unit
from cliptrace.models.clips.described import read_description, rules_of_steps, whole
from cliptrace.models.onnx_files import OnnxFile
from cliptrace.models.runtime import Device, open_torchscript
from cliptrace.models.weights import sha256_of
from cliptrace.schemas.config import BASIS_FPS
from cliptrace.schemas.errors import CliptraceError, UsageError

Floats = NDArray[np.float32]

_MOST_FRAMES = 256


@dataclasses.dataclass(frozen=True, slots=True)
class ClipNetworkConfig:
    """A network that takes float32[N, 3, T, S, S], RGB, normalised, and gives float32[N, D].

    path, sha256: the .onnx or TorchScript (.pt) file. frames: T, of a clip. input_size: S. dimension: D. step_s: from
    one clip to the next, a whole number of eighths of a second. mean, std: of each colour, in [0, 1].
    """

    name: str
    path: str
    sha256: str
    frames: int
    input_size: int
    dimension: int
    step_s: float = 0.5
    mean: tuple[float, float, float] = (0.0, 0.0, 0.0)
    std: tuple[float, float, float] = (1.0, 1.0, 1.0)


def load_clip_network(path: str) -> ClipNetworkConfig:
    """From a .json or .toml file with the keys of ClipNetworkConfig; ``path`` is relative to it. UsageError else."""
    file = Path(path)
    try:
        config = ClipNetworkConfig(**read_description(path))
        config = dataclasses.replace(config, path=str(file.parent.resolve() / config.path))
    except TypeError as error:
        raise UsageError(f"{file}: not the config of a clip network: {error}") from error
    for rule, holds in _rules(config).items():
        if not holds:
            raise UsageError(f"{file}: {rule}")
    return config


def _rules(config: ClipNetworkConfig) -> dict[str, bool]:
    """What a config must be, whatever its file says, and whether it is."""
    mean, std = _numbers(config.mean), _numbers(config.std)
    return rules_of_steps(config.name, config.dimension, config.step_s) | {
        "sha256 must be a text": isinstance(config.sha256, str),
        f"frames must be a whole number from 1 to {_MOST_FRAMES}": whole(config.frames) <= _MOST_FRAMES,
        "input_size must be a whole number from 1 on": whole(config.input_size) < math.inf,
        "mean must be three numbers": len(mean) == 3,
        "std must be three numbers above 0": len(std) == 3 and min(std) > 0,
    }


def _numbers(values: object) -> list[float]:
    """None where they are no list of finite numbers."""
    listed = values if isinstance(values, list | tuple) else []
    found = [float(each) for each in listed if type(each) in (int, float) and math.isfinite(each)]
    return found if len(found) == len(listed) else []


class ClipNetwork:
    """A clip network as clip encoder: each step is what the network says of T frames spread over its seconds."""

    def __init__(self, config: ClipNetworkConfig, device: Device) -> None:
        self.dimension, self.step_s = config.dimension, config.step_s
        self.input_size = config.input_size
        self.sha256 = sha256_of(json.dumps(dataclasses.asdict(config) | {"path": ""}, sort_keys=True).encode())
        self._config = config
        self._mean, self._std = (np.array(each, np.float32) for each in (config.mean, config.std))
        self._run = _opened(config, device)

    @classmethod
    def open(cls, path: str, device: Device = "cpu") -> ClipNetwork:
        """Loads the network and tries it on one clip. CliptraceError where it does not fit its config."""
        encoder = cls(load_clip_network(path), device)
        size = encoder.input_size
        try:
            found = encoder._features(np.zeros((1, encoder._config.frames, size, size, 3), np.uint8))
        except Exception as error:  # those of ONNX Runtime and torch share no other base class
            raise CliptraceError(
                f"{encoder._config.path}: does not run on a clip of shape [1, 3, {encoder._config.frames}, {size}, "
                f"{size}], as its config describes it: {error}"
            ) from error
        if found.shape != (1, encoder.dimension):
            raise CliptraceError(
                f"{encoder._config.path}: its features have shape {list(found.shape[1:])}, but the config says "
                f"dimension = {encoder.dimension}"
            )
        if not np.isfinite(found).all():
            raise CliptraceError(
                f"{encoder._config.path}: its features of a black clip are not finite: check mean and std of its config"
            )
        return encoder

    def encode(self, frames: NDArray[np.uint8]) -> Floats:
        """uint8[N, S, S, 3] → float32[K, D], rows of unit L2 norm."""
        step = round(self.step_s * BASIS_FPS)
        rows = [np.empty((0, self.dimension), np.float32)]
        for start in range(0, len(frames), step):
            places = np.linspace(start, start + step, self._config.frames, endpoint=False).astype(np.intp)
            rows.append(self._features(frames[places.clip(max=len(frames) - 1)][None]))
        return unit(np.concatenate(rows))

    def _features(self, clips: NDArray[np.uint8]) -> Floats:
        planes = ((clips.astype(np.float32) / 255 - self._mean) / self._std).transpose(0, 4, 1, 2, 3)
        return np.asarray(self._run(np.ascontiguousarray(planes)), np.float32)


def _opened(config: ClipNetworkConfig, device: Device) -> Any:
    if config.path.endswith(".pt"):
        return open_torchscript(f"clip network {config.name!r}", config.path, config.sha256, device)
    if device == "cuda":
        raise CliptraceError(
            f"clip network {config.name!r} is an ONNX file, which runs on the CPU only: "
            "export it as TorchScript for device 'cuda', or use --device cpu"
        )
    session = OnnxFile(config.path, config.sha256).session
    name = session.get_inputs()[0].name
    return lambda clips: session.run(None, {name: clips})[0]
