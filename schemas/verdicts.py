"""What dedup says of an upload, what it says it by, and the policy that it follows."""

from __future__ import annotations

import dataclasses
import datetime
import fnmatch
import hashlib
import tomllib
from collections.abc import Mapping
from typing import Any, Final, Literal

from cliptrace.schemas.errors import UsageError
from cliptrace.schemas.records import Segment, VideoSource

Kind = Literal["canonical", "overlaps", "duplicate_of"]
CANONICAL: Final = "canonical"
OVERLAPS: Final = "overlaps"
DUPLICATE: Final = "duplicate_of"


@dataclasses.dataclass(frozen=True, slots=True)
class Link:
    """An upload shares seconds with another video, ``other_id``.

    segments: the upload's seconds as query, the other's as reference. share, other_share: of each video's length, in
    [0, 1], that the segments cover. in_flight: whether the other is an upload, too, that may have no verdict yet.
    exact: byte for byte the same file, as the other was when its ``fingerprint`` was this.
    """

    other_id: str
    score: float
    seconds: float
    share: float
    other_share: float
    segments: tuple[Segment, ...] = ()
    in_flight: bool = False
    exact: bool = False
    fingerprint: str = ""

    def turned(self, video_id: str) -> Link:
        """The same link as the other video sees it. video_id: of the upload."""
        segments = tuple(
            Segment(
                segment.ref_start,
                segment.ref_end,
                segment.query_start,
                segment.query_end,
                segment.score,
                segment.reversed,
                1 / segment.speed if segment.speed else segment.speed,
                segment.ref_stream,
                segment.query_stream,
            )
            for segment in self.segments
        )
        return dataclasses.replace(
            self, other_id=video_id, share=self.other_share, other_share=self.share, segments=segments
        )


@dataclasses.dataclass(frozen=True, slots=True)
class Judgement:
    """All that a search found of one upload. One without links has no copy that was there before it."""

    video_id: str
    uri: str
    fingerprint: str
    links: tuple[Link, ...] = ()

    @classmethod
    def of(cls, source: VideoSource, links: tuple[Link, ...]) -> Judgement:
        return cls(source.video_id, source.uri, source.fingerprint, links)


@dataclasses.dataclass(frozen=True, slots=True)
class Overlap:
    """Seconds that an upload shares with a video whose duplicate it is not.

    matched_id: the video that ``segments`` lie in. canonical_id: the canonical video of its group. share, other_share:
    of the upload's and of the matched video's length, in [0, 1], that the segments cover.
    """

    matched_id: str
    canonical_id: str
    score: float
    share: float
    other_share: float
    segments: tuple[Segment, ...]

    @classmethod
    def of(cls, link: Link, canonical_id: str) -> Overlap:
        return cls(link.other_id, canonical_id, link.score, link.share, link.other_share, link.segments)

    def to_json(self) -> dict[str, Any]:
        return {
            "matched_id": self.matched_id,
            "canonical_id": self.canonical_id,
            "score": round(self.score, 4),
            "share": round(self.share, 4),
            "other_share": round(self.other_share, 4),
            "segments": [segment_to_json(segment) for segment in self.segments],
        }

    @classmethod
    def from_json(cls, row: Mapping[str, Any]) -> Overlap:
        return cls(**{**row, "segments": tuple(Segment(**each) for each in row["segments"])})


@dataclasses.dataclass(frozen=True, slots=True)
class Verdict:
    """One event: what an upload is, from now on. The one before it, if any, is named by ``revises``.

    canonical_id: the video itself unless it is a duplicate. whole: False where it shows only a part of the canonical
    video, or that only a part of it; or where it only overlaps. matched_id: the video that ``segments`` lie in: of a
    duplicate, the canonical one or another of its copies; else of the first overlap; "" where nothing is shared.
    score: of the match, else 0. fingerprint: of the file. overlaps: of what is no duplicate, one a group, best first.
    """

    video_id: str
    uri: str
    fingerprint: str
    canonical_id: str
    event_time: str = ""
    matched_id: str = ""
    score: float = 0.0
    segments: tuple[Segment, ...] = ()
    revises: str | None = None
    whole: bool = True
    overlaps: tuple[Overlap, ...] = ()

    @property
    def verdict(self) -> Kind:
        if self.canonical_id != self.video_id:
            return DUPLICATE
        return OVERLAPS if self.overlaps else CANONICAL

    @property
    def event_id(self) -> str:
        """The same whenever the same thing is said again, so that a consumer can tell."""
        overlapped = (overlap.matched_id for overlap in self.overlaps)
        said = (self.video_id, self.fingerprint, self.canonical_id, self.revises or "", *overlapped)
        return hashlib.sha256("\0".join(f"{len(each)} {each}" for each in said).encode()).hexdigest()[:24]

    @property
    def time(self) -> float:
        """``event_time`` in seconds since 1970."""
        return datetime.datetime.fromisoformat(self.event_time).timestamp()

    def to_json(self) -> dict[str, Any]:
        """The output contract; seconds to the millisecond."""
        return {
            "event_id": self.event_id,
            "event_time": self.event_time,
            "uri": self.uri,
            "video_id": self.video_id,
            "verdict": self.verdict,
            "canonical_id": self.canonical_id,
            "whole": self.whole,
            "score": round(self.score, 4),
            "segments": [segment_to_json(segment) for segment in self.segments],
            "revises": self.revises,
            "matched_id": self.matched_id,
            "fingerprint": self.fingerprint,
            "overlaps": [overlap.to_json() for overlap in self.overlaps],
        }

    @classmethod
    def from_json(cls, row: Mapping[str, Any]) -> Verdict:
        """Raises KeyError or TypeError where ``row`` is no verdict. Events of before there were overlaps have none."""
        names = [field.name for field in dataclasses.fields(cls) if field.name not in ("segments", "overlaps")]
        return cls(
            **{name: row[name] for name in names},
            segments=tuple(Segment(**each) for each in row["segments"]),
            overlaps=tuple(Overlap.from_json(each) for each in row.get("overlaps", ())),
        )


def segment_to_json(segment: Segment) -> dict[str, Any]:
    """Seconds to the millisecond. Streams only of files that have several."""
    return {
        key: round(value, 3 if key != "score" else 4) if isinstance(value, float) else value
        for key, value in dataclasses.asdict(segment).items()
        if value is not None or not key.endswith("_stream")
    }


def now() -> str:
    """Of a verdict: ISO 8601, UTC, to the millisecond."""
    return datetime.datetime.now(datetime.UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


@dataclasses.dataclass(frozen=True, slots=True)
class Policy:
    """From when on two videos count as copies of each other, and which never do.

    minimum_seconds: matched seconds from which they share something at all, or all of a shorter video. query_share,
    reference_share: least share of the duplicate, and of what it is a duplicate of, that is matched; below, they only
    overlap. whole_share: least share of both from which they are copies as a whole, whose other copies are copies of
    each other, too; below, one is a part in the other.
    trusted: patterns of ids (* for anything) of uploads that are canonical rather than others.
    not_a_match: pairs of ids that are never each other's duplicate, whatever is found.
    remember_days: for how long an upload's group may still change; from then on it counts as any gallery video.
    """

    minimum_seconds: float = 2.0
    query_share: float = 0.55
    reference_share: float = 0.0
    whole_share: float = 0.55
    trusted: tuple[str, ...] = ()
    not_a_match: frozenset[frozenset[str]] = frozenset()
    remember_days: float = 365.0

    @classmethod
    def parse(cls, text: str, path: str) -> Policy:
        """From TOML. UsageError, which names ``path``, for anything that it does not understand."""
        try:
            table = tomllib.loads(text)
        except ValueError as error:
            raise UsageError(f"{path}: not valid TOML: {error}") from error
        numbers = {"minimum_seconds", "query_share", "reference_share", "whole_share", "remember_days"}
        for name, value in table.items():
            if name in numbers:
                most = 1.0 if name.endswith("share") else float("inf")
                if not isinstance(value, int | float) or isinstance(value, bool) or not 0 <= value <= most:
                    raise UsageError(f"{path}: {name} must be a number from 0{' to 1' if most == 1 else ' on'}")
            elif name == "trusted":
                if not _is_texts(value):
                    raise UsageError(f"{path}: trusted must be a list of patterns of ids")
            elif name == "not_a_match":
                if not isinstance(value, list) or not all(_is_texts(pair) and len(set(pair)) == 2 for pair in value):
                    raise UsageError(f"{path}: not_a_match must be a list of pairs of ids")
            else:
                raise UsageError(f"{path}: {name} is no setting of a policy")
        pairs = frozenset(map(frozenset, table.pop("not_a_match", ())))
        return cls(**{**table, "trusted": tuple(table.get("trusted", ())), "not_a_match": pairs})

    def trusts(self, video_id: str) -> bool:
        return any(fnmatch.fnmatchcase(video_id, pattern) for pattern in self.trusted)

    def forbids(self, video_id: str, other_id: str) -> bool:
        return frozenset((video_id, other_id)) in self.not_a_match

    def counts(self, link: Link) -> bool:
        """Whether what two videos share is worth telling."""
        return link.exact or link.seconds >= self.minimum_seconds or max(link.share, link.other_share) >= 0.9

    def accepts(self, link: Link, is_query: bool = True) -> bool:
        """Whether a link is strong enough to make one a duplicate of the other: the upload, or the other way round."""
        query, reference = (link.share, link.other_share) if is_query else (link.other_share, link.share)
        return self.counts(link) and query >= self.query_share and reference >= self.reference_share

    def is_whole(self, link: Link) -> bool:
        """Whether either could be the other's duplicate, and stand for it where their copies are concerned."""
        enough = min(link.share, link.other_share) >= self.whole_share
        return enough and self.accepts(link) and self.accepts(link, is_query=False)


def _is_texts(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(each, str) for each in value)
