"""People who fall, as they were filmed: a moment that begins without a cut (GMDCSA24, subjects 3 and 4).

A query is a fall; the reference is another video with a fall, between two of everyday life of the same two people, some
of them in other rooms. No training has seen these people; bars are chosen on a split with one of them. Of everyday life
there is little, so references share it.
"""

from __future__ import annotations

import csv
import dataclasses
import re
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cliptrace.models.clips.appearance_motion import STEP_S
from cliptrace.models.relocalization.example import Example
from cliptrace.models.relocalization.footage import Clip
from cliptrace.models.relocalization.steps import covered
from cliptrace.models.training.batches import Random

Floats = NDArray[np.float32]

KIND = "falls, uncut"
_SUBJECTS = ("Subject 3", "Subject 4")
_EVERYDAY = "ADL"
_NONE = np.empty((0, 2), np.float32)
_FALL = re.compile(r"Fall(?:ing)? ?\(\w\w\)? ?\[ ?([\d.]+) (?:to )?([\d.]+)\]")
"""As the annotations write it, forgotten brackets included."""


@dataclasses.dataclass(frozen=True, slots=True)
class Filmed:
    """features: float32[K, D]. falls: float32[M, 2], in steps; M is 0 in everyday life, and else 1 at least."""

    features: Floats
    falls: Floats


def filmed(clips: Mapping[Path, Clip]) -> list[Filmed]:
    """clips: by file, those of other footage among them. Left out are falls that begin with their file, at a cut, and
    those of which nobody says when."""
    found = []
    for path, clip in sorted(clips.items()):
        if path.parent.parent.name in _SUBJECTS:
            spans = read_falls(path.parent.with_suffix(".csv"))[path.name]
            if path.parent.name == _EVERYDAY or (len(spans) and spans[0, 0] > 0):
                features = clip.steps[1].astype(np.float32)
                found.append(Filmed(features, (spans / STEP_S).clip(0, len(features)).astype(np.float32)))
    return found


def read_falls(path: Path) -> dict[str, Floats]:
    """The annotations of a folder: by file float32[M, 2], seconds."""
    with path.open(newline="", encoding="utf-8") as rows:
        return {
            row[0]: np.array(_FALL.findall(row[-1]), np.float32).reshape(-1, 2) for row in list(csv.reader(rows))[1:]
        }


def asked(videos: list[Filmed], random: Random) -> tuple[list[Example], list[Example]]:
    """The first fall of every video, in every other video with one; and as often in references without any."""
    falls, everyday = ([video for video in videos if bool(len(video.falls)) == falls] for falls in (True, False))
    there, absent = [], []
    for query in falls:
        clip = covered(query.features, query.falls[0])
        for reference in falls:
            if reference is not query:
                drawn = [everyday[number] for number in random.permutation(len(everyday))[:3]]
                there.append(_between(clip, drawn[0], reference, drawn[1]))
                absent.append(_between(clip, *drawn))
    return there, absent


def _between(query: Floats, before: Filmed, video: Filmed, after: Filmed) -> Example:
    features = np.concatenate([before.features, video.features, after.features])
    moments = video.falls + np.float32(len(before.features)) if len(video.falls) else _NONE
    return Example(query, features, moments, _NONE, KIND)
