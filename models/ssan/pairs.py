"""Pairs of videos to train on, cut together from clips as people do: copies, other footage, shared boilerplate.

How long copies are and how many a pair shares is drawn from what was annotated in VCDB (Jiang et al., ECCV 2014) and
VSC22 (Pizzi et al., 2023); how fast they play from VSC22 (config.py).
"""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cliptrace.models.ssan.clips import Clip, load_clips
from cliptrace.models.ssan.config import PairsConfig, SKETraining, SPDTraining
from cliptrace.models.training.batches import Random
from cliptrace.schemas.config import BASIS_FPS, BackboneConfig

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
    """Pairs of videos with copies between them, from clips; ``boilerplate`` is what distractors share as well."""

    def __init__(self, clips: Sequence[Clip], boilerplate: Sequence[Clip], config: PairsConfig) -> None:
        self.clips, self._config = [*clips, *boilerplate], config
        self._own = len(clips)
        self._lengths = np.array([len(clip) for clip in self.clips])
        self._variants = min(len(clip.embeddings) for clip in clips)
        self._scene = np.array([clip.scene for clip in self.clips])
        self._twins = _twins(clips, config.twin_alike, config.twin_share)

    @classmethod
    def load(
        cls, data: Sequence[Path], output: Path, backbone: BackboneConfig, config: SKETraining | SPDTraining
    ) -> PairMaker:
        """Edits, encodes and embeds the footage, which takes longest; kept in ``output``/clips."""
        return cls(*load_clips(data, backbone, output / "clips", config.footage, config.seed), config.pairs)

    def pair(self, random: Random, longest: int, longest_ref: int, copied: bool) -> tuple[Footage, Footage, list[Copy]]:
        """(query, reference, copies); ``longest``: of the query, in basis frames; ``copied``: with copies."""
        config = self._config
        ref = self._reference(random, int(longest_ref * random.uniform(*config.filled)))
        room = int(longest * random.uniform(*config.filled))
        pieces, spans = self._copies(random, ref, room) if copied else ([], [])
        hard = random.random() < config.hard
        gap_variant = int(pieces[0].variant[0]) if pieces and random.random() < config.gaps_edited else 0
        if not pieces and random.random() < config.distractors_edited:
            gap_variant = int(random.integers(self._variants))
        room = (longest if pieces else room) - sum(map(len, pieces))
        gaps = len(pieces) + 1
        wanted = [int(BASIS_FPS * random.uniform(*config.gap_s)) for _ in range(gaps)] if pieces else [room]
        for end in (0, -1) if pieces and random.random() < config.all_copied else ():
            if random.random() < config.end_copied:  # many copies are all that their video shows
                wanted[end] = 0
        shared = self._boilerplate(random) if random.random() < config.shared else None
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
        """At most so many frames of several clips, most of them edited; with boilerplate now and then."""
        parts = [self._reference(random, length)]
        shared = self._boilerplate(random) if random.random() < self._config.video_shared else None
        if shared is not None:
            parts.insert(int(random.integers(2)), shared)
        variant = int(random.integers(self._variants)) if random.random() < self._config.video_edited else 0
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
        is_edited = random.random() < self._config.reference_edited
        variant = int(random.integers(1, self._variants)) if is_edited else 0
        if random.random() < self._config.one_shot:
            clip = int(random.choice(self._own, p=self._lengths[: self._own] / self._lengths[: self._own].sum()))
            return self._stretch(random, clip, length).shown_as(variant)
        while length > 0 and len(used) < self._own:
            weights = self._lengths[: self._own] ** self._config.longer_first
            weights[list(used)] = 0
            clip = int(random.choice(self._own, p=weights / weights.sum()))
            used |= {clip, *np.flatnonzero(self._twins[clip]).tolist()}
            part = self._stretch(random, clip, length).shown_as(variant)
            parts.append(part)
            length -= len(part)
        return join(parts)

    def _copies(self, random: Random, ref: Footage, room: int) -> tuple[list[Footage], list[tuple[int, int, bool]]]:
        """Pieces of the query, each a copy, in the order in which they are shown; and where they are from."""
        config = self._config
        count = 1 + int(random.choice(len(config.counts), p=config.counts))
        variant = int(random.integers(0 if random.random() < config.as_it_is else 1, self._variants))
        speed = float(random.choice(config.speeds)) if random.random() < config.other_speed else 1.0
        if random.random() < config.any_speed:
            speed = float(np.exp(random.uniform(*config.any_speed_range)))
        backward = random.random() < config.backward
        hold = int(random.integers(*config.held_frames)) if random.random() < config.held else 1
        lengths = config.lengths_s[random.integers(len(config.lengths_s))]
        pieces: list[Footage] = []
        spans: list[tuple[int, int, bool]] = []
        for _ in range(count):
            drawn = float(np.exp(np.interp(random.uniform(0, len(lengths) - 1), range(len(lengths)), np.log(lengths))))
            most = min(len(ref), room * speed)
            if most > config.long_s * BASIS_FPS and random.random() < config.long:
                drawn = random.uniform(*config.long_share) * most / BASIS_FPS
            length = int(np.clip(drawn * BASIS_FPS * (1 if drawn * BASIS_FPS <= most else random.random()), 0, most))
            if length < config.shortest_s * BASIS_FPS * max(speed, 1.0):
                continue
            r0 = int(random.integers(0, len(ref) - length + 1))
            shown_before = any(r0 < end and start < r0 + length for start, end, _ in spans)
            if shown_before and random.random() < config.other_place:
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
        return self._stretch(random, clip, int(random.uniform(*self._config.shared_s) * BASIS_FPS))

    def _with_shared(
        self, random: Random, shared: Footage, ref: Footage, query: Footage, copies: list[Copy]
    ) -> tuple[Footage, Footage, list[Copy]]:
        """The same boilerplate at one end of both videos: no copy."""
        n = len(shared)
        in_query = query.variant[:1] if len(query) else np.zeros(1, np.int64)
        mine = shared.shown_as(int(in_query[0]) % self._variants_of(shared))
        if random.random() < self._config.shared_first:
            ref = join([shared, ref])
            copies = [dataclasses.replace(copy, r0=copy.r0 + n, r1=copy.r1 + n) for copy in copies]
        else:
            ref = join([ref, shared])
        if random.random() < self._config.shared_first:
            copies = [dataclasses.replace(copy, q0=copy.q0 + n, q1=copy.q1 + n) for copy in copies]
            return ref, join([mine, query]), copies
        return ref, join([query, mine]), copies


def _twins(clips: Sequence[Clip], alike: float, share: float) -> NDArray[np.bool_]:
    """bool[C, C]: clips that share footage: one never fills a gap beside the other."""
    plain = [clip.embeddings[0].astype(np.float32) for clip in clips]
    twins = np.zeros((len(clips), len(clips)), np.bool_)
    for one, other in itertools.combinations(range(len(clips)), 2):
        similarity = plain[one] @ plain[other].T
        shared = max((similarity.max(axis=1) > alike).mean(), (similarity.max(axis=0) > alike).mean())
        twins[one, other] = twins[other, one] = shared > share
    return twins
