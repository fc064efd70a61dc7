"""Backbones by name or by a person's own config file, and the Embedder that turns frames into vectors with one."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Literal, get_args, get_origin, get_type_hints

import numpy as np
from numpy.typing import NDArray

from cliptrace.models.backbones.pooling import max_regions, pool, unit
from cliptrace.models.backbones.whitening import Whitening
from cliptrace.models.runtime import Device, Session, open_session
from cliptrace.models.settings_files import read_settings
from cliptrace.models.weights import WEIGHTS
from cliptrace.schemas.config import BackboneConfig
from cliptrace.schemas.errors import CliptraceError, UsageError

BUILT_IN = ("copy_lite0", "efficientnet_lite0")
_TRAINED_WITH = "config_sha256"
"""What models/export.py writes beside the settings: how the network came about, which nobody needs to run it."""
_PATHS = ("path", "whitening", "graph", "graph_int8", "background")


def load_config(name_or_path: str) -> BackboneConfig:
    """The built-in backbone of that name, or the one that a .json or .toml file describes."""
    built_in = name_or_path in BUILT_IN
    file = WEIGHTS / name_or_path / "config.json" if built_in else Path(name_or_path)
    if file.suffix not in (".json", ".toml"):
        known = ", ".join(BUILT_IN)
        raise UsageError(f"unknown backbone {name_or_path!r}: use one of {known}, or a path to a .json or .toml file")
    config = config_from_json(read_settings(file, "the backbone's config"), source=str(file))
    folder = Path(name_or_path) if built_in else file.parent.resolve()
    anchored: dict[str, Any] = {key: str(folder / path) for key in _PATHS if (path := getattr(config, key))}
    return dataclasses.replace(config, **anchored)


def config_from_json(data: object, source: str) -> BackboneConfig:
    """A config from the keys of a JSON or TOML object. source: what to call it in an error."""
    if not isinstance(data, Mapping):
        raise UsageError(f"{source}: must be an object with the backbone's settings")
    fields = {field.name: field for field in dataclasses.fields(BackboneConfig)}
    data = {key: value for key, value in data.items() if key != _TRAINED_WITH}
    for key in data:
        if key not in fields:
            raise UsageError(f"{source}: unknown key {key!r}; known keys: {', '.join(fields)}")
    for name, field in fields.items():
        if name not in data and field.default is dataclasses.MISSING:
            raise UsageError(f"{source}: missing key {name!r}")
    hints = get_type_hints(BackboneConfig)
    values: dict[str, Any] = {key: _checked(source, key, value, hints[key]) for key, value in data.items()}
    config = BackboneConfig(**values)
    if config.output == "map" and config.pooling == "none":
        raise UsageError(f"{source}: key 'pooling': a backbone whose output is 'map' needs a pooling other than 'none'")
    if (config.format == "efficientnet_lite0") != bool(config.graph):
        raise UsageError(f"{source}: key 'graph': goes with format 'efficientnet_lite0', and with no other")
    if config.graph_int8 and not config.graph:
        raise UsageError(f"{source}: key 'graph_int8': goes with key 'graph'")
    return config


def config_to_json(config: BackboneConfig) -> dict[str, Any]:
    """What ``config_from_json`` takes."""
    values = dataclasses.asdict(config)
    return {key: list(value) if isinstance(value, tuple) else value for key, value in values.items()}


def _checked(source: str, key: str, value: Any, hint: Any) -> object:
    """``value`` as the field's type, or a UsageError. A bool, which Python counts among the integers, is no number."""
    if get_origin(hint) is Literal:
        wanted, right = "one of " + ", ".join(map(repr, get_args(hint))), value in get_args(hint)
    elif hint is float:
        wanted, right = "a number between 0 and 1", type(value) in (int, float) and 0 < value < 1
    elif hint is bool:
        wanted, right = "true or false", type(value) is bool
    elif hint is int:
        wanted, right = "a positive integer", type(value) is int and value > 0
    elif hint is str:
        wanted, right = "a string", isinstance(value, str)
    else:
        wanted = "three numbers" if key == "mean" else "three positive numbers"
        right = isinstance(value, list) and len(value) == 3 and all(type(item) in (int, float) for item in value)
        right = right and (key == "mean" or min(value) > 0)
    if not right:
        raise UsageError(f"{source}: key {key!r} must be {wanted}, not {value!r}")
    return tuple(map(float, value)) if isinstance(value, list) else value


@dataclasses.dataclass(frozen=True, slots=True)
class Embedder:
    """A backbone ready to run: session, pooling, whitening. ``embed`` may be called from several threads.

    batch: frames a run. On the CPU a few are fastest, since their activations stay in the cache; a GPU wants many.
    """

    config: BackboneConfig
    session: Session
    whitening: Whitening | None
    batch: int

    @classmethod
    def open(cls, config: BackboneConfig, device: Device = "cpu", threads: int = 1) -> Embedder:
        """Loads every file, checks its digest, and tries the whole chain on one frame."""
        whitening = Whitening.load(config.whitening, config.whitening_sha256) if config.whitening else None
        embedder = cls(config, open_session(config, device, threads), whitening, batch=32 if device == "cuda" else 4)
        embedder._check_shapes()
        return embedder

    def embed(self, frames: NDArray[np.uint8]) -> NDArray[np.float32]:
        """uint8[N, S, S, 3] RGB frames, S the config's input size → float32[N, D] rows of unit L2 norm."""
        self._check_frames(frames)
        if not len(frames):
            return np.empty((0, self.config.dimension), np.float32)
        return self._whiten(np.concatenate([self._pool(output) for output in self._outputs(frames)]))

    def embed_with_regions(self, frames: NDArray[np.uint8]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """As ``embed``, of at least one frame, and from the same forward pass the maxima of regions of its map:
        float32[N, R, C] (pooling.max_regions). UsageError where the backbone gives none."""
        if self.config.output != "map":
            raise UsageError(f"backbone {self.config.name!r} gives one vector a frame, and no map that has regions")
        self._check_frames(frames)
        each = [(self._pool(output), max_regions(output)) for output in self._outputs(frames)]
        pooled, regions = (np.concatenate(arrays) for arrays in zip(*each, strict=True))
        return self._whiten(pooled), regions

    def _check_frames(self, frames: NDArray[np.uint8]) -> None:
        size = self.config.input_size
        if frames.dtype != np.uint8 or frames.shape[1:] != (size, size, 3):
            raise ValueError(f"frames must be uint8[N, {size}, {size}, 3], not {frames.dtype}{list(frames.shape)}")

    def _outputs(self, frames: NDArray[np.uint8]) -> Iterator[NDArray[np.float32]]:
        """Of the network, a batch at a time."""
        return (self.session.run(frames[i : i + self.batch]) for i in range(0, len(frames), self.batch))

    def _pool(self, output: NDArray[np.float32]) -> NDArray[np.float32]:
        return pool(output, self.config.pooling) if self.config.output == "map" else unit(output)

    def _whiten(self, pooled: NDArray[np.float32]) -> NDArray[np.float32]:
        """All rows at once: a matrix product of a few rows wakes more BLAS threads than it feeds."""
        return self.whitening.apply(pooled) if self.whitening else pooled

    def _check_shapes(self) -> None:
        config = self.config
        try:
            output = self.session.run(np.zeros((1, config.input_size, config.input_size, 3), np.uint8))
        except Exception as error:  # each runtime has its own; whichever it is, the network does not fit the config
            raise CliptraceError(
                f"{config.path}: fails on a frame of {config.input_size}x{config.input_size} pixels: {error}"
            ) from error
        if output.ndim != (4 if config.output == "map" else 2):
            wanted = "[N, C, h, w]" if config.output == "map" else "[N, C]"
            raise CliptraceError(
                f"{config.path}: its output has shape {list(output.shape)}, but the config says "
                f"output = {config.output!r}, which is {wanted}"
            )
        if self.whitening and len(self.whitening.mean) != output.shape[1]:
            raise CliptraceError(
                f"{config.whitening}: whitens {len(self.whitening.mean)} channels, "
                f"but {config.path} has {output.shape[1]}"
            )
        dimension = self._whiten(self._pool(output)).shape[1]
        if dimension != config.dimension:
            raise CliptraceError(
                f"{config.path}: its embeddings have {dimension} numbers, but the config says "
                f"dimension = {config.dimension}"
            )
