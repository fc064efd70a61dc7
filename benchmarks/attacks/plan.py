"""What every query will hold, decided before a frame is made: pure, in whole frames, the same for the same seed."""

from __future__ import annotations

import dataclasses
import itertools
import math
import random
from collections.abc import Sequence
from typing import Literal

from benchmarks.attacks import edits
from benchmarks.attacks.edits import Recipe, Severity
from benchmarks.attacks.geometry import SHORTEST_S, Geometry
from benchmarks.attacks.media import FPS

BACKGROUND_SHARE = 0.28
"""Of a split's videos: footage to hide copies in, never in the gallery."""
NEGATIVE_SHARE = 0.15
"""Of the queries: nothing but background."""
_WHOLE_SHARE = 0.15
"""Of the queries with copies: a whole gallery video, edited, and nothing else."""
_TWO_REFS_SHARE = 0.2
_FIRST_SHARE = 0.85
"""Of the queries: begin with background; as many end with it."""
_GAP_S = (1.5, 5.0)
_SHORTEST_QUERY_S, _LONGEST_WHOLE_S = 10.0, 30.0
_SIZES = (1.0, 0.8, 2 / 3)

Kind = Literal["inserted", "whole", "background"]


@dataclasses.dataclass(frozen=True, slots=True)
class Clip:
    """A video of the split at FPS frames a second. width, height: even pixels, square ones."""

    video_id: str
    frames: int
    width: int
    height: int


@dataclasses.dataclass(frozen=True, slots=True)
class Piece:
    """``frames`` of a query, made of ``source_frames`` of a clip from frame ``start`` on.

    behind: the clip that plays behind an inset, "" for none. copied: whether the edit applies and the truth names it.
    """

    video_id: str
    start: int
    source_frames: int
    frames: int
    copied: bool
    behind: str = ""


@dataclasses.dataclass(frozen=True, slots=True)
class QueryPlan:
    query_id: str
    kind: Kind
    width: int
    height: int
    pieces: tuple[Piece, ...]
    edit: str = ""
    edits: tuple[str, ...] = ()
    severity: str = ""
    recipe: Recipe = dataclasses.field(default_factory=Recipe)

    @property
    def frames(self) -> int:
        return sum(piece.frames for piece in self.pieces)


@dataclasses.dataclass(frozen=True, slots=True)
class Truth:
    """One row of truth.csv: ids and seconds, half-open."""

    query_id: str
    ref_id: str
    query_start: float
    query_end: float
    ref_start: float
    ref_end: float


def truth_of(plan: QueryPlan) -> list[Truth]:
    rows: list[Truth] = []
    at = 0
    for piece in plan.pieces:
        if piece.copied:
            query = (at / FPS, (at + piece.frames) / FPS)
            ref = (piece.start / FPS, (piece.start + piece.source_frames) / FPS)
            rows.append(Truth(plan.query_id, piece.video_id, *query, *ref))
        at += piece.frames
    return rows


def copied_piece(
    rng: random.Random, source: Clip, start: int, length: int, recipe: Recipe, background: Sequence[Clip]
) -> Piece:
    """About ``length`` frames of a clip: whole frames on both sides, or the end would lie between two frames."""
    steps = length // recipe.speed.numerator
    over_footage = recipe.inset is not None and recipe.inset.backdrop == "footage"
    behind = rng.choice(background).video_id if over_footage else ""
    source_frames, frames = steps * recipe.speed.numerator, steps * recipe.speed.denominator
    return Piece(source.video_id, start, source_frames, frames, copied=True, behind=behind)


def gap_piece(rng: random.Random, background: Sequence[Clip], lasting_s: tuple[float, float] = _GAP_S) -> Piece:
    """Some seconds of footage that nobody copied."""
    clip = rng.choice(background)
    frames = min(round(rng.uniform(*lasting_s) * FPS), clip.frames)
    return Piece(clip.video_id, rng.randint(0, clip.frames - frames), frames, frames, copied=False)


def hold_out(video_ids: Sequence[str], seed: int) -> tuple[list[str], list[str]]:
    """The videos of a split → (gallery, background)."""
    shuffled = sorted(video_ids)
    random.Random(f"hold out {seed}").shuffle(shuffled)
    background = max(1, round(BACKGROUND_SHARE * len(shuffled)))
    return sorted(shuffled[background:]), sorted(shuffled[:background])


def cells(count: int) -> list[tuple[str, Severity]]:
    """(edit, severity) of ``count`` queries: edits, severities and their pairs as even as the number allows."""
    edit_count = len(edits.EDITS)
    return [
        (edits.EDITS[index % edit_count], edits.SEVERITIES[(index % edit_count + index // edit_count) % 3])
        for index in range(count)
    ]


def plan_queries(
    gallery: Sequence[Clip], background: Sequence[Clip], geometry: Geometry, seed: int, queries: int
) -> list[QueryPlan]:
    return _Planner(gallery, background, geometry, seed).plan(queries)


class _Planner:
    def __init__(self, gallery: Sequence[Clip], background: Sequence[Clip], geometry: Geometry, seed: int) -> None:
        self._rng = random.Random(f"queries {seed}")
        self._background = background
        self._geometry = geometry
        self._sources = [clip for clip in gallery if clip.frames >= SHORTEST_S * FPS]
        if not self._sources:
            raise ValueError(f"no gallery video is as long as the shortest copy, {SHORTEST_S} s")
        self._turns: list[Clip] = []

    def plan(self, queries: int) -> list[QueryPlan]:
        negatives = round(NEGATIVE_SHARE * queries)
        plans = [self._with_copies(edit, severity) for edit, severity in cells(queries - negatives)]
        plans += [self._without_copies() for _ in range(negatives)]
        self._rng.shuffle(plans)  # the number of a query tells nothing about it
        return [dataclasses.replace(plan, query_id=f"query{number:04d}.mp4") for number, plan in enumerate(plans)]

    def _with_copies(self, edit: str, severity: Severity) -> QueryPlan:
        names, recipe = edits.draw(edit, severity, self._rng)
        source = self._next_source()
        whole = self._rng.random() < _WHOLE_SHARE
        pieces = self._whole(source, recipe) if whole else self._inserted(source, recipe)
        width, height = self._canvas(source)
        kind: Kind = "whole" if whole else "inserted"
        return QueryPlan("", kind, width, height, tuple(pieces), edit, names, severity, recipe)

    def _without_copies(self) -> QueryPlan:
        frames = self._rng.uniform(_SHORTEST_QUERY_S, _LONGEST_WHOLE_S) * FPS
        pieces: list[Piece] = []
        while sum(piece.frames for piece in pieces) < frames:
            pieces.append(self._gap())
        return QueryPlan("", "background", *self._canvas(self._rng.choice(self._background)), tuple(pieces))

    def _whole(self, source: Clip, recipe: Recipe) -> list[Piece]:
        return [self._copy(source, 0, min(source.frames, round(_LONGEST_WHOLE_S * FPS)), recipe)]

    def _inserted(self, source: Clip, recipe: Recipe) -> list[Piece]:
        count = self._geometry.draw_count(self._rng)
        copies = self._segments(source, count, recipe)
        if len(self._sources) > 1 and self._rng.random() < _TWO_REFS_SHARE:
            copies += self._segments(self._nearest_shape(source), 1, recipe)
        self._rng.shuffle(copies)
        pieces = [self._gap()] if self._rng.random() < _FIRST_SHARE else []
        for copy in copies:
            pieces += [copy, self._gap()]
        if len(pieces) > 2 and self._rng.random() > _FIRST_SHARE:
            pieces.pop()
        while sum(piece.frames for piece in pieces) < _SHORTEST_QUERY_S * FPS:
            pieces.insert(0, self._gap())
        return pieces

    def _segments(self, source: Clip, count: int, recipe: Recipe) -> list[Piece]:
        """Up to ``count`` stretches of one video that do not overlap: it is cut at random between them."""
        shortest = min(math.ceil(SHORTEST_S * FPS * max(1.0, float(recipe.speed))), source.frames)
        count = max(1, min(count, source.frames // shortest))
        spare = source.frames - count * shortest
        cuts = [0, *sorted(self._rng.randint(0, spare) for _ in range(count - 1)), spare]
        copies = []
        for index, (before, after) in enumerate(itertools.pairwise(cuts)):
            room: int = shortest + after - before
            length = round(self._geometry.draw_length(self._rng, room / FPS) * FPS)
            start = before + index * shortest + self._rng.randint(0, room - length)
            copies.append(self._copy(source, start, length, recipe))
        return copies

    def _copy(self, source: Clip, start: int, length: int, recipe: Recipe) -> Piece:
        return copied_piece(self._rng, source, start, length, recipe, self._background)

    def _gap(self) -> Piece:
        return gap_piece(self._rng, self._background)

    def _next_source(self) -> Clip:
        """Every gallery video once before any comes again."""
        if not self._turns:
            self._turns = self._rng.sample(self._sources, len(self._sources))
        return self._turns.pop()

    def _nearest_shape(self, source: Clip) -> Clip:
        """Another video for the same canvas: one whose picture must be cut least."""
        others = [clip for clip in self._sources if clip != source]
        others.sort(key=lambda clip: abs(clip.width / clip.height - source.width / source.height))
        return self._rng.choice(others[:3])

    def _canvas(self, clip: Clip) -> tuple[int, int]:
        size = self._rng.choice(_SIZES)
        return round(clip.width * size / 2) * 2, round(clip.height * size / 2) * 2
