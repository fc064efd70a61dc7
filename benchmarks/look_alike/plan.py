"""Which pairs a split has and what every query holds, decided before a frame is made: the same for the same seed."""

from __future__ import annotations

import dataclasses
import random
from collections.abc import Mapping, Sequence
from typing import Literal

from benchmarks.attacks.edits import CATALOGUE, SEVERITIES, Recipe, Severity
from benchmarks.attacks.media import FPS
from benchmarks.attacks.plan import Clip, Piece, QueryPlan, Truth, copied_piece, gap_piece, truth_of
from benchmarks.attacks.splits import Split
from benchmarks.look_alike.sources import GAMES_PER_SPLIT, RealPair, Stretch

Role = Literal["other", "copy"]
Form = Literal["whole", "part", "inserted"]

KINDS: Mapping[str, str] = {
    "terminal": "screen",
    "editor": "screen",
    "table": "screen",
    "dashboard": "screen",
    "calendar": "screen",
    "slides": "slides",
    "whiteboard": "slides",
    "quiz": "slides",
    "chat": "chat",
    "lyrics": "captions",
    "karaoke": "captions",
    "subtitles": "captions",
    "credits": "captions",
    "chart": "chart",
    "map": "map",
    "ticker": "studio",
    "call": "call",
    "court": "court",
    "avatar": "avatar",
    "corridor": "night",
    "visualiser": "visualiser",
}
"""Scene → kind."""
DESIGNS: Mapping[Split, Mapping[str, int]] = {
    "train": dict.fromkeys(("terminal", "editor", "slides", "lyrics"), 4)
    | dict.fromkeys(
        ("chat", "subtitles", "chart", "table", "map", "court", "avatar", "ticker", "karaoke", "credits"), 3
    )
    | dict.fromkeys(("corridor", "visualiser", "call"), 2),
    "validation": dict.fromkeys(("terminal", "editor", "slides", "lyrics", "chat", "subtitles", "chart"), 3)
    | dict.fromkeys(
        ("table", "map", "court", "avatar", "ticker", "karaoke", "credits", "corridor", "visualiser", "call"), 2
    ),
    "test": dict.fromkeys(("terminal", "editor", "slides", "lyrics", "chat", "subtitles", "chart"), 3)
    | dict.fromkeys(("quiz", "dashboard", "whiteboard", "calendar"), 2)
    | dict.fromkeys(
        ("table", "map", "court", "avatar", "ticker", "karaoke", "credits", "corridor", "visualiser", "call"), 2
    ),
}
"""How many designs of each scene; quizzes, dashboards, whiteboards and calendars are seen in the test split alone."""
_SECONDS = (5.0, 14.0)
_PACES = (1.0, 1.0, 1.0, 0.6, 1.6)
"""Of the other take, as a multiple of the first's."""

_WEIGHTS: Mapping[str, float] = {
    "reencode": 3,
    "downscale": 1.5,
    "crop": 2,
    "letterbox": 1,
    "mirror": 1,
    "colour": 1.5,
    "grey": 0.5,
    "overlay": 2,
    "blur": 0.7,
    "noise": 1,
    "speed": 2,
    "frame_rate": 0.7,
    "borders": 1,
    "picture_in_picture": 0.7,
    "mixed": 2,
}
_UP_TO_MEDIUM = {"downscale", "mirror", "blur", "noise", "speed", "picture_in_picture", "mixed"}
"""What goes further leaves nothing by which anybody could tell a copy from a look-alike, or is rare."""
_LOOKS, _SHAPES = (
    ("reencode", "downscale", "colour", "grey", "overlay", "noise"),
    ("crop", "letterbox", "mirror", "borders"),
)
_UNEDITED: Mapping[Role, float] = {"copy": 0.1, "other": 0.4}
_FORMS: Mapping[Role, tuple[float, float, float]] = {"copy": (0.45, 0.2, 0.35), "other": (0.6, 0.15, 0.25)}
_PART_S = (2.0, 8.0)
_GAP_S = (1.5, 4.0)
_SIZES = (1.0, 0.8, 2 / 3)


@dataclasses.dataclass(frozen=True, slots=True)
class Drawing:
    """One take of a drawn scene. design: what both takes share is drawn from; of one split. take: 1 or 2."""

    scene: str
    split: Split
    design: str
    take: int
    seconds: float
    pace: float


@dataclasses.dataclass(frozen=True, slots=True)
class Filmed:
    """One take of real footage. night: darkened, without colour, and grainy; grain: its seed."""

    stretches: tuple[Stretch, ...]
    night: bool = False
    grain: int = 0

    @property
    def seconds(self) -> float:
        return sum(each.seconds for each in self.stretches)


Take = Drawing | Filmed


@dataclasses.dataclass(frozen=True, slots=True)
class Look:
    """A reference and another video that looks like it. family: all of it belongs to one split."""

    name: str
    kind: str
    family: str
    first: Take
    other: Take


@dataclasses.dataclass(frozen=True, slots=True)
class Query:
    """plan: its one copied piece is of the reference, or of what looks like it."""

    role: Role
    look: Look
    form: Form
    plan: QueryPlan


def ref_id(look: Look) -> str:
    return f"{look.name}.mp4"


def other_id(look: Look) -> str:
    return f"{look.name} other"


def truth(queries: Sequence[Query]) -> list[Truth]:
    return [row for query in queries if query.role == "copy" for row in truth_of(query.plan)]


def plan_looks(split: Split, seed: int, real: Sequence[RealPair]) -> list[Look]:
    rng = random.Random(f"looks {split} {seed}")
    games = [pair for pair in real if pair.kind == "game"]
    chosen = {pair.name for pair in rng.sample(games, min(GAMES_PER_SPLIT, len(games)))}
    filmed = [_filmed(pair) for pair in real if pair.kind != "game" or pair.name in chosen]
    return [*filmed, *(_drawn(split, seed, scene, n) for scene, count in DESIGNS[split].items() for n in range(count))]


def _filmed(pair: RealPair) -> Look:
    takes = Filmed(pair.first, pair.night, 1), Filmed(pair.other, pair.night, 2)
    return Look(f"{pair.kind}-{pair.name}", pair.kind, pair.family, *takes)


def _drawn(split: Split, seed: int, scene: str, number: int) -> Look:
    design = f"{split} {scene} {number} {seed}"
    rng = random.Random(f"takes {design}")
    pace = rng.choice(_PACES)
    takes = [
        Drawing(scene, split, design, take, round(rng.uniform(*_SECONDS)), 1.0 if take == 1 else pace)
        for take in (1, 2)
    ]
    return Look(f"{scene}-{number + 1}", KINDS[scene], f"drawn {design}", *takes)


def plan_queries(
    looks: Sequence[Look], clips: Mapping[str, Clip], background: Sequence[Clip], split: Split, seed: int
) -> list[Query]:
    """clips: of both takes of every look, by ref_id and other_id."""
    planner = _Planner(random.Random(f"queries {split} {seed}"), clips, background)
    queries = []
    for look in looks:
        queries.append(planner.query(look, "other", f"{look.name}-other"))
        queries += [planner.query(look, "copy", f"{look.name}-copy{number + 1}") for number in range(planner.copies())]
    return queries


def draw_edit(rng: random.Random, unedited: float) -> tuple[str, Severity | Literal[""], Recipe]:
    """Name, severity and recipe of an edit; "none" with a chance of ``unedited``."""
    if rng.random() < unedited:
        return "none", "", Recipe()
    (edit,) = rng.choices(list(_WEIGHTS), list(_WEIGHTS.values()))
    severity = rng.choice(SEVERITIES[:2] if edit in _UP_TO_MEDIUM else SEVERITIES)
    step = SEVERITIES.index(severity)
    if edit != "mixed":
        return edit, severity, rng.choice(CATALOGUE[edit][step])
    look, shape = (rng.choice(CATALOGUE[rng.choice(names)][step]) for names in (_LOOKS, _SHAPES))
    return edit, severity, look.then(shape)


class _Planner:
    def __init__(self, rng: random.Random, clips: Mapping[str, Clip], background: Sequence[Clip]) -> None:
        self._rng, self._clips, self._background = rng, clips, background

    def copies(self) -> int:
        return self._rng.choice((1, 2))

    def query(self, look: Look, role: Role, name: str) -> Query:
        edit, severity, recipe = draw_edit(self._rng, _UNEDITED[role])
        clip = self._clips[ref_id(look) if role == "copy" else other_id(look)]
        forms: tuple[Form, ...] = ("whole", "part", "inserted")
        (form,) = self._rng.choices(forms, _FORMS[role])
        if clip.frames < 1.5 * _PART_S[0] * FPS and form == "part":
            form = "whole"
        piece = self._piece(clip, form, recipe)
        pieces = [self._gap(), piece, self._gap()] if form == "inserted" else [piece]
        size = self._rng.choice(_SIZES)
        width, height = (round(side * size / 2) * 2 for side in (clip.width, clip.height))
        kind: Literal["inserted", "whole"] = "inserted" if form == "inserted" else "whole"
        plan = QueryPlan(f"{name}.mp4", kind, width, height, tuple(pieces), edit, (edit,), severity, recipe)
        return Query(role, look, form, plan)

    def _piece(self, clip: Clip, form: Form, recipe: Recipe) -> Piece:
        start, length = 0, clip.frames
        if form != "whole":
            longest = min(_PART_S[1] * FPS, clip.frames)
            length = round(self._rng.uniform(min(_PART_S[0] * FPS, longest), longest))
            start = self._rng.randint(0, clip.frames - length)
        return copied_piece(self._rng, clip, start, length, recipe, self._background)

    def _gap(self) -> Piece:
        return gap_piece(self._rng, self._background, _GAP_S)
