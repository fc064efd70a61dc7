"""Where the labels of a chart go, so that none covers another or a dot. Pure, and the same on every machine."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Iterator, Sequence

Line = tuple[float, float, float, float]
HEIGHT = 13.0
_GAPS = (5.0, 18.0, 36.0, 60.0, 90.0, 130.0, 180.0, 240.0)
_RISE = 4.0
_GAP_COST = 0.7
_NARROW, _WIDE = set("fijlrt.,:;'|!I ()"), set("mwMW@%")


@dataclasses.dataclass(frozen=True, slots=True)
class Box:
    left: float
    top: float
    right: float
    bottom: float

    def overlaps(self, other: Box) -> bool:
        across = self.left < other.right and other.left < self.right
        return across and self.top < other.bottom and other.top < self.bottom

    def holds(self, other: Box) -> bool:
        across = self.left <= other.left and other.right <= self.right
        return across and self.top <= other.top and other.bottom <= self.bottom

    def meets(self, line: Line) -> bool:
        """Whether a part of the line lies inside (Liang and Barsky, 1984)."""
        x1, y1, x2, y2 = line
        enter, leave = 0.0, 1.0
        for start, change, low, high in ((x1, x2 - x1, self.left, self.right), (y1, y2 - y1, self.top, self.bottom)):
            if change == 0:
                if not low < start < high:
                    return False
                continue
            first, second = sorted(((low - start) / change, (high - start) / change))
            enter, leave = max(enter, first), min(leave, second)
        return enter < leave


@dataclasses.dataclass(frozen=True, slots=True)
class Dot:
    x: float
    y: float
    radius: float

    def box(self) -> Box:
        return Box(self.x - self.radius, self.y - self.radius, self.x + self.radius, self.y + self.radius)


@dataclasses.dataclass(frozen=True, slots=True)
class Label:
    """leader: from the dot to the text; None where the text stands right beside it."""

    box: Box
    to_the_left: bool
    leader: Line | None


def text_width(text: str, size: float = 11.0) -> float:
    """About what a sans serif needs at its widest: which one a reader has is not known."""
    return size * sum(0.37 if each in _NARROW else 0.95 if each in _WIDE else 0.64 for each in text)


def place(dots: Sequence[Dot], texts: Sequence[str], area: Box, first: Sequence[bool]) -> list[Label]:
    """A label for each dot, inside of ``area``. first: those that choose their place before the others.

    Each takes the nearest place, to the right or the left of its dot, whose text covers no dot, no text and no leader,
    and whose leader crosses no text. ValueError where there is none.
    """
    order = sorted(range(len(dots)), key=lambda number: (not first[number], dots[number].y, dots[number].x, number))
    placed: dict[int, Label] = {}
    for number in order:
        free = (each for each in _places(dots[number], texts[number], area) if _is_free(each, dots, placed.values()))
        label = next(free, None)
        if label is None:
            raise ValueError(f"no room for the label {texts[number]!r}")
        placed[number] = label
    return [placed[number] for number in range(len(dots))]


def _is_free(label: Label, dots: Sequence[Dot], others: Collection[Label]) -> bool:
    return not (
        any(label.box.overlaps(dot.box()) for dot in dots)
        or any(label.box.overlaps(other.box) for other in others)
        or any(label.leader and other.box.meets(label.leader) for other in others)
        or any(other.leader and label.box.meets(other.leader) for other in others)
    )


def _places(dot: Dot, text: str, area: Box) -> Iterator[Label]:
    """All inside of ``area``, the nearest first."""
    width, reach = text_width(text), round((area.bottom - area.top) / _RISE)
    offers = sorted(
        (abs(rise) * _RISE + _GAP_COST * gap, side, gap, rise)
        for gap in _GAPS
        for rise in range(-reach, reach + 1)
        for side in (0, 1)
    )
    for _, side, gap, rise in offers:
        y, away = dot.y + rise * _RISE, dot.radius + gap
        left = dot.x + away if side == 0 else dot.x - away - width
        box = Box(left, y - HEIGHT / 2, left + width, y + HEIGHT / 2)
        if area.holds(box):
            end = box.left - 2 if side == 0 else box.right + 2
            beside = rise == 0 and gap == _GAPS[0]
            yield Label(box, side == 1, None if beside else (dot.x, dot.y, end, y))
