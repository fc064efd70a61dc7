"""Footage as moments are composed from it: every clip at several speeds, what is seen and what moves in each step."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cliptrace.models.backbones.registry import load_config
from cliptrace.models.clips.appearance_motion import BACKBONE, step_parts
from cliptrace.models.runtime import open_session
from cliptrace.models.training.edits import squeezed
from cliptrace.models.training.footage import read_video
from cliptrace.models.training.variants import Features, kept
from cliptrace.schemas.config import BASIS_FPS
from cliptrace.schemas.errors import UsageError

_LONGEST_S = 60.0
"""Of a clip that are used, at its own speed."""


@dataclasses.dataclass(frozen=True, slots=True)
class Clip:
    """One clip. label: what happens in it; "" where nobody has said so. source: who or what recorded it.

    speeds: float64[V]. steps: for each speed float16[K, 2624] as ``step_parts`` makes them, or what they were projected
    to.
    """

    label: str
    source: str
    speeds: tuple[float, ...]
    steps: tuple[NDArray[np.float16], ...]


def step_features(paths: Sequence[Path], speeds: Sequence[float], cache: Path) -> list[tuple[NDArray[np.float16], ...]]:
    """Of each video and speed: float16[K, 2624]. Found again in ``cache``."""
    backbone = load_config(BACKBONE)
    session = open_session(backbone)

    def make(number: int) -> Features:
        features: Features = {}
        for speed in speeds:
            frames = read_video(paths[number], BASIS_FPS / speed)[: round(_LONGEST_S * BASIS_FPS / speed)]
            if not len(frames):
                raise UsageError(f"{paths[number]}: no frame; remove it")
            squares = np.stack([squeezed(frame, backbone.input_size) for frame in frames])
            features[f"{speed:g}"] = step_parts(squares, session).astype(np.float16)
        return features

    made = kept(cache, f"{backbone.sha256} {list(speeds)} {_LONGEST_S} {list(paths)}", len(paths), make)
    return [tuple(each[f"{speed:g}"] for speed in speeds) for each in made]
