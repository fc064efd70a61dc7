"""To decide of two videos that they are no match, and to take that back."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Iterable
from typing import Final, Literal

from cliptrace.schemas.decisions import Decision, Party
from cliptrace.schemas.errors import UsageError
from cliptrace.schemas.records import Segment
from cliptrace.transforms.store import files
from cliptrace.transforms.store.decisions import drop, find_decision, keep
from cliptrace.transforms.store.gallery import Gallery
from cliptrace.transforms.store.parties import Parties

Word = Literal["reject", "accept"]
REJECT: Final = "reject"
ACCEPT: Final = "accept"


@dataclasses.dataclass(frozen=True, slots=True)
class Change:
    """decision: made, or taken back. where: it was read, for messages; "" for nowhere."""

    decision: Decision
    word: Word
    where: str = ""

    @classmethod
    def of(
        cls, a: Party, b: Party, word: Word, segment: Segment | None = None, note: str = "", where: str = ""
    ) -> Change:
        """segment: with ``a`` as the query and ``b`` as the reference; None for all that they have in common."""
        if (a.content_sha256, a.uri) == (b.content_sha256, b.uri):
            raise UsageError(f"{a.video_id}: both names are this video; name two")
        if segment and a.content_sha256 == b.content_sha256:
            raise UsageError(
                f"{a.video_id} and {b.video_id} are the same, byte for byte: decide on the pair as a whole"
            )
        return cls(Decision.on(a, b, (segment,) if segment else (), note, time.time()), word, where)

    def after(self, before: Decision | None) -> Decision | None:
        """What holds of the pair then, if anything."""
        if self.word == REJECT:
            return before.with_more(self.decision) if before else self.decision
        try:
            return before.without(self.decision) if before else None
        except UsageError as error:
            raise UsageError(f"{self.where}: {error}" if self.where else str(error)) from error


@dataclasses.dataclass(frozen=True, slots=True)
class Decided:
    """rejected, accepted: how often that was said. taken_back: accepted of what had been rejected."""

    rejected: int
    accepted: int
    taken_back: int


def reject(gallery: Gallery, a: str, b: str, segment: Segment | None = None, note: str = "") -> Decision:
    """No search names the pair again, or not these seconds of it: of ``a`` as the query, ``b`` as the reference.

    a, b: ids, paths or URIs of videos of the gallery, or else files. UsageError where one is neither.
    """
    parties = Parties(gallery)
    change = Change.of(parties.named(a), parties.named(b), REJECT, segment, note)
    decide(gallery, [change])
    return change.decision


def accept(gallery: Gallery, a: str, b: str, segment: Segment | None = None) -> None:
    """Take back what ``reject`` said. UsageError where nothing of it was said."""
    parties = Parties(gallery)
    if not decide(gallery, [Change.of(parties.named(a), parties.named(b), ACCEPT, segment)]).taken_back:
        seconds = "these seconds of " if segment else ""
        raise UsageError(f"{gallery.home}: {seconds}{a} and {b} were not rejected")


def decide(gallery: Gallery, changes: Iterable[Change]) -> Decided:
    """Write what is decided, in this order; nothing where something is wrong with one of the changes."""
    said = {REJECT: 0, ACCEPT: 0}
    taken_back = 0
    before: dict[tuple[str, str], Decision | None] = {}
    after: dict[tuple[str, str], Decision | None] = {}
    with files.held(files.join(gallery.home, "decisions"), ".lock"):
        for change in changes:
            pair = change.decision.contents
            if pair not in before:
                before[pair] = after[pair] = find_decision(gallery.home, *pair)
            then = change.after(after[pair])
            said[change.word] += 1
            taken_back += change.word == ACCEPT and then != after[pair]
            after[pair] = then
        for pair, then in after.items():
            if then:
                keep(gallery.home, then)
            elif before[pair]:
                drop(gallery.home, *pair)
    return Decided(said[REJECT], said[ACCEPT], taken_back)
