"""Parts of a chart as SVG, for no background: every colour has a contrast of at least 4 with white and with GitHub's
dark #0d1117.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

INK = "#737980"
PALETTE = ("#2277df", "#bc600f", "#228a4d", "#9160d1", "#d44652", "#108594", "#c944a1", "#807c0e")
_BANDS = (1, 2, 2.5, 5, 10)


@dataclasses.dataclass(frozen=True, slots=True)
class Axis:
    """A linear scale from low..high to pixels start..end, with ticks at round values."""

    low: float
    high: float
    step: float
    start: float
    end: float

    @classmethod
    def around(cls, values: Sequence[float], start: float, end: float, ticks: int) -> Axis:
        """One that holds all values with a margin of half a step at least."""
        spread = (max(values) - min(values)) or max(abs(max(values)), 1.0)
        power = 10.0 ** math.floor(math.log10(spread / ticks))
        step = next(band * power for band in _BANDS if band * power >= spread / ticks * (1 - 1e-9))
        low = math.floor(min(values) / step - 0.5) * step
        high = math.ceil(max(values) / step + 0.5) * step
        return cls(low, high, step, start, end)

    def at(self, value: float) -> float:
        return self.start + (value - self.low) / (self.high - self.low) * (self.end - self.start)

    def ticks(self) -> list[tuple[float, str]]:
        digits = max(0, -math.floor(math.log10(self.step) + 1e-9))
        digits += not math.isclose(self.step, round(self.step, digits), rel_tol=1e-6)
        count = round((self.high - self.low) / self.step)
        return [
            (self.at(value), f"{value:.{digits}f}") for value in (self.low + n * self.step for n in range(count + 1))
        ]


def text(
    x: float, y: float, text: str, *, anchor: str = "start", size: int = 11, weight: str = "normal", colour: str = INK
) -> str:
    style = f'text-anchor="{anchor}" font-size="{size}" font-weight="{weight}" fill="{colour}"'
    return f'<text x="{number(x)}" y="{number(y)}" {style}>{escape(text)}</text>'


def upright(x: float, y: float, text: str) -> str:
    """Read from below to above, centred."""
    turn = f"translate({number(x)} {number(y)}) rotate(-90)"
    return f'<text transform="{turn}" text-anchor="middle" font-size="12">{escape(text)}</text>'


def line(x1: float, y1: float, x2: float, y2: float, colour: str, opacity: float) -> str:
    ends = f'x1="{number(x1)}" y1="{number(y1)}" x2="{number(x2)}" y2="{number(y2)}"'
    return f'<line {ends} stroke="{colour}" stroke-opacity="{opacity}" stroke-width="0.8"/>'


def circle(x: float, y: float, r: float, colour: str, *, fill: float, stroke: float = 1.2, kind: str = "mark") -> str:
    style = f'fill="{colour}" fill-opacity="{fill}" stroke="{colour}" stroke-width="{stroke}"'
    return f'<circle class="{kind}" cx="{number(x)}" cy="{number(y)}" r="{number(r)}" {style}/>'


def number(value: float) -> str:
    """Two digits: no machine's last bit shows."""
    if not math.isfinite(value):
        raise ValueError(f"cannot draw {value}")
    return f"{value:.2f}".rstrip("0").rstrip(".")


def write_chart(
    draw: Callable[[dict[str, Any]], str], prog: str, doc: str, results: str, argv: Sequence[str] | None
) -> int:
    """The command line of a chart. results: what the file is called that it is drawn from."""
    parser = argparse.ArgumentParser(prog=prog, description=doc.splitlines()[0])
    parser.add_argument("results", type=Path, help=results)
    parser.add_argument("picture", type=Path, help="the .svg to write")
    arguments = parser.parse_args(argv)
    drawn = draw(json.loads(arguments.results.read_text(encoding="utf-8")))
    arguments.picture.parent.mkdir(parents=True, exist_ok=True)
    arguments.picture.write_text(drawn, encoding="utf-8")
    return 0
