"""Which uploads are copies of each other, and which one of each group is canonical. No Beam; all from logged events.

The rules, which docs/dedup.md tells users:
- Two uploads that are copies as a whole are in one group, and so are their other copies (A~B, B~C: one group).
- An upload that is contained in a longer video is a duplicate of the best-matching canonical one; it joins no groups
  together, and being contained in what is itself no canonical makes no duplicate. Whose copy as a whole is a part is
  one as well.
- An upload that shares less stays canonical, and its verdict tells what it overlaps: of two, the one that was judged
  later. What becomes of the other afterwards is not told again.
- One of a group is canonical: a video of the gallery, else a trusted upload, else the one that was judged first. So an
  upload that was canonical becomes a duplicate only where a later one shows that two groups are one.
"""

from __future__ import annotations

import dataclasses
from collections import defaultdict
from collections.abc import Container, Iterator, Mapping

from cliptrace.schemas.records import Segment
from cliptrace.schemas.verdicts import Judgement, Link, Overlap, Policy, Verdict

_DAY_S = 86_400.0


@dataclasses.dataclass(frozen=True, slots=True)
class _Standing:
    """The last verdict on an upload, without its segments. order: of the first judgement of this file."""

    uri: str
    fingerprint: str
    canonical_id: str
    event_id: str
    whole: bool
    order: int
    time: float


class Groups:
    """All uploads that were judged within ``policy.remember_days``."""

    def __init__(self, policy: Policy) -> None:
        self._policy = policy
        self._standings: dict[str, _Standing] = {}  # oldest event first
        self._duplicates: defaultdict[str, dict[str, None]] = defaultdict(dict)  # by canonical, in order
        self._judged = 0

    def knows(self, video_id: str, fingerprint: str | None = None) -> bool:
        """Whether an upload, or this very file of it, has a verdict."""
        standing = self._standings.get(video_id)
        return standing is not None and fingerprint in (None, standing.fingerprint)

    def take(self, verdict: Verdict) -> None:
        """An event that is in the log, whoever wrote it."""
        old = self._standings.pop(verdict.video_id, None)
        if old:
            self._drop(old.canonical_id, verdict.video_id)
        if old is None or old.fingerprint != verdict.fingerprint:
            self._judged += 1
        self._standings[verdict.video_id] = _Standing(
            verdict.uri,
            verdict.fingerprint,
            verdict.canonical_id,
            verdict.event_id,
            verdict.whole or verdict.canonical_id == verdict.video_id,
            old.order if old and old.fingerprint == verdict.fingerprint else self._judged,
            verdict.time,
        )
        if verdict.canonical_id != verdict.video_id:
            self._duplicates[verdict.canonical_id][verdict.video_id] = None
        self._forget(verdict.time - self._policy.remember_days * _DAY_S)

    def judge(self, judgement: Judgement, time: str) -> list[Verdict]:
        """The events that follow from what was found of an upload; none where they have been told.

        Links to uploads that are in flight say nothing yet: judge again, with those links, when the other is judged.
        """
        own = judgement.video_id
        events = []
        if self.knows(own) and not self.knows(own, judgement.fingerprint):
            events += self._without(own, time)
        new = not self.knows(own, judgement.fingerprint)
        if not new and not self._standings[own].whole:
            return events  # a part joins nothing
        head = own if new else self._standings[own].canonical_id
        found, whole = self._found(judgement, head)
        winner = min([head, *found], key=lambda canonical: self._rank(canonical, own))
        if new:
            events.append(self._first(judgement, winner, time, found, whole))
            self.take(events[-1])
            if winner != own:  # those that were told of it when it was the gallery's, as after a job that died
                events += self._follow(own, winner, time, whole)
        losers = ({head, *found} - {winner, own if new else winner}) & self._standings.keys()  # no video of the gallery
        for loser in sorted(losers, key=lambda canonical: self._rank(canonical, own)):
            direct = found[winner if loser == head else loser]
            events += self._join(loser, winner, time, judgement, direct, whole)
        return events

    def waits_for(self, judgement: Judgement) -> tuple[Link, ...]:
        """Links of which nothing can be said before the other upload is judged."""
        links = (link for link in judgement.links if link.in_flight)
        return tuple(link for link in links if not self.knows(link.other_id, link.fingerprint or None))

    def _links(self, judgement: Judgement, head: str) -> Iterator[tuple[str, Link]]:
        """Links to other groups of which something can be said, best first, each with that group's canonical video."""
        own = judgement.video_id
        for link in sorted(judgement.links, key=lambda link: (-link.score, -link.seconds, link.other_id)):
            standing = self._standings.get(link.other_id)
            if link.other_id == own or self._policy.forbids(own, link.other_id) or (not standing and link.in_flight):
                continue
            canonical = standing.canonical_id if standing else link.other_id
            if canonical != head and not self._policy.forbids(head, canonical):
                yield canonical, link

    def _found(self, judgement: Judgement, head: str) -> tuple[dict[str, Link], bool]:
        """The best link to each canonical video that the upload's group is, or goes to, one group with; and whether
        they are copies as a whole."""
        own, whole, part = judgement.video_id, dict[str, Link](), dict[str, Link]()
        for canonical, link in self._links(judgement, head):
            standing = self._standings.get(link.other_id)
            is_query = self._rank(canonical, own) < self._rank(head, own)
            if not self._policy.accepts(link, is_query):
                continue
            if self._policy.is_whole(link) and (standing is None or standing.whole):
                whole.setdefault(canonical, link)
                continue
            # A copy of a part is a part of the whole, too; the whole is never a part of such a copy.
            contained = canonical == link.other_id or (is_query and self._policy.is_whole(link))
            if contained and head == own and not part:
                part[canonical] = link
        return (whole, True) if whole else (part, False)

    def _overlaps(self, judgement: Judgement, joined: Container[str]) -> dict[str, Link]:
        """The best link of a canonical upload to each group that does not become one with its own."""
        best = dict[str, Link]()
        for canonical, link in self._links(judgement, judgement.video_id):
            if canonical not in joined and self._policy.counts(link):
                best.setdefault(canonical, link)
        return best

    def _rank(self, canonical: str, own: str) -> tuple[int, int]:
        """The least is canonical. A video of the gallery that is no upload, or none any more, comes first."""
        standing = self._standings.get(canonical)
        if standing is None and canonical != own:
            return (0, 0)
        order = standing.order if standing else self._judged + 1
        return (1 if self._policy.trusts(canonical) else 2, order)

    def _join(
        self, loser: str, winner: str, time: str, judgement: Judgement, link: Link | None, whole: bool
    ) -> list[Verdict]:
        """A group becomes part of another. link: between the upload that was judged and the other group; whole: it."""
        events = []
        for video_id in (loser, *self._duplicates.get(loser, ())):
            as_whole = whole and (video_id == loser or self._standings[video_id].whole)
            if self._policy.forbids(video_id, winner):
                if video_id != loser:
                    events.append(self._revised(video_id, video_id, time))
            elif link and video_id == judgement.video_id:
                events.append(self._revised(video_id, winner, time, as_whole, link.other_id, link.score, link.segments))
            elif link and video_id == link.other_id:
                seen = link.turned(judgement.video_id)
                events.append(self._revised(video_id, winner, time, as_whole, seen.other_id, seen.score, seen.segments))
            else:
                events.append(self._revised(video_id, winner, time, as_whole, loser if video_id != loser else ""))
        for event in events:
            self.take(event)
        return events

    def _follow(self, video_id: str, winner: str, time: str, whole: bool) -> list[Verdict]:
        """What was a duplicate of a video that is one itself now; whole: that one."""
        events = []
        for other in list(self._duplicates.get(video_id, ())):
            as_whole = whole and self._standings[other].whole
            canonical = other if other == winner or self._policy.forbids(other, winner) else winner
            events.append(self._revised(other, canonical, time, as_whole, video_id if canonical != other else ""))
            self.take(events[-1])
        return events

    def _without(self, video_id: str, time: str) -> list[Verdict]:
        """An upload's file is another one now: the first of its copies stands for the rest, each part for itself."""
        events, firsts = [], list[str]()
        for other in list(self._duplicates.get(video_id, ())):
            first = next((first for first in firsts if not self._policy.forbids(other, first)), other)
            if not self._standings[other].whole:
                first = other
            elif first == other:
                firsts.append(other)
            events.append(self._revised(other, first, time, matched_id=first if other != first else ""))
            self.take(events[-1])
        return events

    def _first(self, judgement: Judgement, winner: str, time: str, found: Mapping[str, Link], whole: bool) -> Verdict:
        """The first verdict on an upload's file."""
        own = judgement.video_id
        before = self._standings.get(own)
        overlaps = self._overlaps(judgement, found) if winner == own else {}
        link = found[winner] if winner != own else next(iter(overlaps.values()), None)
        return Verdict(
            own,
            judgement.uri,
            judgement.fingerprint,
            winner,
            time,
            link.other_id if link else "",
            link.score if link else 0.0,
            link.segments if link else (),
            before.event_id if before else None,
            whole if winner != own else not overlaps,
            tuple(Overlap.of(link, canonical) for canonical, link in overlaps.items()),
        )

    def _revised(
        self,
        video_id: str,
        canonical_id: str,
        time: str,
        whole: bool = True,
        matched_id: str = "",
        score: float = 0.0,
        segments: tuple[Segment, ...] = (),
    ) -> Verdict:
        standing = self._standings[video_id]
        return Verdict(
            video_id,
            standing.uri,
            standing.fingerprint,
            canonical_id,
            time,
            matched_id,
            score,
            segments,
            standing.event_id,
            whole or video_id == canonical_id,
        )

    def _forget(self, before: float) -> None:
        while (oldest := next(iter(self._standings), None)) and self._standings[oldest].time < before:
            self._drop(self._standings.pop(oldest).canonical_id, oldest)

    def _drop(self, canonical_id: str, video_id: str) -> None:
        self._duplicates[canonical_id].pop(video_id, None)
        if not self._duplicates[canonical_id]:
            del self._duplicates[canonical_id]
