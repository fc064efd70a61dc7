"""The catalogue of edits: what a copy may have suffered, each in three severities, as parts of an ffmpeg filter graph.

A recipe works on the copied seconds only, already fitted to the canvas of the query; times in the truth follow from
``speed`` and ``reversed`` and from nothing else. Text is drawn as rows of boxes: no font, no difference
between machines.
"""

from __future__ import annotations

import dataclasses
import random
from collections.abc import Mapping
from fractions import Fraction
from typing import Literal, get_args

from benchmarks.attacks.media import X264

Severity = Literal["mild", "medium", "severe"]
SEVERITIES: tuple[Severity, ...] = get_args(Severity)


@dataclasses.dataclass(frozen=True, slots=True)
class Inset:
    """The copy shrinks to a part of the canvas; all numbers are shares of the canvas's width and height.

    backdrop: "footage" (other footage plays behind), "blur" (the copy itself, blurred) or a colour ffmpeg knows.
    """

    x: float
    y: float
    width: float
    height: float
    backdrop: str


@dataclasses.dataclass(frozen=True, slots=True)
class Recipe:
    """One way to edit a copy.

    speed: reference seconds a query second. sampling: filters that lose frames and keep the time line.
    picture: filters from canvas to canvas; {w} and {h} stand for its size. encoder: arguments for the whole query file.
    """

    picture: tuple[str, ...] = ()
    sampling: tuple[str, ...] = ()
    inset: Inset | None = None
    speed: Fraction = Fraction(1)
    reversed: bool = False
    encoder: tuple[str, ...] = ()

    def then(self, other: Recipe) -> Recipe:
        """Both edits, this one first. Of two insets or encoders the later wins."""
        return Recipe(
            picture=self.picture + other.picture,
            sampling=self.sampling + other.sampling,
            inset=other.inset or self.inset,
            speed=self.speed * other.speed,
            reversed=self.reversed != other.reversed,
            encoder=other.encoder or self.encoder,
        )


def _picture(*filters: str) -> Recipe:
    return Recipe(picture=filters)


def _x264(crf: int) -> Recipe:
    return Recipe(encoder=(*X264, "-preset", "veryfast", "-crf", str(crf)))


def _coarse(codec: str, quantiser: int) -> Recipe:
    return Recipe(encoder=("-c:v", codec, "-q:v", str(quantiser)))


def _shrink(divisor: int) -> Recipe:
    return _picture(f"scale={{w}}/{divisor}:-2:flags=area", "scale={w}:{h}:flags=bilinear")


def _crop(share: float, x: float, y: float) -> Recipe:
    """Cut ``share`` of the width and the height away; x, y in [0, 1]: how much of it on the left and at the top."""
    kept = 1 - share
    return _picture(f"crop=iw*{kept}:ih*{kept}:(iw-ow)*{x}:(ih-oh)*{y}", "scale={w}:{h}")


def _bars(width: float, height: float) -> Recipe:
    # Squeezed, not cut: after a network's square resize that is the same as a canvas of another shape.
    return Recipe(inset=Inset((1 - width) / 2, (1 - height) / 2, width, height, "black"))


def _framed(share: float, backdrop: str) -> Recipe:
    return Recipe(inset=Inset((1 - share) / 2, (1 - share) / 2, share, share, backdrop))


def _over_footage(x: float, y: float, width: float, height: float) -> Recipe:
    return Recipe(inset=Inset(x, y, width, height, "footage"))


def _turn(degrees: int) -> Recipe:
    return _picture(f"rotate={degrees}*PI/180:fillcolor=black")


def _box(x: float, y: float, width: float, height: float, colour: str) -> str:
    return f"drawbox=x=iw*{x}:y=ih*{y}:w=iw*{width}:h=ih*{height}:color={colour}:t=fill"


def _caption(y: float, height: float) -> tuple[str, ...]:
    """A dark banner with a line of words, drawn as light boxes of unequal widths."""
    words = ((0.06, 0.11), (0.19, 0.05), (0.26, 0.16), (0.44, 0.08), (0.54, 0.14), (0.70, 0.06), (0.78, 0.13))
    banner = _box(0, y, 1, height, "black@0.75")
    return (banner, *(_box(x, y + height * 0.3, width, height * 0.4, "white") for x, width in words))


def _logo(x: float, y: float, size: float) -> tuple[str, ...]:
    return (
        _box(x, y, size, size, "red@0.9"),
        _box(x + size * 0.2, y + size * 0.2, size * 0.6, size * 0.25, "yellow"),
        _box(x + size * 0.4, y + size * 0.2, size * 0.2, size * 0.6, "yellow"),
    )


def _speed(numerator: int, denominator: int) -> Recipe:
    return Recipe(speed=Fraction(numerator, denominator))


def _rate(fps: int) -> Recipe:
    return Recipe(sampling=(f"fps={fps}",))


def _drop(kept: int, of: int) -> Recipe:
    """Only the first ``kept`` of every ``of`` frames arrive; the last of them freezes until the next."""
    return Recipe(sampling=(rf"select=lt(mod(n\,{of})\,{kept})",))


_BACKWARDS = Recipe(reversed=True)
_FLIP = _picture("hflip")

CATALOGUE: Mapping[str, tuple[tuple[Recipe, ...], tuple[Recipe, ...], tuple[Recipe, ...]]] = {
    "reencode": (
        (_x264(32), _coarse("mpeg4", 10)),
        (_x264(40), _coarse("mpeg4", 22), _coarse("mpeg2video", 24)),
        (_x264(47), _coarse("mpeg4", 31)),
    ),
    "downscale": ((_shrink(2),), (_shrink(4),), (_shrink(8),)),
    "crop": (
        (_crop(0.1, 0.5, 0.5), _crop(0.1, 0, 0)),
        (_crop(0.2, 0.5, 0.5), _crop(0.2, 1, 0)),
        (_crop(0.3, 0.5, 0.5), _crop(0.3, 0, 1)),
    ),
    "letterbox": (
        (_bars(1, 0.85), _bars(0.85, 1)),
        (_bars(1, 0.7), _bars(0.7, 1)),
        (_bars(1, 0.5), _bars(0.5, 1)),
    ),
    "mirror": ((_FLIP,), (_FLIP.then(_crop(0.1, 0.5, 0.5)),), (_picture("vflip"),)),
    "rotate": ((_turn(4), _turn(-4)), (_turn(10), _turn(-10)), (_turn(20), _turn(-20))),
    "quarter_turn": (
        (_picture("hflip", "vflip"),),
        (_picture("transpose=1", "scale={w}:{h}"), _picture("transpose=2", "scale={w}:{h}")),
        # Upright in a canvas of the old shape: bars on two sides.
        (
            _picture("transpose=1", "scale={w}:{h}:force_original_aspect_ratio=decrease", "pad={w}:{h}:-1:-1"),
            _picture("transpose=2", "scale={w}:{h}:force_original_aspect_ratio=decrease", "pad={w}:{h}:-1:-1"),
        ),
    ),
    "colour": (
        (_picture("eq=contrast=1.15:gamma=1.1:saturation=1.25"), _picture("eq=contrast=0.85:gamma=0.9")),
        (_picture("eq=contrast=1.4:gamma=0.7:saturation=1.6"), _picture("hue=h=35", "eq=gamma=1.4")),
        (_picture("hue=h=100:s=1.4", "eq=contrast=1.5"), _picture("eq=contrast=0.5:gamma=0.45:saturation=0.4")),
    ),
    "grey": (
        (_picture("hue=s=0.35"),),
        (_picture("hue=s=0"),),
        (_picture("hue=s=0", "eq=contrast=2.2:brightness=-0.05"),),
    ),
    "blur": ((_picture("gblur=1.5"),), (_picture("gblur=4"),), (_picture("gblur=8"),)),
    "noise": (
        (_picture("noise=alls=15:allf=t"),),
        (_picture("noise=alls=40:allf=t"),),
        (_picture("noise=alls=90:allf=t"),),
    ),
    "overlay": (
        (_picture(*_logo(0.83, 0.05, 0.12)), _picture(*_logo(0.05, 0.8, 0.12))),
        (_picture(*_caption(0.78, 0.17), *_logo(0.8, 0.05, 0.15)),),
        (_picture(*_caption(0.72, 0.25), *_caption(0.0, 0.14), *_logo(0.08, 0.22, 0.3)),),
    ),
    "borders": (
        (_framed(0.85, "white"), _framed(0.85, "blur")),
        (_framed(0.7, "steelblue"), _framed(0.7, "blur")),
        (_framed(0.5, "darkorange"), _framed(0.5, "blur")),
    ),
    "picture_in_picture": (
        (_over_footage(0.25, 0.2, 0.7, 0.7), _over_footage(0.05, 0.05, 0.7, 0.7)),
        (_over_footage(0.45, 0.4, 0.5, 0.5), _over_footage(0.05, 0.45, 0.5, 0.5)),
        (_over_footage(0.62, 0.05, 0.33, 0.33), _over_footage(0.05, 0.62, 0.33, 0.33)),
    ),
    "side_by_side": (
        (_over_footage(0, 0, 0.65, 1), _over_footage(0.35, 0, 0.65, 1)),
        (_over_footage(0, 0, 0.5, 1), _over_footage(0.5, 0, 0.5, 1)),
        (_over_footage(0, 0, 1 / 3, 1), _over_footage(2 / 3, 0, 1 / 3, 1)),
    ),
    "speed": (
        (_speed(4, 5), _speed(5, 4)),
        (_speed(3, 4), _speed(3, 2)),
        (_speed(1, 2), _speed(2, 1)),
    ),
    "reversed": (
        (_BACKWARDS,),
        (_BACKWARDS.then(_speed(5, 4)), _BACKWARDS.then(_speed(4, 5))),
        (_BACKWARDS.then(_speed(2, 1)), _BACKWARDS.then(_FLIP)),
    ),
    "frame_rate": ((_rate(12),), (_rate(6),), (_rate(3),)),
    "frame_drops": ((_drop(4, 5),), (_drop(6, 12),), (_drop(8, 25),)),
}
"""Edit → for each severity the variants to draw from."""

MIXED = "mixed"
EDITS: tuple[str, ...] = (*CATALOGUE, MIXED)

_SHAPE = ("crop", "letterbox", "mirror", "quarter_turn", "borders", "picture_in_picture", "side_by_side")
_LOOK = ("reencode", "colour", "grey", "blur", "noise", "overlay", "downscale")
_TIME = ("speed", "reversed", "frame_rate", "frame_drops")


def draw(edit: str, severity: Severity, rng: random.Random) -> tuple[tuple[str, ...], Recipe]:
    """The names of the edits that act, in order, and their common recipe.

    Mixed: a look and a shape at the named severity up to medium; severe adds an edit in time to two medium ones.
    """
    if edit != MIXED:
        return (edit,), rng.choice(CATALOGUE[edit][SEVERITIES.index(severity)])
    groups = (_LOOK, _SHAPE, _TIME) if severity == "severe" else (_LOOK, _SHAPE)
    names = tuple(rng.choice(group) for group in groups)
    step = min(SEVERITIES.index(severity), 1)
    recipe = Recipe()
    for name in names:
        recipe = recipe.then(rng.choice(CATALOGUE[name][step]))
    return names, recipe
