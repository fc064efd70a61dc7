"""Uploads from a folder or bucket that is looked at again and again. A file counts once it has stopped growing."""

from __future__ import annotations

import math
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import apache_beam as beam
from apache_beam.coders import PickleCoder
from apache_beam.transforms.periodicsequence import PeriodicImpulse
from apache_beam.transforms.userstate import ReadModifyWriteStateSpec

from cliptrace.schemas.records import VideoSource
from cliptrace.schemas.verdicts import Judgement
from cliptrace.transforms import telemetry
from cliptrace.transforms.dedup.log import Log
from cliptrace.transforms.fingerprints import changed_s
from cliptrace.transforms.isolation import Results
from cliptrace.transforms.sources import list_watched
from cliptrace.transforms.store import files

Seen = Mapping[str, tuple[str, bool]]
"""By id: the fingerprint at the last look, and whether it has been handed on."""


class Listed(beam.PTransform):
    """→ VideoSources that are known beforehand."""

    def __init__(self, sources: Sequence[VideoSource]) -> None:
        super().__init__()
        self._sources = sources

    def expand(self, begin: beam.Pipeline) -> Results:
        return Results(begin | "Sources" >> beam.Create(self._sources), ())


class Watch(beam.PTransform):
    """→ VideoSource of each file that ``pattern`` names, again when it has changed. Looks every ``poll_s`` seconds.

    What OUTPUT's log has an answer for is not handed on again when the job is started anew.
    """

    def __init__(self, pattern: str, poll_s: float, log: Log) -> None:
        super().__init__()
        self._poll_s = poll_s
        self._dofn = _WatchDoFn(pattern, poll_s, log)

    def expand(self, begin: beam.Pipeline) -> Results:
        sources = (
            begin
            | "Tick" >> PeriodicImpulse(fire_interval=self._poll_s, apply_windowing=False)
            | "OneKey" >> beam.WithKeys("")
            | "Look" >> beam.ParDo(self._dofn)
        )
        return Results(sources, ())


class _WatchDoFn(beam.DoFn):
    """What it has seen is in state, as large as what there is to see: files that are gone are forgotten."""

    SEEN = ReadModifyWriteStateSpec("seen", PickleCoder())

    def __init__(self, pattern: str, poll_s: float, log: Log) -> None:
        self._pattern, self._poll_s, self._log = files.absolute(files.local_path(pattern)), poll_s, log
        self._next = 0.0

    def process(self, element: Any, seen: Any = beam.DoFn.StateParam(SEEN)) -> Iterator[VideoSource]:
        if time.monotonic() < self._next:  # ticks that are overdue come all at once
            return
        before = seen.read()
        if before is None:
            before = answered(self._log)
        sources = list_watched(self._pattern)
        if not sources:  # a folder or bucket that cannot be looked at now says the same as an empty one
            return
        ready, after = settled(sources, before, time.time() - self._poll_s)
        seen.write(after)
        telemetry.count("uploads_seen", len(ready))
        self._next = time.monotonic() + self._poll_s / 2
        yield from ready


def answered(log: Log) -> Seen:
    """What has a verdict or a dead letter."""
    seen: dict[str, tuple[str, float]] = {}
    for row in log.new():
        # Verdicts come first; a dead letter of the same file may be older, or the webhook's.
        time = -math.inf if isinstance(row, Judgement) else row.time
        if time >= seen.get(row.video_id, ("", 0.0))[1]:
            seen[row.video_id] = (row.fingerprint, time)
    return {video_id: (fingerprint, True) for video_id, (fingerprint, _) in seen.items()}


def settled(sources: Iterable[VideoSource], before: Seen, quiet_since: float) -> tuple[list[VideoSource], Seen]:
    """Files to hand on, and what to remember: those that are as they were at the last look, or have not been changed
    since ``quiet_since`` (seconds since 1970)."""
    ready, after = [], {}
    for source in sources:
        fingerprint, handed_on = before.get(source.video_id, ("", False))
        same = fingerprint == source.fingerprint
        quiet = same or (changed_s(source) or time.time()) < quiet_since
        if quiet and not (same and handed_on):
            ready.append(source)
        after[source.video_id] = (source.fingerprint, quiet)
    return ready, after
