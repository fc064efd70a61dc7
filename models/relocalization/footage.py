"""Footage as moments are composed from it: every clip at several speeds, what is seen and what moves in each step."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cliptrace.models.backbones.registry import load_config
from cliptrace.models.clips.appearance_motion import BACKBONE, Projection, open_projection, step_parts
from cliptrace.models.runtime import open_session
from cliptrace.models.training.edits import squeezed
from cliptrace.models.training.footage import files_below, is_video, read_video
from cliptrace.models.training.variants import Features, kept
from cliptrace.schemas.config import BASIS_FPS, DEFAULT_CLIPS
from cliptrace.schemas.errors import UsageError

SPEEDS = (0.75, 1.0, 1.5)
"""At which clips with a label are seen, too; others are as they are."""
_LONGEST_S = 60.0
"""Of a clip that are used, at its own speed."""


@dataclasses.dataclass(frozen=True, slots=True)
class Clip:
    """One clip. label: what happens in it; "" where nobody has said so.

    steps: by speed float16[K, 2624] as ``step_parts`` makes them, or what they were projected to; 1, as it was
    recorded, is one of the speeds.
    """

    label: str
    steps: Mapping[float, NDArray[np.float16]]


def step_features(
    paths: Sequence[Path], speeds: Sequence[float], cache: Path
) -> list[dict[float, NDArray[np.float16]]]:
    """Of each video, by speed, float16[K, 2624]. Found again in ``cache``."""
    backbone = load_config(BACKBONE)
    session = open_session(backbone)

    def make(number: int) -> Features:
        features: Features = {}
        for speed in speeds:
            frames = read_video(paths[number], BASIS_FPS / speed)[: round(_LONGEST_S * BASIS_FPS / speed)]
            if not len(frames):
                raise UsageError(f"{paths[number]}: no frame; remove it")
            squares = np.stack([squeezed(frame, backbone.input_size) for frame in frames])
            features[f"{speed:g}"] = step_parts(squares, session).astype(np.float16)[None]
        return features

    made = kept(cache, f"{backbone.sha256} {speeds} {_LONGEST_S} {paths}", len(paths), make)
    return [{speed: each[f"{speed:g}"][0] for speed in speeds} for each in made]


def projected(clip: Clip, projection: Projection) -> Clip:
    """With what a clip encoder makes of its steps."""
    steps = {s: projection.apply(each.astype(np.float32)).astype(np.float16) for s, each in clip.steps.items()}
    return dataclasses.replace(clip, steps=steps)


def clips_below(folders: Sequence[Path], cache: Path) -> list[Clip]:
    """All videos below these folders. What is in a folder within shows what that is called; what is in none has no
    label. UsageError where no label has two videos, or there is nothing else than one label."""
    labels = {path: label_of(path, folder) for folder in folders for path in files_below([folder]) if is_video(path)}
    counts = Counter(label for label in labels.values() if label)
    told = ", ".join(map(str, folders))
    if max(counts.values(), default=0) < 2:
        raise UsageError(f"{told}: no folder within has two videos: put those that show the same into one folder")
    if len(counts) < 2 and all(labels.values()):
        raise UsageError(
            f"{told}: all videos show {next(iter(counts))!r}: add some that show something else, in another folder or "
            "in none, for the time between moments"
        )
    projection, _ = open_projection(DEFAULT_CLIPS)
    clips: list[Clip] = []
    for name, speeds in (("labelled", SPEEDS), ("others", (1.0,))):
        paths = [path for path, label in labels.items() if bool(label) == (name == "labelled")]
        made = step_features(paths, speeds, cache / name)
        clips += [projected(Clip(labels[path], steps), projection) for path, steps in zip(paths, made, strict=True)]
    return clips


def label_of(path: Path, folder: Path) -> str:
    """The folders between a video and the one that was given."""
    return "/".join(path.relative_to(folder).parts[:-1])
