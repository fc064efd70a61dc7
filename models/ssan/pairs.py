"""Pairs of videos to train on, cut together from clips as people do: copies, other footage, shared boilerplate.

How long copies are and how many a pair shares is drawn from what was annotated in VCDB (Jiang et al., ECCV 2014) and
VSC22 (Pizzi et al., 2023); how fast they play from VSC22.
"""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from cliptrace.models.ssan.clips import Clip
from cliptrace.schemas.config import BASIS_FPS

LENGTHS_S = (
    (1, 3, 4, 5, 7, 8, 9, 10, 11, 14, 14, 18, 24, 37, 43, 68, 92, 138, 154, 209),
    (2.2, 4.7, 5.4, 5.9, 6.3, 6.8, 7.2, 7.8, 8.3, 9.1, 9.8, 10.6, 11.5, 12.4, 13.5, 14.7, 16.3, 18.2, 21.3, 28),
)
"""Every twentieth of the lengths of copied segments, in VCDB (8,708 of them) and in VSC22 train (2,707)."""
COUNTS = (0.75, 0.12, 0.05, 0.08)
"""Share of the pairs with 1, 2, 3 and 4 or more segments, in VCDB."""
SPEEDS = (0.6, 0.67, 0.75, 0.82, 0.89, 0.98, 1, 1, 1, 1, 1, 1, 1, 1, 1.05, 1.13, 1.2, 1.28, 1.37, 1.44, 1.5)
"""Every twentieth of the speeds in VSC22 train."""
SHORTEST_S = 1.5
_LONG_S = 20.0

Random = np.random.Generator
Ints = NDArray[np.int64]


@dataclasses.dataclass(frozen=True, slots=True)
class Footage:
    """Basis frames of a video that was cut together, by clip, variant and frame; int64[N] each."""

    clip: Ints
    variant: Ints
    frame: Ints

    def __len__(self) -> int:
        return len(self.clip)

    def __getitem__(self, chosen: Ints | slice) -> Footage:
        return Footage(self.clip[chosen], self.variant[chosen], self.frame[chosen])

    def shown_as(self, variant: int) -> Footage:
        return dataclasses.replace(self, variant=np.full(len(self), variant))


def join(parts: Sequence[Footage]) -> Footage:
    return Footage(*(np.concatenate([getattr(part, name) for part in parts]) for name in ("clip", "variant", "frame")))


@dataclasses.dataclass(frozen=True, slots=True)
class Copy:
    """[q0, q1) of the query shows [r0, r1) of the reference; basis frames."""

    q0: int
    q1: int
    r0: int
    r1: int
    backward: bool


class PairMaker:
    """Pairs of videos with copies between them, from clips; ``boilerplate`` is what strangers share as well."""

    def __init__(self, clips: Sequence[Clip], boilerplate: Sequence[Clip] = ()) -> None:
        self.clips = [*clips, *boilerplate]
        self._own = len(clips)
        self._lengths = np.array([len(clip) for clip in self.clips])
        self._variants = min(len(clip.embeddings) for clip in clips)
        self._scene = np.array([clip.scene for clip in self.clips])
        self._twins = _twins(clips)

    def pair(self, random: Random, longest: int, longest_ref: int, copied: bool) -> tuple[Footage, Footage, list[Copy]]:
        """(query, reference, copies); ``longest``: of the query, in basis frames; ``copied``: with copies."""
        ref = self._reference(random, int(longest_ref * random.uniform(0.3, 1)))
        room = int(longest * random.uniform(0.3, 1))
        pieces, spans = self._copies(random, ref, room) if copied else ([], [])
        hard = random.random() < 0.3
        gap_variant = int(pieces[0].variant[0]) if pieces and random.random() < 0.5 else 0
        if not pieces and random.random() < 0.5:
            gap_variant = int(random.integers(self._variants))
        room = (longest if pieces else room) - sum(map(len, pieces))
        wanted = [int(BASIS_FPS * random.uniform(0, 6)) for _ in range(len(pieces) + 1)] if pieces else [room]
        for end in (0, -1) if pieces and random.random() < 0.5 else ():
            if random.random() < 0.8:  # many copies are all that their video shows
                wanted[end] = 0
        shared = self._boilerplate(random) if random.random() < 0.25 else None
        query: list[Footage] = []
        copies: list[Copy] = []
        at = 0
        for index, length in enumerate(wanted):
            length = min(length, room)
            gap = self._filler(random, ref, length, hard).shown_as(gap_variant)
            room -= len(gap)
            query.append(gap)
            at += len(gap)
            if index < len(pieces):
                r0, r1, backward = spans[index]
                copies.append(Copy(at, at + len(pieces[index]), r0, r1, backward))
                query.append(pieces[index])
                at += len(pieces[index])
        whole = join(query)
        if shared is not None and len(shared) <= min(longest_ref - len(ref), longest - len(whole)):
            ref, whole, copies = self._with_shared(random, shared, ref, whole, copies)
        return whole, ref, copies

    def video(self, random: Random, length: int) -> Footage:
        """At most so many frames of several clips, edited in three cases of four; with boilerplate now and then."""
        parts = [self._reference(random, length)]
        shared = self._boilerplate(random) if random.random() < 0.2 else None
        if shared is not None:
            parts.insert(int(random.integers(2)), shared)
        variant = int(random.integers(self._variants)) if random.random() < 0.8 else 0
        return join([part.shown_as(variant % self._variants_of(part)) for part in parts])[:length]

    def embeddings(self, video: Footage) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """float32[N, D] and float32[N], the bias of each as a query."""
        embeddings = np.empty((len(video), self.clips[0].embeddings.shape[-1]), np.float32)
        bias = np.empty(len(video), np.float32)
        for clip in np.unique(video.clip):
            mine = video.clip == clip
            place = (video.variant[mine], video.frame[mine])
            embeddings[mine], bias[mine] = self.clips[clip].embeddings[place], self.clips[clip].bias[place]
        return embeddings, bias

    def thumbs(self, video: Footage) -> NDArray[np.uint8]:
        """uint8[N, 32, 32, 3]."""
        thumbs = np.empty((len(video), *self.clips[0].thumbs.shape[2:]), np.uint8)
        for clip in np.unique(video.clip):
            mine = video.clip == clip
            thumbs[mine] = self.clips[clip].thumbs[video.variant[mine], video.frame[mine]]
        return thumbs

    def _variants_of(self, part: Footage) -> int:
        return len(self.clips[int(part.clip[0])].embeddings)

    def _reference(self, random: Random, length: int) -> Footage:
        parts: list[Footage] = []
        used: set[int] = set()
        variant = int(random.integers(1, self._variants)) if random.random() < 0.15 else 0
        if random.random() < 0.4:  # one shot, most of them still: where it is copied from is hard to see
            clip = int(random.choice(self._own, p=self._lengths[: self._own] / self._lengths[: self._own].sum()))
            return self._stretch(random, clip, length).shown_as(variant)
        while length > 0 and len(used) < self._own:
            weights = self._lengths[: self._own] ** 0.5
            weights[list(used)] = 0
            clip = int(random.choice(self._own, p=weights / weights.sum()))
            used |= {clip, *np.flatnonzero(self._twins[clip]).tolist()}
            part = self._stretch(random, clip, length).shown_as(variant)
            parts.append(part)
            length -= len(part)
        return join(parts)

    def _copies(self, random: Random, ref: Footage, room: int) -> tuple[list[Footage], list[tuple[int, int, bool]]]:
        """Pieces of the query, each a copy, in the order in which they are shown; and where they are from."""
        count = 1 + int(random.choice(len(COUNTS), p=COUNTS))
        variant = int(random.integers(0 if random.random() < 0.3 else 1, self._variants))
        speed = float(random.choice(SPEEDS)) if random.random() < 0.35 else 1.0
        speed = float(np.exp(random.uniform(-0.8, 0.8))) if random.random() < 0.12 else speed
        backward = random.random() < 0.12
        hold = int(random.integers(2, 9)) if random.random() < 0.1 else 1
        lengths = LENGTHS_S[random.integers(2)]
        pieces: list[Footage] = []
        spans: list[tuple[int, int, bool]] = []
        for _ in range(count):
            drawn = float(np.exp(np.interp(random.uniform(0, 19), range(20), np.log(lengths))))
            most = min(len(ref), room * speed)
            if most > _LONG_S * BASIS_FPS and random.random() < 0.3:  # what the annotated lengths seldom reach
                drawn = random.uniform(0.3, 1.0) * most / BASIS_FPS
            length = int(np.clip(drawn * BASIS_FPS * (1 if drawn * BASIS_FPS <= most else random.random()), 0, most))
            if length < SHORTEST_S * BASIS_FPS * max(speed, 1.0):
                continue
            r0 = int(random.integers(0, len(ref) - length + 1))
            if any(r0 < end and start < r0 + length for start, end, _ in spans) and random.random() < 0.9:
                continue
            shown = max(round(length / speed), 1)
            source = r0 + ((np.arange(shown) // hold * hold + 0.5) * length / shown).astype(np.int64)
            pieces.append(ref[source[::-1] if backward else source].shown_as(variant))
            spans.append((r0, r0 + length, backward))
            room -= shown
        order = random.permutation(len(pieces))
        return [pieces[i] for i in order], [spans[i] for i in order]

    def _filler(self, random: Random, ref: Footage, length: int, hard: bool) -> Footage:
        """Footage that is not of the reference; hard: of its places, where there is any."""
        taken = np.unique(ref.clip)
        free = np.ones(self._own, np.bool_)
        free[taken] = False
        free &= ~self._twins[taken].any(axis=0)
        near = free & np.isin(self._scene[: self._own], self._scene[taken])
        pool = np.flatnonzero(
            near if hard and near.any() else free if free.any() else ~np.isin(range(self._own), taken)
        )
        parts = [ref[:0]]
        while length > 0 and len(pool):
            part = self._stretch(random, int(random.choice(pool)), length)
            parts.append(part)
            length -= len(part)
        return join(parts)

    def _stretch(self, random: Random, clip: int, longest: int) -> Footage:
        length = min(int(self._lengths[clip]), longest)
        start = int(random.integers(0, self._lengths[clip] - length + 1))
        return Footage(np.full(length, clip), np.zeros(length, np.int64), np.arange(start, start + length))

    def _boilerplate(self, random: Random) -> Footage | None:
        if self._own == len(self.clips):
            return None
        clip = int(random.integers(self._own, len(self.clips)))
        return self._stretch(random, clip, int(random.uniform(1, 6) * BASIS_FPS))

    def _with_shared(
        self, random: Random, shared: Footage, ref: Footage, query: Footage, copies: list[Copy]
    ) -> tuple[Footage, Footage, list[Copy]]:
        """The same boilerplate at one end of both videos: no copy."""
        n = len(shared)
        in_query = query.variant[:1] if len(query) else np.zeros(1, np.int64)
        mine = shared.shown_as(int(in_query[0]) % self._variants_of(shared))
        if random.random() < 0.5:
            ref = join([shared, ref])
            copies = [dataclasses.replace(copy, r0=copy.r0 + n, r1=copy.r1 + n) for copy in copies]
        else:
            ref = join([ref, shared])
        if random.random() < 0.5:
            copies = [dataclasses.replace(copy, q0=copy.q0 + n, q1=copy.q1 + n) for copy in copies]
            return ref, join([mine, query]), copies
        return ref, join([query, mine]), copies


def _twins(clips: Sequence[Clip], alike: float = 0.9, share: float = 0.1) -> NDArray[np.bool_]:
    """bool[C, C]: clips that share footage: one never fills a gap beside the other."""
    plain = [clip.embeddings[0].astype(np.float32) for clip in clips]
    twins = np.zeros((len(clips), len(clips)), np.bool_)
    for one, other in itertools.combinations(range(len(clips)), 2):
        similarity = plain[one] @ plain[other].T
        shared = max((similarity.max(axis=1) > alike).mean(), (similarity.max(axis=0) > alike).mean())
        twins[one, other] = twins[other, one] = shared > share
    return twins
