"""From the matches of a gallery with itself to groups of whole copies, what they share in part, and which to keep."""

from __future__ import annotations

import dataclasses
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

import pyarrow as pa

from cliptrace.models.alignment.merging import covered
from cliptrace.schemas.config import GROUPS_MIN_SECONDS, KeepRule
from cliptrace.schemas.records import Match
from cliptrace.schemas.verdicts import Link, Policy, segment_to_json
from cliptrace.transforms.results import SEGMENT
from cliptrace.transforms.store import files
from cliptrace.transforms.store.catalogue import Entry
from cliptrace.transforms.storing import to_lines

MOST_DRAWN = 10_000
"""Members of a group from which on only the first are named, and of its parts."""
FIRST_DRAWN = 100

_MEMBER = pa.struct(
    [
        *((name, pa.string()) for name in ("id", "uri")),
        ("score", pa.float64()),
        *((name, pa.int64()) for name in ("width", "height", "bitrate")),
        *((name, pa.float64()) for name in ("seconds", "indexed")),
    ]
)
_PART = pa.struct(
    [
        ("query_id", pa.string()),
        ("query_group", pa.int64()),
        ("ref_id", pa.string()),
        ("ref_group", pa.int64()),
        *((name, pa.float64()) for name in ("score", "query_share", "ref_share")),
        ("segments", pa.list_(SEGMENT)),
    ]
)
_SCHEMA = pa.schema(
    [
        ("group", pa.int64()),
        ("keep", pa.string()),
        ("count", pa.int64()),
        ("members", pa.list_(_MEMBER)),
        ("parts", pa.list_(_PART)),
    ]
)
_ROWS_AT_ONCE = 1000

_BEST: Mapping[KeepRule, Callable[[Entry], float]] = {
    "resolution": lambda entry: entry.video.width * entry.video.height,
    "bitrate": lambda entry: entry.video.size_bytes * 8 / max(entry.video.decoded_s, 1e-3),
    "length": lambda entry: entry.video.decoded_s,
    "oldest": lambda entry: -entry.indexed,
}
"""What a rule wants the most of."""


def keep_first(entries: Iterable[Entry], rules: Sequence[KeepRule]) -> list[Entry]:
    """The one to keep first: by the first rule, ties by the next, and at last by id."""
    return sorted(entries, key=lambda entry: (*(-_BEST[rule](entry) for rule in rules), entry.video.video_id))


def link_of(match: Match) -> Link:
    seconds = covered((segment.query_start, segment.query_end) for segment in match.segments)
    shares = match.query_share, match.ref_share
    return Link(match.ref_id, match.score, seconds, *shares, match.segments, exact=match.exact)


class Families:
    """Which videos are copies of one another as a whole, directly or by others (union-find)."""

    def __init__(self) -> None:
        self._parents: dict[str, str] = {}

    def join(self, one: str, other: str) -> None:
        one, other = sorted((self.head(one), self.head(other)))
        self._parents[one] = self._parents[other] = one

    def head(self, video_id: str) -> str:
        """The same for all of a family."""
        top = video_id
        while (above := self._parents.get(top, top)) != top:
            top = above
        while (above := self._parents.get(video_id, top)) != top:
            self._parents[video_id] = top
            video_id = above
        return top

    def members(self) -> dict[str, list[str]]:
        """By head, of families of two and more; both in order."""
        families: dict[str, list[str]] = defaultdict(list)
        for video_id in sorted(self._parents):
            families[self.head(video_id)].append(video_id)
        return families


@dataclasses.dataclass(frozen=True, slots=True)
class Grouped:
    """heads: of each video's group; alone is who has none. scores: of each member, the best with another of its group.
    parts: matches that make no group, the best of each two videos."""

    groups: dict[str, list[str]]
    heads: dict[str, str]
    scores: dict[str, float]
    parts: list[Match]


def grouped(
    matches: Callable[[], Iterator[Match]], equal: Iterable[Sequence[str]], min_seconds: float = GROUPS_MIN_SECONDS
) -> Grouped:
    """Groups and parts.

    What makes two videos copies as a whole, and what is worth telling, the policy of dedup says as it is by default.

    matches: all of them, anew with each call; two of each two videos at most. equal: ids of videos of the same bytes.
    min_seconds: that two videos share at least, where they make one group.
    """
    policy = Policy()

    def is_whole(match: Match) -> bool:
        link = link_of(match)
        return policy.is_whole(link) and link.seconds >= min_seconds

    families, scores = Families(), defaultdict[str, float](float)
    for copies in equal:
        for other in copies[1:]:
            families.join(copies[0], other)
        scores |= dict.fromkeys(copies, 1.0)
    best: dict[tuple[str, str], Match] = {}
    for match in matches():
        if is_whole(match):
            families.join(match.query_id, match.ref_id)
    groups = families.members()
    heads = {video_id: head for head, members in groups.items() for video_id in members}
    for match in matches():
        one, other = sorted((match.query_id, match.ref_id))
        if one in heads and heads[one] == heads.get(other):
            if is_whole(match):
                scores[one], scores[other] = max(scores[one], match.score), max(scores[other], match.score)
        elif policy.counts(link_of(match)) and ((one, other) not in best or best[one, other].score < match.score):
            best[one, other] = match
    parts = sorted(best.values(), key=lambda match: (match.query_id, -match.score, match.ref_id))
    return Grouped(groups, heads, dict(scores), parts)


def rows_of(found: Grouped, entries: Mapping[str, Entry], rules: Sequence[KeepRule]) -> Iterator[dict[str, Any]]:
    """The output contract: a row a group, largest first, and one for each pair of videos that share a part and have no
    group; seconds to the millisecond. entries: of the videos that are still there."""
    left = {head: [entries[name] for name in group if name in entries] for head, group in found.groups.items()}
    order = sorted((head for head, group in left.items() if len(group) > 1), key=lambda head: (-len(left[head]), head))
    numbers = {head: number for number, head in enumerate(order, 1)}

    def number_of(video_id: str) -> int | None:
        return numbers.get(found.heads.get(video_id, ""))

    parts: dict[int | None, list[dict[str, Any]]] = defaultdict(list)
    for match in found.parts:
        if match.query_id in entries and match.ref_id in entries:
            one, other = number_of(match.query_id), number_of(match.ref_id)
            row = _part(match, one, other)
            for number in {one, other} - {None} or {None}:
                parts[number].append(row)
    for head in order:
        members = keep_first(left[head], rules)
        yield _group(numbers[head], members, found.scores, parts[numbers[head]])
    for row in parts[None]:
        yield {"group": None, "keep": None, "count": 0, "members": [], "parts": [row]}


def _group(
    number: int, members: Sequence[Entry], scores: Mapping[str, float], parts: list[dict[str, Any]]
) -> dict[str, Any]:
    most = FIRST_DRAWN if len(members) > MOST_DRAWN else len(members)
    return {
        "group": number,
        "keep": members[0].video.video_id,
        "count": len(members),
        "members": [_member(entry, scores[entry.video.video_id]) for entry in members[:most]],
        "parts": parts[: FIRST_DRAWN if len(parts) > MOST_DRAWN else len(parts)],
    }


def _member(entry: Entry, score: float) -> dict[str, Any]:
    video = entry.video
    return {
        "id": video.video_id,
        "uri": video.uri,
        "score": round(score, 4),
        "width": video.width,
        "height": video.height,
        "bitrate": round(_BEST["bitrate"](entry)),
        "seconds": round(video.decoded_s, 3),
        "indexed": round(entry.indexed, 3),
    }


def _part(match: Match, group: int | None, other_group: int | None) -> dict[str, Any]:
    return {
        "query_id": match.query_id,
        "query_group": group,
        "ref_id": match.ref_id,
        "ref_group": other_group,
        "score": round(match.score, 4),
        "query_share": round(match.query_share, 4),
        "ref_share": round(match.ref_share, 4),
        "segments": [segment_to_json(segment) for segment in match.segments],
    }


def write_groups(output: str, rows: Sequence[dict[str, Any]]) -> None:
    """As JSON lines or Parquet, by the name of the file."""
    if output.endswith(".parquet"):
        some = (rows[start : start + _ROWS_AT_ONCE] for start in range(0, len(rows), _ROWS_AT_ONCE))
        files.write_tables(output, _SCHEMA, [pa.Table.from_pylist(each, schema=_SCHEMA) for each in some])
    else:
        files.write_bytes(output, to_lines(rows))
