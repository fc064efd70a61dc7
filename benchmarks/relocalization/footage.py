"""The clips that moments are composed from, by split: games and signs with labels, and footage without.

Labels, and groups of footage that belong together, are in one split. What may not be learned from is in no training:
signs are asked in validation (every third) and in the test split, games under the GPL in the test split.
"""

from __future__ import annotations

import csv
import dataclasses
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from benchmarks.attacks.splits import Split
from benchmarks.relocalization.uncut import Filmed, filmed
from benchmarks.star_gnn.footage import find_videos
from cliptrace.models.clips.appearance_motion import Projection
from cliptrace.models.relocalization.config import DIMENSION
from cliptrace.models.relocalization.footage import SPEEDS, Clip, projected, step_features

_SIGN = "sign_"


@dataclasses.dataclass(frozen=True, slots=True)
class Clips:
    """uncut: asked in the test split, of people who are in no training. projection: fitted on the training split."""

    train: list[Clip]
    validation: list[Clip]
    test: list[Clip]
    uncut: list[Filmed]
    projection: Projection


def load(cache: Path) -> Clips:
    """cache: where features are found again. UsageError where the footage is not there."""
    splits = {video.path: video.split for video in find_videos()}
    root = next(path for path in splits if "wlasl" in path.parts).parents[3]
    labelled = _listed(root / "actions")
    others = [path for name in ("footage", "pool") for path in _listed(root / name)]
    raw = {
        **_clips(labelled, SPEEDS, cache / "labelled", has_labels=True),
        **_clips(others, (1.0,), cache / "others", has_labels=False),
    }
    signs = sorted({clip.label for clip in raw.values() if clip.label.startswith(_SIGN)})
    parts: dict[Split, list[Path]] = {"train": [], "validation": [], "test": []}
    for path in (each for each in raw if each in splits):
        parts["validation" if raw[path].label in signs[::3] else splits[path]].append(path)
    seen = np.concatenate([raw[path].steps[1] for path in parts["train"]]).astype(np.float32)
    projection = Projection.fit(seen, DIMENSION)
    clips = {path: projected(clip, projection) for path, clip in raw.items()}
    train, validation, test = ([clips[path] for path in parts[split]] for split in ("train", "validation", "test"))
    return Clips(train, validation, test, filmed(clips), projection)


def _listed(folder: Path) -> list[Path]:
    with (folder / "MANIFEST.tsv").open(newline="", encoding="utf-8") as rows:
        return [folder / row["path"] for row in csv.DictReader(rows, delimiter="\t")]


def _clips(paths: Sequence[Path], speeds: tuple[float, ...], cache: Path, has_labels: bool) -> dict[Path, Clip]:
    made = step_features(paths, speeds, cache)
    return {path: Clip(path.parent.name if has_labels else "", steps) for path, steps in zip(paths, made, strict=True)}
