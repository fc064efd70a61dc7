"""What a person has decided of two videos: that they do not match, as a whole or in some of their seconds."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from typing import Any

from cliptrace.schemas.errors import UsageError
from cliptrace.schemas.records import Segment

_ALIKE = 0.5
"""Of what two segments cover together, on either side: from there on they are about the same seconds."""


@dataclasses.dataclass(frozen=True, slots=True)
class Party:
    """One of the two. content_sha256: as a gallery has it, or would have it. video_id, uri: what it was called when it
    was decided on, for people."""

    content_sha256: str
    video_id: str
    uri: str


@dataclasses.dataclass(frozen=True, slots=True)
class Stretch:
    """Seconds of the first video and of the second one that are no match."""

    first_start: float
    first_end: float
    second_start: float
    second_end: float

    def is_alike(self, other: Stretch) -> bool:
        """Whether they are mostly the same seconds, in both videos."""
        shared = (
            _shared(self.first_start, self.first_end, other.first_start, other.first_end),
            _shared(self.second_start, self.second_end, other.second_start, other.second_end),
        )
        return min(shared) >= _ALIKE


@dataclasses.dataclass(frozen=True, slots=True)
class Decision:
    """That two videos are no match; where there are ``segments``, only in these. The content of ``first`` sorts before
    that of ``second``. time: since 1970."""

    first: Party
    second: Party
    segments: tuple[Stretch, ...] = ()
    note: str = ""
    time: float = 0.0

    @classmethod
    def on(cls, a: Party, b: Party, segments: Iterable[Segment] = (), note: str = "", time: float = 0.0) -> Decision:
        """segments: with ``a`` as the query and ``b`` as the reference."""
        first, second = sorted((a, b), key=lambda party: party.content_sha256)
        return cls(first, second, tuple(_stretch(each, first is a) for each in segments), note, time)

    @property
    def contents(self) -> tuple[str, str]:
        return self.first.content_sha256, self.second.content_sha256

    def left_of(self, segments: Iterable[Segment], query: str) -> tuple[Segment, ...]:
        """The segments that it leaves; query: content of theirs."""
        if not self.segments:
            return ()
        is_first = query == self.first.content_sha256
        return tuple(each for each in segments if not self._covers(_stretch(each, is_first)))

    def _covers(self, stretch: Stretch) -> bool:
        return any(stretch.is_alike(each) for each in self.segments)

    def with_more(self, later: Decision) -> Decision:
        """Both together. What was rejected as a whole stays so."""
        note = later.note or self.note
        if not self.segments or not later.segments:
            return dataclasses.replace(later, segments=(), note=note)
        new = tuple(each for each in later.segments if not self._covers(each))
        return dataclasses.replace(later, segments=self.segments + new, note=note)

    def without(self, taken_back: Decision) -> Decision | None:
        """What is left where this is taken back; None for nothing. UsageError for seconds of what was rejected as a
        whole."""
        if not taken_back.segments:
            return None
        if not self.segments:
            raise UsageError(
                f"{self.first.video_id} and {self.second.video_id} are rejected as a whole: "
                "take that back without segments, then reject those that are none"
            )
        kept = tuple(each for each in self.segments if not taken_back._covers(each))
        return dataclasses.replace(self, segments=kept) if kept else None

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Decision:
        """What ``dataclasses.asdict`` made. TypeError, KeyError or ValueError for anything else."""
        decision = cls(
            Party(**data["first"]),
            Party(**data["second"]),
            tuple(Stretch(**{name: float(value) for name, value in each.items()}) for each in data["segments"]),
            str(data["note"]),
            float(data["time"]),
        )
        if not decision.first.content_sha256 <= decision.second.content_sha256:
            raise ValueError("its videos are in no order")
        return decision


def _stretch(segment: Segment, query_first: bool) -> Stretch:
    query, ref = (segment.query_start, segment.query_end), (segment.ref_start, segment.ref_end)
    return Stretch(*query, *ref) if query_first else Stretch(*ref, *query)


def _shared(start: float, end: float, other_start: float, other_end: float) -> float:
    """Intersection over union; 1 of two moments that are the same, as of a picture."""
    union = max(end, other_end) - min(start, other_start)
    return max(0.0, min(end, other_end) - max(start, other_start)) / union if union else 1.0
