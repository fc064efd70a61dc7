"""What every scene is drawn with.

``design`` decides what both takes share: places, headings, colours. ``take`` decides the rest: words, numbers, motion.
"""

from __future__ import annotations

import dataclasses
import math
import random
from collections.abc import Iterator, Sequence

from benchmarks.look_alike.board import Board, Point
from benchmarks.look_alike.styles import Style


@dataclasses.dataclass(frozen=True, slots=True)
class Scene:
    """pace: 1 is the design's own; 2 takes twice as long for everything."""

    board: Board
    style: Style
    words: Sequence[str]
    design: random.Random
    take: random.Random
    pace: float

    @property
    def width(self) -> int:
        return self.board.width

    @property
    def height(self) -> int:
        return self.board.height

    @property
    def unit(self) -> float:
        """A small letter's size in pixels is about 15 of them."""
        return self.board.unit * self.style.scale

    def say(self, low: int, high: int) -> str:
        return some_words(self.take, self.words, low, high)

    def heading(self, low: int, high: int) -> str:
        return some_words(self.design, self.words, low, high).title()

    def beats(self, seconds: float, jitter: float = 0.0, start: float = 0.0) -> Iterator[tuple[float, float]]:
        """Spans of about ``seconds`` at this pace until the end, each longer or shorter by up to a share ``jitter``."""
        at = start
        while at < self.board.seconds:
            length = seconds * self.pace * self.style.pace * (1 + self.take.uniform(-jitter, jitter))
            yield at, at + length
            at += length

    def write(self, words: str, x: float, y: float, size: float = 16, colour: str = "", **more: object) -> None:
        """In the design's font unless ``font`` is given; size in units."""
        font = str(more.pop("font", self.style.font))
        self.board.text(words, (x, y), size * self.unit, colour or self.style.ink, font, **more)  # type: ignore[arg-type]


def some_words(rng: random.Random, words: Sequence[str], low: int, high: int) -> str:
    return " ".join(rng.choice(words) for _ in range(rng.randint(low, high)))


def ring_at(radius: float) -> list[Point]:
    """Points around the origin."""
    return [(radius * math.cos(turn / 8 * math.pi), radius * math.sin(turn / 8 * math.pi)) for turn in range(16)]
