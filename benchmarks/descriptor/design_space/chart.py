"""Draws the design space of the descriptor as SVG: the same picture for the same results.

python -m benchmarks.descriptor.design_space.chart benchmarks/results/design_space.json docs/descriptor-design-space.svg

From left to right milliseconds a frame, upwards micro-AP, the area of a dot bytes a keyframe, its colour what is
varied.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Iterator, Sequence
from typing import Any
from xml.sax.saxutils import escape, quoteattr

from benchmarks.harness import svg
from benchmarks.harness.labels import Box, Dot, place
from benchmarks.harness.svg import INK, PALETTE, Axis

Row = dict[str, Any]

WIDTH, HEIGHT = 1000, 640
PLOT = Box(62, 48, 790, 566)
LEGEND_X = 830
_POINTS_A_BYTE = 0.35
"""Area of a dot in square pixels."""
_RING = 4.0
"""How far outside of the shipped choice's dot its ring lies."""
_SIZES = (128, 512, 2048)


def draw(result: dict[str, Any]) -> str:
    """The results of benchmarks.descriptor.design_space as one SVG file."""
    rows: list[Row] = result["rows"]
    across = Axis.around([row["milliseconds"] for row in rows], PLOT.left, PLOT.right, 8)
    upwards = Axis.around([row["micro_ap"] for row in rows], PLOT.bottom, PLOT.top, 8)
    colours = _colours(rows)
    dots = [Dot(across.at(row["milliseconds"]), upwards.at(row["micro_ap"]), _reach(row)) for row in rows]
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" height="{HEIGHT}" '
        f'font-family="Helvetica, Arial, sans-serif" font-size="11" fill="{INK}" role="img">',
        "<title>Design space of the frame descriptor</title>",
        svg.text(PLOT.left, 24, "Frame descriptor: accuracy, time and size of each choice", size=15, weight="bold"),
        *_frame(across, upwards),
        *_dots(rows, dots, colours),
        *_legend(colours),
        svg.text(PLOT.left, HEIGHT - 12, _source(result), size=10),
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
        yield svg.line(x, PLOT.top, x, PLOT.bottom, INK, opacity=0.25)
        yield svg.text(x, PLOT.bottom + 16, text, anchor="middle")
    for y, text in upwards.ticks():
        yield svg.line(PLOT.left, y, PLOT.right, y, INK, opacity=0.25)
        yield svg.text(PLOT.left - 8, y + 4, text, anchor="end")
    yield svg.text(
        (PLOT.left + PLOT.right) / 2, PLOT.bottom + 36, "milliseconds a frame, one core", anchor="middle", size=12
    )
    yield svg.upright(16, (PLOT.top + PLOT.bottom) / 2, "micro-AP")


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
            yield svg.circle(dot.x, dot.y, dot.radius, colour, fill=0, stroke=2)
        yield svg.circle(dot.x, dot.y, radius(row["bytes"]), colour, fill=0.9 if shipped else 0.4, kind="dot")
        yield "</g>"
    labels = place(dots, [_label(row) for row in rows], PLOT, first=[row["axis"] == "shipped" for row in rows])
    for row, label in zip(rows, labels, strict=True):
        colour = colours[row["axis"]]
        if label.leader:
            yield svg.line(*label.leader, colour, opacity=0.6)
        weight = "bold" if row["axis"] == "shipped" else "normal"
        x, anchor = (label.box.right, "end") if label.to_the_left else (label.box.left, "start")
        yield svg.text(x, label.box.bottom - 3, _label(row), anchor=anchor, colour=colour, weight=weight)


def _label(row: Row) -> str:
    return f"shipped: {row['name']}" if row["axis"] == "shipped" else str(row["name"])


def _legend(colours: dict[str, str]) -> Iterator[str]:
    y = PLOT.top + 10
    yield svg.text(LEGEND_X, y, "What is varied", size=12, weight="bold")
    for name, colour in colours.items():
        y += 21
        if name == "shipped":
            yield svg.circle(LEGEND_X + 8, y - 4, 8, colour, fill=0, stroke=2)
        yield svg.circle(LEGEND_X + 8, y - 4, 5, colour, fill=0.9 if name == "shipped" else 0.4)
        yield svg.text(LEGEND_X + 24, y, "nothing: as shipped" if name == "shipped" else name, colour=colour)
    y += 44
    yield svg.text(LEGEND_X, y, "Bytes a keyframe", size=12, weight="bold")
    y += 8
    for size in _SIZES:
        y += radius(size) + 8
        yield svg.circle(LEGEND_X + 18, y, radius(size), INK, fill=0.2)
        yield svg.text(LEGEND_X + 44, y + 4, f"{size:,}")
        y += radius(size)


def _source(result: dict[str, Any]) -> str:
    data, machine = result["data"], f"{result['machine']['cpu']}, {result['date']}"
    return (
        f"Validation split, seed {result['seed']}: {data['true_frames']:,} query frames; "
        f"{data['gallery_frames']:,} gallery frames and {data['distractors']:,} distractors; {machine}"
    )


def main(argv: Sequence[str] | None = None) -> int:
    return svg.write_chart(draw, "benchmarks.descriptor.design_space.chart", __doc__ or "", "design_space.json", argv)


if __name__ == "__main__":
    sys.exit(main())
