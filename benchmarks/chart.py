"""Draws the design space of the descriptor as SVG: the same picture for the same results.

python -m benchmarks.chart benchmarks/results/design_space.json docs/descriptor-design-space.svg

From left to right milliseconds a frame, upwards micro-AP, the area of a dot bytes a keyframe, its colour what is
varied. There is no background, and every colour has a contrast of at least 4 with white and with GitHub's dark #0d1117.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import math
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape, quoteattr

from benchmarks.labels import Box, Dot, place

Row = dict[str, Any]

INK = "#737980"
PALETTE = ("#2277df", "#bc600f", "#228a4d", "#9160d1", "#d44652", "#108594", "#c944a1", "#807c0e")
WIDTH, HEIGHT = 1000, 640
PLOT = Box(62, 48, 790, 566)
LEGEND_X = 830
_POINTS_A_BYTE = 0.35
"""Area of a dot in square pixels."""
_RING = 4.0
"""How far outside of the shipped choice's dot its ring lies."""
_SIZES = (128, 512, 2048)
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


def draw(result: dict[str, Any]) -> str:
    """The results of benchmarks.design_space as one SVG file."""
    rows: list[Row] = result["rows"]
    across = Axis.around([row["milliseconds"] for row in rows], PLOT.left, PLOT.right, 8)
    upwards = Axis.around([row["micro_ap"] for row in rows], PLOT.bottom, PLOT.top, 8)
    colours = _colours(rows)
    dots = [Dot(across.at(row["milliseconds"]), upwards.at(row["micro_ap"]), _reach(row)) for row in rows]
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" height="{HEIGHT}" '
        f'font-family="Helvetica, Arial, sans-serif" font-size="11" fill="{INK}" role="img">',
        "<title>Design space of the frame descriptor</title>",
        _text(PLOT.left, 24, "Frame descriptor: accuracy, time and size of each choice", size=15, weight="bold"),
        *_frame(across, upwards),
        *_dots(rows, dots, colours),
        *_legend(colours),
        _text(PLOT.left, HEIGHT - 12, _source(result), size=10),
        "</svg>",
    ]
    return "\n".join(lines) + "\n"


def radius(size: float) -> float:
    return math.sqrt(_POINTS_A_BYTE * size / math.pi)


def _reach(row: Row) -> float:
    """Radius of all that is drawn of it."""
    return radius(row["bytes"]) + _RING * (row["axis"] == "shipped")


def _colours(rows: Sequence[Row]) -> dict[str, str]:
    axes = list(dict.fromkeys(row["axis"] for row in rows if row["axis"] != "shipped"))
    if len(axes) > len(PALETTE):
        raise ValueError(f"{len(axes)} axes, but {len(PALETTE)} colours")
    return {"shipped": INK, **dict(zip(axes, PALETTE, strict=False))}


def _frame(across: Axis, upwards: Axis) -> Iterator[str]:
    for x, text in across.ticks():
        yield _line(x, PLOT.top, x, PLOT.bottom, INK, opacity=0.25)
        yield _text(x, PLOT.bottom + 16, text, anchor="middle")
    for y, text in upwards.ticks():
        yield _line(PLOT.left, y, PLOT.right, y, INK, opacity=0.25)
        yield _text(PLOT.left - 8, y + 4, text, anchor="end")
    yield _text(
        (PLOT.left + PLOT.right) / 2, PLOT.bottom + 36, "milliseconds a frame, one core", anchor="middle", size=12
    )
    x, y = 16, (PLOT.top + PLOT.bottom) / 2
    yield f'<text transform="translate({x} {_n(y)}) rotate(-90)" text-anchor="middle" font-size="12">micro-AP</text>'


def _dots(rows: Sequence[Row], dots: Sequence[Dot], colours: dict[str, str]) -> Iterator[str]:
    """The largest first, so that none is hidden; the labels after all of them."""
    order = sorted(range(len(rows)), key=lambda number: (-rows[number]["bytes"], number))
    for number in order:
        row, dot, colour = rows[number], dots[number], colours[rows[number]["axis"]]
        shipped = row["axis"] == "shipped"
        tip = f"{row['name']} ({row['axis']}): micro-AP {row['micro_ap']:.3f}, recall@1 {row['recall_at_1']:.3f}, "
        tip += f"{row['milliseconds']:.2f} ms, {row['bytes']:,} bytes"
        yield f'<g class="row" data-name={quoteattr(row["name"])}>'
        yield f"<title>{escape(tip)}</title>"
        if shipped:
            yield _circle(dot.x, dot.y, dot.radius, colour, fill=0, stroke=2)
        yield _circle(dot.x, dot.y, radius(row["bytes"]), colour, fill=0.9 if shipped else 0.4, kind="dot")
        yield "</g>"
    labels = place(dots, [_label(row) for row in rows], PLOT, first=[row["axis"] == "shipped" for row in rows])
    for row, label in zip(rows, labels, strict=True):
        colour = colours[row["axis"]]
        if label.leader:
            yield _line(*label.leader, colour, opacity=0.6)
        weight = "bold" if row["axis"] == "shipped" else "normal"
        x, anchor = (label.box.right, "end") if label.to_the_left else (label.box.left, "start")
        yield _text(x, label.box.bottom - 3, _label(row), anchor=anchor, colour=colour, weight=weight)


def _label(row: Row) -> str:
    return f"shipped: {row['name']}" if row["axis"] == "shipped" else str(row["name"])


def _legend(colours: dict[str, str]) -> Iterator[str]:
    y = PLOT.top + 10
    yield _text(LEGEND_X, y, "What is varied", size=12, weight="bold")
    for name, colour in colours.items():
        y += 21
        if name == "shipped":
            yield _circle(LEGEND_X + 8, y - 4, 8, colour, fill=0, stroke=2)
        yield _circle(LEGEND_X + 8, y - 4, 5, colour, fill=0.9 if name == "shipped" else 0.4)
        yield _text(LEGEND_X + 24, y, "nothing: as shipped" if name == "shipped" else name, colour=colour)
    y += 44
    yield _text(LEGEND_X, y, "Bytes a keyframe", size=12, weight="bold")
    y += 8
    for size in _SIZES:
        y += radius(size) + 8
        yield _circle(LEGEND_X + 18, y, radius(size), INK, fill=0.2)
        yield _text(LEGEND_X + 44, y + 4, f"{size:,}")
        y += radius(size)


def _source(result: dict[str, Any]) -> str:
    data, machine = result["data"], f"{result['machine']['cpu']}, {result['date']}"
    return (
        f"Validation split, seed {result['seed']}: {data['true_frames']:,} query frames; "
        f"{data['gallery_frames']:,} gallery frames and {data['distractors']:,} distractors; {machine}"
    )


def _text(
    x: float, y: float, text: str, *, anchor: str = "start", size: int = 11, weight: str = "normal", colour: str = INK
) -> str:
    style = f'text-anchor="{anchor}" font-size="{size}" font-weight="{weight}" fill="{colour}"'
    return f'<text x="{_n(x)}" y="{_n(y)}" {style}>{escape(text)}</text>'


def _line(x1: float, y1: float, x2: float, y2: float, colour: str, opacity: float) -> str:
    ends = f'x1="{_n(x1)}" y1="{_n(y1)}" x2="{_n(x2)}" y2="{_n(y2)}"'
    return f'<line {ends} stroke="{colour}" stroke-opacity="{opacity}" stroke-width="0.8"/>'


def _circle(x: float, y: float, r: float, colour: str, *, fill: float, stroke: float = 1.2, kind: str = "mark") -> str:
    style = f'fill="{colour}" fill-opacity="{fill}" stroke="{colour}" stroke-width="{stroke}"'
    return f'<circle class="{kind}" cx="{_n(x)}" cy="{_n(y)}" r="{_n(r)}" {style}/>'


def _n(value: float) -> str:
    """Two digits: no machine's last bit shows."""
    if not math.isfinite(value):
        raise ValueError(f"cannot draw {value}")
    return f"{value:.2f}".rstrip("0").rstrip(".")


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="benchmarks.chart", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("results", type=Path, help="design_space.json")
    parser.add_argument("picture", type=Path, help="the .svg to write")
    arguments = parser.parse_args(argv)
    drawn = draw(json.loads(arguments.results.read_text(encoding="utf-8")))
    arguments.picture.parent.mkdir(parents=True, exist_ok=True)
    arguments.picture.write_text(drawn, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
