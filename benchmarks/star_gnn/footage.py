"""Which videos a split has: footage, more of it in pool/ beside that folder, and recordings of games and signs in
actions/. What belongs together, by its folder, game or group of copies, is in one split.
"""

from __future__ import annotations

import csv
import dataclasses
import hashlib
import re
from pathlib import Path

from benchmarks.attacks.splits import Split, find_footage, left_out, split_of
from benchmarks.look_alike.sources import FORBIDDEN
from cliptrace.schemas.errors import UsageError

_SHARES: tuple[tuple[Split, float], ...] = (("train", 0.5), ("validation", 0.7), ("test", 1.0))
"""Of families, up to which each split takes them."""
_SIGNS = "wlasl"
"""Folder of short videos of one kind, of which many are needed and none is a query."""


@dataclasses.dataclass(frozen=True, slots=True)
class Video:
    """family: what belongs to the same split. distractor: of a collection that no query is drawn from."""

    path: Path
    family: str
    split: Split
    distractor: bool = False


def find_videos() -> list[Video]:
    """UsageError where CLIPTRACE_FOOTAGE names no footage that lies beside pool/ and actions/."""
    footage = find_footage()
    if not footage.families:
        raise UsageError("CLIPTRACE_FOOTAGE must name a folder with a MANIFEST.tsv, beside pool/ and actions/")
    videos = [
        Video(footage.root / path, path.rsplit("/", 1)[0], split)
        for path in footage.paths
        if not left_out(path) and (split := split_of(path))
    ]
    rows = [
        (footage.root.parent / name, row) for name in ("pool", "actions") for row in _rows(footage.root.parent / name)
    ]
    for_measuring = {_family(root, row) for root, row in rows if any(word in row["licence"] for word in FORBIDDEN)}
    for root, row in rows:
        family = _family(root, row)
        split = "test" if family in for_measuring else _drawn(family)
        videos.append(Video(root / row["path"], family, split, distractor=family == _SIGNS))
    return videos


def _rows(root: Path) -> list[dict[str, str]]:
    with (root / "MANIFEST.tsv").open(newline="", encoding="utf-8") as rows:
        return list(csv.DictReader(rows, delimiter="\t"))


def _family(root: Path, row: dict[str, str]) -> str:
    folder = row["path"].split("/")[0]
    if root.name == "actions":
        return _SIGNS if folder == _SIGNS else row["label"]
    copies = re.search(r"copy_group=(\w+)", row["notes"])
    return copies[1] if copies else folder


def _drawn(family: str) -> Split:
    place = int(hashlib.sha256(family.encode()).hexdigest(), 16) % 1000 / 1000
    return next(split for split, share in _SHARES if place < share)
