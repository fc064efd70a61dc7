"""Videos of one split that show the same kind of scene, or the same place on another day, and are no copies."""

from __future__ import annotations

import csv
import itertools
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.attacks.splits import Footage, Split, left_out, split_of
from benchmarks.descriptor.frames import SAME_PICTURE, picture_differences
from benchmarks.harness.features import Keyframes

_SAME_PLACE = ("one fixed camera", "the room and the camera")
"""Why a video was left out of the bench and still is other footage; the others left out show the same frames."""


def look_alikes(footage: Footage, split: Split) -> list[tuple[Path, Path]]:
    """Pairs with one label in MANIFEST.tsv, and pairs of one person's rooms in gmdcsa24. None without a manifest."""
    if not footage.families:
        return []
    groups: defaultdict[str, list[Path]] = defaultdict(list)
    with (footage.root / "MANIFEST.tsv").open(newline="", encoding="utf-8") as rows:
        for row in csv.DictReader(rows, delimiter="\t"):
            path = row["path"]
            room = path.rsplit("/", 2)[0] if path.startswith("gmdcsa24/") else ""
            reason = left_out(path)
            is_new = not reason or reason.startswith(_SAME_PLACE)
            if split_of(path) == split and is_new and (room or row["label"]):
                groups[room or row["label"]].append(footage.root / path)
    return [pair for paths in groups.values() for pair in itertools.combinations(sorted(paths), 2)]


def frame_similarities(
    pairs: Sequence[tuple[Path, Path]], videos: Mapping[Path, Keyframes], thumbs: Mapping[Path, NDArray[np.uint8]]
) -> NDArray[np.float32]:
    """Similarities of every frame of one with every frame of the other, but of those that are the same picture."""
    parts = [np.empty(0, np.float32)]
    for first, second in pairs:
        similarity = videos[first].embeddings @ videos[second].embeddings.T
        parts.append(similarity[picture_differences(thumbs[first], thumbs[second]) >= SAME_PICTURE])
    return np.concatenate(parts)
