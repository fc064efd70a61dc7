"""What a drawn scene looks like, and of which words it is made: decided by its design, which belongs to one split."""

from __future__ import annotations

import colorsys
import dataclasses
import random
from pathlib import Path

from benchmarks.attacks.splits import Split

_SIZES = ((640, 360), (640, 360), (640, 480), (480, 360), (512, 384), (360, 640), (480, 480), (640, 400), (600, 338))
_FONTS: dict[Split, tuple[str, ...]] = {
    "train": ("DejaVu Sans", "DejaVu Serif", "DejaVu Sans Condensed"),
    "validation": ("DejaVu Sans", "DejaVu Serif", "DejaVu Sans Light"),
    "test": ("DejaVu Sans", "DejaVu Serif", "DejaVu Sans Condensed", "DejaVu Sans Light"),
}
MONO = "DejaVu Sans Mono"

_WORDS = Path(__file__).with_name("words.txt")
"""Every third word is one split's: none is in two."""
_TURN: dict[Split, int] = {"train": 0, "validation": 1, "test": 2}


def words_of(split: Split) -> tuple[str, ...]:
    return tuple(_WORDS.read_text(encoding="utf-8").split()[_TURN[split] :: 3])


@dataclasses.dataclass(frozen=True, slots=True)
class Style:
    """Pixels and RRGGBB colours. shade: of panels on the ground. bright, second: accents. pace: 1 is usual."""

    width: int
    height: int
    ground: str
    shade: str
    ink: str
    pale: str
    bright: str
    second: str
    font: str
    scale: float
    pace: float


def make_style(split: Split, rng: random.Random, dark: bool | None = None) -> Style:
    width, height = rng.choice(_SIZES)
    hue, is_dark = rng.random(), rng.random() < 0.5 if dark is None else dark
    depth = rng.random()
    if is_dark:
        ground, shade = (
            _rgb(hue, rng.uniform(0, 0.6), 0.16 * depth),
            _rgb(hue, rng.uniform(0, 0.5), 0.16 * depth + 0.12),
        )
        text, pale = _rgb(hue, 0.05, rng.uniform(0.82, 1)), _rgb(hue, 0.1, rng.uniform(0.5, 0.65))
    else:
        ground, shade = (
            _rgb(hue, 0.14 * depth, rng.uniform(0.9, 1)),
            _rgb(hue, 0.1 + 0.15 * depth, rng.uniform(0.75, 0.88)),
        )
        text, pale = _rgb(hue, 0.4, rng.uniform(0.02, 0.22)), _rgb(hue, 0.2, rng.uniform(0.42, 0.55))
    return Style(
        width=width,
        height=height,
        ground=ground,
        shade=shade,
        ink=text,
        pale=pale,
        bright=_accent(rng, is_dark),
        second=_accent(rng, is_dark),
        font=rng.choice(_FONTS[split]),
        scale=rng.uniform(0.85, 1.25),
        pace=rng.uniform(0.7, 1.5),
    )


def _accent(rng: random.Random, is_dark: bool) -> str:
    return _rgb(rng.random(), rng.uniform(0.55, 0.95), rng.uniform(0.65, 0.95) if is_dark else rng.uniform(0.45, 0.8))


def _rgb(hue: float, saturation: float, value: float) -> str:
    return "".join(f"{round(255 * each):02x}" for each in colorsys.hsv_to_rgb(hue % 1, saturation, value))
