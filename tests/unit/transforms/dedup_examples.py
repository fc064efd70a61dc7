"""Judgements and links, shortly said."""

from __future__ import annotations

from typing import Any

from cliptrace.schemas.records import Segment
from cliptrace.schemas.verdicts import Judgement, Link

SEGMENT = Segment(0.0, 8.0, 2.0, 10.0, 0.9, speed=1.0)


def whole(other: str, score: float = 0.9, in_flight: bool = True) -> Link:
    return Link(other, score, 8.0, 0.8, 0.8, (SEGMENT,), in_flight)


def part(other: str, score: float = 0.9, in_flight: bool = True, seconds: float = 8.0) -> Link:
    return Link(other, score, seconds, 0.8, 0.1, (SEGMENT,), in_flight)


def shared(other: str, share: float, other_share: float, score: float = 0.9, in_flight: bool = True) -> Link:
    """Of an upload and of another video so much is the same."""
    return Link(other, score, 8.0, share, other_share, (SEGMENT,), in_flight)


def exact(other: str) -> Link:
    return Link(other, 1.0, 10.0, 1.0, 1.0, (SEGMENT,), in_flight=True, exact=True)


def judgement(video_id: str, *links: Link, fingerprint: str = "1-1") -> Judgement:
    return Judgement(video_id, f"/in/{video_id}", fingerprint, links)


class State:
    """One value, as Beam hands it over."""

    value = None

    def read(self) -> Any:
        return self.value

    def write(self, value: Any) -> None:
        self.value = value
