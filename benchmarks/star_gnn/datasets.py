"""What SVD, FIVR-200K, VCDB and CC_WEB_VIDEO publish, read from their own files: who asks, and what is right.

| set | files below its folder | protocol |
| --- | --- | --- |
| svd | metadata/: test_groundtruth or groundtruth; unlabeled-data-id | a query's labelled videos, and all unlabelled |
| fivr | annotation.json | DSVR: ND and DS are right; CS, IS and all others are wrong |
| vcdb | annotation/*.txt | all videos that share a segment are right |
| cc_web | cc_web_video.json, as ViSiL and DnS have it | E, S, L, M and V are right; "excluded" takes no part |
"""

from __future__ import annotations

import dataclasses
import json
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from cliptrace.schemas.errors import UsageError


@dataclasses.dataclass(frozen=True, slots=True)
class Published:
    """By query: right, the videos that are right; among, those that take part, or None for all but ``without``."""

    right: Mapping[str, frozenset[str]]
    among: Mapping[str, frozenset[str]] | None = None
    without: Mapping[str, frozenset[str]] = dataclasses.field(default_factory=dict)

    def takes_part(self, query: str, video: str) -> bool:
        if video == query or video in self.without.get(query, frozenset()):
            return False
        return self.among is None or video in self.among[query]


def read(dataset: str, folder: Path) -> Published:
    """UsageError that names the file, where one is missing or not what it should be."""
    return READERS[dataset](folder)


def svd(folder: Path) -> Published:
    """Lines of "query video 0|1"."""
    right: defaultdict[str, set[str]] = defaultdict(set)
    labelled: defaultdict[str, set[str]] = defaultdict(set)
    for file, number, line in _lines(_first(folder, "metadata/test_groundtruth", "metadata/groundtruth")):
        parts = line.split()
        if len(parts) < 3 or parts[-1] not in ("0", "1"):
            raise UsageError(f'{file}, line {number}: {line!r} is not "query video 0" or "query video 1"')
        labelled[parts[0]].add(parts[1])
        if parts[-1] == "1":
            right[parts[0]].add(parts[1])
    others = frozenset(line for _, _, line in _lines(_first(folder, "metadata/unlabeled-data-id")))
    return Published(_frozen(right), {query: frozenset(labelled[query]) | others for query in labelled})


def fivr(folder: Path) -> Published:
    """{"query": {"ND": [videos], "DS": […], "CS": […], "IS": […]}}."""
    file = _first(folder, "annotation.json", "dataset/annotation.json")
    content = _json(file)
    try:
        right = {query: frozenset([*lists.get("ND", ()), *lists.get("DS", ())]) for query, lists in content.items()}
    except (AttributeError, TypeError) as error:
        raise UsageError(f"{file}: not FIVR's annotation: {error}") from error
    return Published({query: videos for query, videos in right.items() if videos})


def vcdb(folder: Path) -> Published:
    """Lines of "video,video,start,end,start,end", times as HH:MM:SS."""
    right: defaultdict[str, set[str]] = defaultdict(set)
    files = sorted((folder / "annotation").glob("*.txt"))
    if not files:
        raise UsageError(f"{folder / 'annotation'}: no *.txt in it; VCDB's annotation files are needed")
    for each in files:
        for file, number, line in _lines(each):
            parts = line.split(",")
            if len(parts) != 6:
                raise UsageError(f'{file}, line {number}: {line!r} is not "video,video,start,end,start,end"')
            first, second = (Path(part.strip()).stem for part in parts[:2])
            if first != second:
                right[first].add(second)
                right[second].add(first)
    return Published(_frozen(right))


def cc_web(folder: Path) -> Published:
    """{"index": {video: number}, "queries": [video], "ground_truth": [{number: label}], "excluded": [[number]]}."""
    file = _first(folder, "cc_web_video.json")
    content = _json(file)
    try:
        names = {str(number): video for video, number in content["index"].items()}
        right, without = {}, {}
        for query, labels, excluded in zip(
            content["queries"], content["ground_truth"], content["excluded"], strict=True
        ):
            alike = (names.get(number, query) for number, label in labels.items() if label in _ALIKE)  # some are gone
            right[query] = frozenset(alike) - {query}
            without[query] = frozenset(names[str(number)] for number in excluded if str(number) in names)
    except (KeyError, AttributeError, TypeError, ValueError) as error:
        raise UsageError(f"{file}: not the ground truth of CC_WEB_VIDEO: {error!r}") from error
    return Published(right, without=without)


_ALIKE = ("E", "S", "L", "M", "V")
READERS: Mapping[str, Callable[[Path], Published]] = {each.__name__: each for each in (svd, fivr, vcdb, cc_web)}


def _frozen(sets: Mapping[str, set[str]]) -> dict[str, frozenset[str]]:
    return {key: frozenset(values) for key, values in sets.items()}


def _first(folder: Path, *names: str) -> Path:
    found = next((folder / name for name in names if (folder / name).is_file()), None)
    if found is None:
        raise UsageError(f"{folder}: has no {' and no '.join(names)}; --data names the folder that has it")
    return found


def _lines(file: Path) -> Iterator[tuple[Path, int, str]]:
    with file.open(encoding="utf-8") as lines:
        for number, line in enumerate(lines, 1):
            if line.strip():
                yield file, number, line.strip()


def _json(file: Path) -> dict[str, Any]:
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
    except ValueError as error:
        raise UsageError(f"{file}: not valid JSON: {error}") from error
    if not isinstance(content, dict):
        raise UsageError(f"{file}: not a JSON object")
    return content
