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
from cliptrace.schemas.records import VideoInfo

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
        except TypeError as error:
            raise UsageError(f"{file}: does not describe features: {error}") from error
        rules = rules_of_steps(config.name, config.dimension, config.step_s)
        rules["features must be a text"] = isinstance(config.features, str)
        for rule, holds in rules.items():
            if not holds:
                raise UsageError(f"{file}: {rule}")
        features = str(file.parent.resolve() / config.features)
        config = dataclasses.replace(config, features=features, step_s=float(config.step_s))
        return cls(config)

    def check(self, video: str, info: VideoInfo) -> None:
        """MediaError where a video has none, or does not say how long it is, so that they are nowhere in it. video:
        path or URI of its file."""
        if PurePath(video).stem not in self._files:
            raise MediaError(f"{self._files.path}: no features of video {PurePath(video).stem!r}")
        if not info.has_duration:
            raise MediaError("its container does not say how long it is, over which its features are spread: remux it")

    def clips(self, video: str, info: VideoInfo) -> Floats:
        """float32[K, D], a row a step of the video, of unit L2 norm: the mean of the features within, which are taken
        to be spread evenly over it. MediaError as ``check``, and where they are damaged; UsageError where the file of
        all videos cannot be read."""
        self.check(video, info)
        try:
            rows = self._files.read(PurePath(video).stem)
        except UsageError as error:
            raise MediaError(str(error)) from error
        return _in_steps(rows, info.duration_s, self.step_s)


def _in_steps(rows: Floats, seconds: float, step_s: float) -> Floats:
    steps = math.ceil(seconds / step_s)
    edges = np.arange(steps + 1) * step_s / seconds * len(rows)
    starts = np.minimum(edges[:-1].astype(np.intp), len(rows) - 1)
    ends = np.maximum(np.minimum(np.ceil(edges[1:]).astype(np.intp), len(rows)), starts + 1)
    means = np.stack([rows[start:end].mean(axis=0, dtype=np.float64) for start, end in zip(starts, ends, strict=True)])
    largest = np.abs(means).max(axis=1, keepdims=True)
    return unit((means / np.where(largest > 0, largest, 1)).astype(np.float32))  # squares of large ones overflow
