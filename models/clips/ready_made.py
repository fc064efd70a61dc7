"""Clip features that somebody else has made, as data sets publish them, described by a config file."""

from __future__ import annotations

import dataclasses
import json
import math
from pathlib import Path, PurePath

import numpy as np
from numpy.typing import NDArray

from cliptrace.models.backbones.pooling import unit
from cliptrace.models.clips.described import read_description, rules_of_steps
from cliptrace.models.clips.files import FeatureFiles
from cliptrace.models.weights import sha256_of
from cliptrace.schemas.errors import MediaError, UsageError

Floats = NDArray[np.float32]


@dataclasses.dataclass(frozen=True, slots=True)
class ReadyMadeConfig:
    """name: which features these are; two descriptions that differ in nothing but their files are of the same ones.
    features: the HDF5 file or the folder (models/clips/files.py). dimension: of a feature. step_s: seconds that one
    stands for in a gallery, a whole number of eighths, however many features a second the files have."""

    name: str
    features: str
    dimension: int
    step_s: float = 0.5


class ReadyMade:
    """What stands in for a clip encoder: features are found by the name of a video's file, without its suffix."""

    def __init__(self, config: ReadyMadeConfig) -> None:
        self.dimension, self.step_s = config.dimension, config.step_s
        self.sha256 = sha256_of(json.dumps(dataclasses.asdict(config) | {"features": ""}, sort_keys=True).encode())
        self._files = FeatureFiles(Path(config.features), config.dimension)

    @staticmethod
    def describes(path: str) -> bool:
        """Whether this file is about features, not about a network. UsageError where it cannot be read."""
        return "features" in read_description(path)

    @classmethod
    def open(cls, path: str) -> ReadyMade:
        """path: of a .json or .toml file with the keys of ReadyMadeConfig; ``features`` is relative to it. UsageError
        where it is not what it must be, or the features are gone."""
        file = Path(path)
        try:
            config = ReadyMadeConfig(**read_description(path))
            config = dataclasses.replace(config, features=str(file.parent.resolve() / config.features))
        except TypeError as error:
            raise UsageError(f"{file}: does not describe features: {error}") from error
        for rule, holds in rules_of_steps(config.name, config.dimension, config.step_s).items():
            if not holds:
                raise UsageError(f"{file}: {rule}")
        return cls(config)

    def clips(self, video: str, seconds: float) -> Floats:
        """float32[K, D], a row a step of a video of so many seconds, of unit L2 norm: the mean of the features within.
        The files' features are taken to be spread evenly over the video. MediaError where it has none.

        video: path or URI of its file.
        """
        try:
            rows = self._files.read(PurePath(video).stem)
        except UsageError as error:
            raise MediaError(str(error)) from error
        steps = max(math.ceil(seconds / self.step_s), 1)
        edges = np.arange(steps + 1) * self.step_s / seconds * len(rows)
        starts = np.minimum(edges[:-1].astype(np.intp), len(rows) - 1)
        ends = np.maximum(np.minimum(np.ceil(edges[1:]).astype(np.intp), len(rows)), starts + 1)
        return unit(np.stack([rows[start:end].mean(axis=0) for start, end in zip(starts, ends, strict=True)]))
