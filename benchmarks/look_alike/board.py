"""A picture that changes: words, boxes and lines, each with its time and place, as subtitles that ffmpeg draws."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

Point = tuple[float, float]


class Board:
    """Grows event by event; what comes later lies above. Times in seconds, places in pixels, colours as RRGGBB."""

    def __init__(self, width: int, height: int, seconds: float) -> None:
        self.width, self.height, self.seconds = width, height, seconds
        self._events: list[str] = []

    @property
    def unit(self) -> float:
        """A share of the picture's shorter side that a small letter's height is about 15 of."""
        return min(self.width, self.height) / 360

    def text(
        self,
        words: str,
        at: Point,
        size: float,
        colour: str,
        font: str,
        *,
        span: tuple[float, float] | None = None,
        anchor: int = 7,
        to: Point | None = None,
        more: str = "",
    ) -> None:
        r"""words: of several lines by \N. anchor: as on a keypad, 7 is top left. to: where it moves. more: tags."""
        place = rf"\move({at[0]:.1f},{at[1]:.1f},{to[0]:.1f},{to[1]:.1f})" if to else rf"\pos({at[0]:.1f},{at[1]:.1f})"
        self._add(span, rf"{{\an{anchor}{place}\fn{font}\fs{size:.1f}{ink(colour)}{more}}}{words}")

    def shape(
        self,
        points: Sequence[Point],
        colour: str,
        *,
        span: tuple[float, float] | None = None,
        move: tuple[Point, Point] | None = None,
        more: str = "",
    ) -> None:
        """A filled polygon. move: from where to where its origin goes."""
        path = "m " + " l ".join(f"{x:.1f} {y:.1f}" for x, y in points)
        place = r"\pos(0,0)"
        if move:
            (x0, y0), (x1, y1) = move
            place = rf"\move({x0:.1f},{y0:.1f},{x1:.1f},{y1:.1f})"
        self._add(span, rf"{{\an7{place}{ink(colour)}{more}\p1}}{path}{{\p0}}")

    def box(self, x: float, y: float, width: float, height: float, colour: str, **more: object) -> None:
        corners = [(x, y), (x + width, y), (x + width, y + height), (x, y + height)]
        self.shape(corners, colour, **more)  # type: ignore[arg-type]

    def disc(self, x: float, y: float, radius: float, colour: str, **more: object) -> None:
        self.shape(ring(x, y, radius), colour, **more)  # type: ignore[arg-type]

    def line(self, points: Sequence[Point], colour: str, width: float, **more: object) -> None:
        """A line through the points: there on one side, back on the other."""
        left, right = [], []
        for index, (x, y) in enumerate(points):
            x0, y0 = points[max(0, index - 1)]
            x1, y1 = points[min(len(points) - 1, index + 1)]
            length = math.hypot(x1 - x0, y1 - y0) or 1.0
            dx, dy = (y0 - y1) / length * width / 2, (x1 - x0) / length * width / 2
            left.append((x + dx, y + dy))
            right.append((x - dx, y - dy))
        self.shape([*left, *reversed(right)], colour, **more)  # type: ignore[arg-type]

    def save(self, path: Path) -> None:
        head = (
            "[Script Info]\nScriptType: v4.00+\n"
            f"PlayResX: {self.width}\nPlayResY: {self.height}\nWrapStyle: 2\nScaledBorderAndShadow: yes\n"
            "[V4+ Styles]\nFormat: Name,Fontname,Fontsize,PrimaryColour,Alignment,Outline,Shadow\n"
            "Style: B,DejaVu Sans,18,&H00FFFFFF,7,0,0\n[Events]\nFormat: Layer,Start,End,Style,Text\n"
        )
        path.write_text(head + "\n".join(self._events) + "\n", encoding="utf-8")

    def _add(self, span: tuple[float, float] | None, text: str) -> None:
        start, end = span or (0.0, self.seconds + 1.0)
        if end > start:
            self._events.append(f"Dialogue: {len(self._events)},{_clock(start)},{_clock(end)},B,{text}")


def ring(x: float, y: float, radius: float, corners: int = 20) -> list[Point]:
    turns = (2 * math.pi * each / corners for each in range(corners))
    return [(x + radius * math.cos(turn), y + radius * math.sin(turn)) for turn in turns]


def ink(colour: str) -> str:
    return rf"\1c&H{colour[4:6]}{colour[2:4]}{colour[0:2]}&"


def _clock(seconds: float) -> str:
    hundredths = max(0, round(seconds * 100))
    return f"{hundredths // 360000}:{hundredths // 6000 % 60:02d}:{hundredths // 100 % 60:02d}.{hundredths % 100:02d}"
