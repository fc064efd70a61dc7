"""What ActivityNet, THUMOS14 and "Video Re-localization" publish, read from their own files.

| set | file | what is in it |
| --- | --- | --- |
| activitynet | v1.2, v1.3: .json | {"database": {id: {"duration", "subset", "annotations": [{"segment", "label"}]}}} |
| activitynet | BMN's .json | {"v_" + id: {"duration_second", "annotations"}}; no subsets |
| thumos14 | .json | as ActivityNet's; no durations |
| thumos14 | *_Annotation.csv | video, type, type_idx, start, end, …; no durations |
| thumos14 | *_groundtruth.csv | video-name, t-init, t-end, …, video-duration, …, label-idx |
| video_reloc | train, val, test: .json | [{"id", "location", "groundtruth", "label"}], in steps of the features |
| video_reloc | length.json | {id: {"n_feat", "n_frames"}} |

All times are seconds but for video_reloc. Segments of no length and those that THUMOS14 calls ambiguous are left out.
"""

from __future__ import annotations

import csv
import dataclasses
import itertools
import json
import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from cliptrace.schemas.errors import UsageError


@dataclasses.dataclass(frozen=True, slots=True)
class Segment:
    start_s: float
    end_s: float
    label: str


@dataclasses.dataclass(frozen=True, slots=True)
class Video:
    """duration_s: None where the file does not say. subset: "training", "validation", "testing", or "" where the file
    does not say."""

    id: str
    duration_s: float | None
    subset: str
    segments: tuple[Segment, ...]


@dataclasses.dataclass(frozen=True, slots=True)
class Piece:
    """A piece of a video, start and end in steps of its features, and the moment within, in steps of the video, too.
    steps: of the whole video."""

    id: str
    label: str
    start: int
    end: int
    moment: tuple[int, int]
    steps: int


SHARES: Mapping[str, Mapping[str, float]] = {
    "activitynet": {"training": 0.8, "validation": 0.1, "testing": 0.1},
    "thumos14": {"training": 0.7, "testing": 0.3},
}
"""Of the labels: 80, 10 and 10 of v1.2's 100, 160, 20 and 20 of v1.3's 200; 14 and 6 of 20 (§5.1)."""
FALSELY_ANNOTATED = ("video_test_0000270", "video_test_0001496")
"""Of THUMOS14; the paper leaves them out (§5.1.2)."""
THUMOS14_LABELS = (
    "BaseballPitch",
    "BasketballDunk",
    "Billiards",
    "CleanAndJerk",
    "CliffDiving",
    "CricketBowling",
    "CricketShot",
    "Diving",
    "FrisbeeCatch",
    "GolfSwing",
    "HammerThrow",
    "HighJump",
    "JavelinThrow",
    "LongJump",
    "PoleVault",
    "Shotput",
    "SoccerPenalty",
    "TennisSwing",
    "ThrowDiscus",
    "VolleyballSpiking",
)
"""By the number that *_groundtruth.csv has for them."""
_AMBIGUOUS = "Ambiguous"
_SUBSETS = {"train": "training", "val": "validation", "test": "testing"}


def activitynet(files: Sequence[Path]) -> list[Video]:
    """UsageError that names the file, where one is not what it should be."""
    return _all(files, _json_videos)


def thumos14(files: Sequence[Path]) -> list[Video]:
    """Without the two that are falsely annotated. UsageError as above."""
    videos = _all(files, lambda file: _csv_videos(file) if file.suffix == ".csv" else _json_videos(file))
    return [
        dataclasses.replace(video, subset="testing" if video.id.startswith("video_test") else "training")
        for video in videos
        if video.id not in FALSELY_ANNOTATED
    ]


def video_reloc(files: Sequence[Path]) -> dict[str, list[Piece]]:
    """By split, "training", "validation" and "testing". UsageError as above."""
    named = {file.stem: file for file in files}
    if not {*_SUBSETS, "length"} <= named.keys():
        raise UsageError(f"{', '.join(map(str, files))}: give train.json, val.json, test.json and length.json")
    lengths = _json(named["length"], dict)
    return {split: _pieces(named[name], named["length"], lengths) for name, split in _SUBSETS.items()}


def split_labels(labels: Iterable[str], shares: Mapping[str, float], seed: int) -> dict[str, frozenset[str]]:
    """Labels drawn by a seed: so large a share of them for each split. The paper does not publish its own lists."""
    order = np.random.default_rng(seed).permutation(sorted(set(labels))).tolist()
    ends = np.rint(np.cumsum([0, *shares.values()]) * len(order)).astype(int).tolist()
    return {
        split: frozenset(order[start:end]) for split, (start, end) in zip(shares, itertools.pairwise(ends), strict=True)
    }


def _all(files: Sequence[Path], read: Callable[[Path], Iterable[Video]]) -> list[Video]:
    videos: dict[str, Video] = {}
    for file in files:
        for video in read(file):
            if video.id in videos:
                raise UsageError(f"{file}: video {video.id!r} is in another file, too; give one of the two")
            videos[video.id] = video
    return list(videos.values())


def _json_videos(file: Path) -> Iterator[Video]:
    content = _json(file, dict)
    official = "database" in content
    try:
        for name, each in (content["database"] if official else content).items():
            duration = each.get("duration" if official else "duration_second")
            segments = [
                Segment(float(start), float(end), str(annotation["label"]))
                for annotation in each["annotations"]
                for start, end in [annotation["segment"]]
            ]
            yield Video(
                name if official else name.removeprefix("v_"),
                None if duration is None else float(duration),
                each.get("subset", ""),
                _used(file, segments),
            )
    except (KeyError, AttributeError, TypeError, ValueError) as error:
        raise UsageError(f"{file}: not annotations of ActivityNet's form: {error!r}") from error


def _csv_videos(file: Path) -> list[Video]:
    segments: defaultdict[str, list[Segment]] = defaultdict(list)
    durations: dict[str, float] = {}
    with file.open(encoding="utf-8", newline="") as lines:
        rows = csv.DictReader(lines)
        for row in rows:
            try:
                if "video-name" in row:
                    name, number = row["video-name"], int(row["label-idx"])
                    label = THUMOS14_LABELS[number] if number >= 0 else _AMBIGUOUS
                    start, end = row["t-init"], row["t-end"]
                    durations[name] = float(row["video-duration"])
                else:
                    name, label, start, end = (row[column] for column in ("video", "type", "start", "end"))
                segments[name].append(Segment(float(start), float(end), label))
            except (KeyError, IndexError, TypeError, ValueError) as error:
                raise UsageError(f"{file}, line {rows.line_num}: not an annotation of THUMOS14: {error!r}") from error
    return [Video(name, durations.get(name), "", _used(file, each)) for name, each in segments.items()]


def _used(file: Path, segments: Iterable[Segment]) -> tuple[Segment, ...]:
    used = [each for each in segments if each.label != _AMBIGUOUS and each.start_s != each.end_s]
    for each in used:
        if not 0 <= each.start_s < each.end_s < math.inf:
            raise UsageError(f"{file}: a segment from {each.start_s:g} to {each.end_s:g} s")
    return tuple(used)


def _pieces(file: Path, of_lengths: Path, lengths: Mapping[str, Any]) -> list[Piece]:
    pieces = []
    for number, each in enumerate(_json(file, list)):
        try:
            start, end = map(int, each["location"])
            first, last = map(int, each["groundtruth"])
            piece = Piece(each["id"], str(each["label"]), start, end, (start + first, start + last), 0)
        except (KeyError, TypeError, ValueError) as error:
            raise UsageError(f"{file}, entry {number}: not a piece with location, groundtruth, label, id") from error
        try:
            steps = int(lengths[piece.id]["n_feat"])
        except (KeyError, TypeError, ValueError) as error:
            raise UsageError(f"{of_lengths}: no n_feat of video {piece.id!r}") from error
        if not 0 <= start <= piece.moment[0] < piece.moment[1] <= end <= steps:
            raise UsageError(
                f"{file}, entry {number}: location {[start, end]} and groundtruth {[first, last]} do not fit into "
                f"{steps} steps"
            )
        pieces.append(dataclasses.replace(piece, steps=steps))
    return pieces


def _json(file: Path, kind: type) -> Any:
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise UsageError(f"{file}: cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise UsageError(f"{file}: not valid JSON: {error}") from error
    if not isinstance(content, kind):
        raise UsageError(f"{file}: not a JSON {'object' if kind is dict else 'list'}")
    return content
