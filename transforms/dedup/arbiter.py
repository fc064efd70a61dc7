"""The one place where verdicts are made: what is found of each upload, one at a time, against all that the log says."""

from __future__ import annotations

import dataclasses
import time
from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import Any

import apache_beam as beam
from apache_beam.coders import VarIntCoder
from apache_beam.transforms.userstate import ReadModifyWriteStateSpec

from cliptrace.schemas.records import Failure, VideoSource
from cliptrace.schemas.verdicts import Judgement, Policy, Verdict, now
from cliptrace.transforms import telemetry
from cliptrace.transforms.dedup.groups import Groups
from cliptrace.transforms.dedup.log import Log, Row
from cliptrace.transforms.fingerprints import changed_s

Message = Judgement | Failure


class Settle(beam.PTransform):
    """Judgements and dead letters → the verdicts that follow, which are in OUTPUT's log before they leave."""

    def __init__(self, log: Log, policy: Policy) -> None:
        super().__init__()
        self._dofn = _SettleDoFn(log, policy)

    def expand(self, messages: beam.PCollection) -> beam.PCollection:
        return messages | "OneKey" >> beam.WithKeys("") | "Verdicts" >> beam.ParDo(self._dofn)


class _SettleDoFn(beam.DoFn):
    """Stateful for the sake of its key: a runner hands the elements of one key over one at a time."""

    SETTLED = ReadModifyWriteStateSpec("settled", VarIntCoder())

    def __init__(self, log: Log, policy: Policy) -> None:
        self._arbiter = Arbiter(log, policy)

    def process(self, element: tuple[str, Message], settled: Any = beam.DoFn.StateParam(SETTLED)) -> Iterator[Verdict]:
        settled.write((settled.read() or 0) + 1)
        with telemetry.timed("settle"):
            verdicts = self._arbiter.hear(element[1])
        for verdict in verdicts:
            if verdict.revises is None and (age_s := age_of(verdict)) is not None:
                telemetry.measure("verdict_age_ms", round(age_s * 1000))
            telemetry.count(f"verdicts_{verdict.verdict}")
            telemetry.log(
                verdict.verdict,
                event_id=verdict.event_id,
                video_id=verdict.video_id,
                canonical_id=verdict.canonical_id,
                revises=verdict.revises or "",
            )
            yield verdict


def age_of(verdict: Verdict) -> float | None:
    """Seconds from the last change of the file to the verdict; None where the file has no time."""
    written = changed_s(VideoSource(verdict.video_id, verdict.uri, verdict.fingerprint))
    return written and verdict.time - written


class Arbiter:
    """What is heard twice, as after a worker's death, is written once."""

    def __init__(self, log: Log, policy: Policy) -> None:
        self._log, self._groups = log, Groups(policy)
        self._failed: dict[str, Failure] = {}
        self._waiting: defaultdict[str, dict[str, Judgement]] = defaultdict(dict)
        """By upload in flight: of which others something is to be said once it is judged."""

    def hear(self, message: Message) -> list[Verdict]:
        with self._log.held():
            for row in self._log.new():
                self._take(row)
            rows = list(self._failing(message) if isinstance(message, Failure) else self._judging(message))
            self._log.append(rows)
        return [row for row in rows if isinstance(row, Verdict)]

    def _take(self, row: Row) -> None:
        if isinstance(row, Verdict):
            self._groups.take(row)
        elif isinstance(row, Failure):
            self._failed[row.video_id] = row
        else:
            self._wait(row)

    def _wait(self, judgement: Judgement) -> None:
        for link in self._groups.waits_for(judgement):
            if link.exact and self._groups.knows(judgement.video_id, judgement.fingerprint):
                continue
            self._waiting[link.other_id][judgement.video_id] = dataclasses.replace(judgement, links=(link,))

    def _judging(self, judgement: Judgement) -> Iterable[Row]:
        waits = self._groups.waits_for(judgement)
        if leader := next((link for link in waits if link.exact), None):
            if self._groups.knows(judgement.video_id, judgement.fingerprint):
                return
            failed = self._failed.get(leader.other_id)
            if failed and leader.fingerprint in ("", failed.fingerprint):
                yield from self._failing(_same_as(failed, judgement))
            else:
                self._wait(judgement)
                yield judgement
            return
        self._wait(judgement)
        if judgement.links:
            yield judgement
        waiting = self._waiting.pop(judgement.video_id, {}).values()
        # Of another upload that was judged meanwhile, what it saw of this one; exact copies have not been judged.
        seen = (other for other in waiting if self._groups.knows(other.video_id, other.fingerprint))
        links = (*judgement.links, *(other.links[0].turned(other.video_id) for other in seen))
        yield from self._groups.judge(dataclasses.replace(judgement, links=links), now())
        for copy in waiting:
            if copy.links[0].exact:
                yield from self._judging(copy)

    def _failing(self, failure: Failure) -> Iterable[Row]:
        known = self._failed.get(failure.video_id)
        if known is None or known.fingerprint != failure.fingerprint:
            self._failed[failure.video_id] = failure
            yield failure
        waiting = self._waiting.pop(failure.video_id, {})
        for other in waiting.values():
            (link,) = other.links
            if not link.exact:
                continue
            if link.fingerprint in ("", failure.fingerprint):
                yield from self._failing(_same_as(failure, other))
            else:  # what failed is another version of that file
                self._wait(other)


def _same_as(failure: Failure, copy: Judgement) -> Failure:
    message = f"the same file as {failure.video_id}, which cannot be used: {failure.message}"
    return dataclasses.replace(
        failure,
        uri=copy.uri,
        video_id=copy.video_id,
        fingerprint=copy.fingerprint,
        message=message,
        attempt=1,
        time=time.time(),
    )
