"""Draws what scores mean among look-alikes, and which kinds of look-alikes are claimed: the same picture for the same
results.

python -m benchmarks.look_alike.chart benchmarks/results/look_alike.json docs/look-alikes.svg

On the left, of the segments of each tenth of the score, how much is right; the area of a dot is their number,
and on the line the score says what is right. On the right, of each kind, how many copies are found and how many
look-alikes are claimed from the scores on from which match and dedup report.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Iterator, Sequence
from typing import Any
from xml.sax.saxutils import escape

from benchmarks.harness import svg
from benchmarks.harness.labels import Box
from benchmarks.harness.svg import INK, PALETTE
from benchmarks.look_alike.metrics import ALL

Result = dict[str, Any]

WIDTH, FOOT = 1000, 34
PLOT = Box(56, 52, 436, 432)
KINDS_LEFT, KINDS_RIGHT = 584, 992
_ROW = 21
_COPIES, _LOOK_ALIKES = PALETTE[2], PALETTE[4]
_LARGEST_DOT = 18.0


def draw(result: Result) -> str:
    """The results of benchmarks.look_alike as one SVG file."""
    rows = sorted(result["kinds"].items(), key=lambda row: row[0] != ALL)
    height = max(PLOT.bottom + 46, PLOT.top + _ROW * len(rows) + 30) + FOOT
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height:g}" width="{WIDTH}" '
        f'height="{height:g}" font-family="Helvetica, Arial, sans-serif" font-size="11" fill="{INK}" role="img">',
        "<title>Scores among look-alikes</title>",
        svg.text(PLOT.left, 24, "What a score means among look-alikes", size=15, weight="bold"),
        *_scales(),
        *_dots(result["reliability"]),
        svg.text(KINDS_LEFT - 90, 24, "Copies found, look-alikes claimed", size=15, weight="bold"),
        *_kinds(rows, result["thresholds"]),
        svg.text(PLOT.left, height - 10, _source(result), size=10),
        "</svg>",
    ]
    return "\n".join(lines) + "\n"


def across(share: float) -> float:
    return PLOT.left + share * (PLOT.right - PLOT.left)


def upwards(share: float) -> float:
    return PLOT.bottom - share * (PLOT.bottom - PLOT.top)


def _scales() -> Iterator[str]:
    for tick in (0.0, 0.2, 0.4, 0.6, 0.8, 1.0):
        yield svg.line(across(tick), PLOT.top, across(tick), PLOT.bottom, INK, opacity=0.25)
        yield svg.line(PLOT.left, upwards(tick), PLOT.right, upwards(tick), INK, opacity=0.25)
        yield svg.text(across(tick), PLOT.bottom + 16, f"{tick:.1f}", anchor="middle")
        yield svg.text(PLOT.left - 8, upwards(tick) + 4, f"{tick:.1f}", anchor="end")
    yield svg.line(across(0), upwards(0), across(1), upwards(1), INK, opacity=0.8)
    yield svg.text((PLOT.left + PLOT.right) / 2, PLOT.bottom + 36, "score of a segment", anchor="middle", size=12)
    yield svg.upright(16, (PLOT.top + PLOT.bottom) / 2, "how much of it is right")


def _dots(rows: Sequence[Result]) -> Iterator[str]:
    most = max((row["findings"] for row in rows), default=1)
    for row in rows:
        radius = max(2.0, _LARGEST_DOT * math.sqrt(row["findings"] / most))
        tip = f"{row['findings']} segments of score {row['score']:.2f}: {row['right']:.2f} right"
        yield f'<g class="bin"><title>{escape(tip)}</title>'
        yield svg.circle(across(row["score"]), upwards(row["right"]), radius, PALETTE[0], fill=0.4, kind="dot")
        yield "</g>"


def _kinds(rows: Sequence[tuple[str, Result]], thresholds: dict[str, float]) -> Iterator[str]:
    columns = [(name, what) for name in thresholds for what in ("copies", "look_alikes")]
    wide = (KINDS_RIGHT - KINDS_LEFT) / len(columns)
    for number, (name, what) in enumerate(columns):
        x = KINDS_LEFT + number * wide
        colour = _COPIES if what == "copies" else _LOOK_ALIKES
        yield svg.text(x, PLOT.top - 2, f"{what.replace('_', '-')}, {name}", colour=colour, size=10)
    for number, (kind, row) in enumerate(rows):
        y = PLOT.top + 18 + number * _ROW
        weight = "bold" if kind == ALL else "normal"
        yield svg.text(KINDS_LEFT - 12, y, kind, anchor="end", weight=weight)
        for place, (name, what) in enumerate(columns):
            told, of = row["copies_found" if what == "copies" else "look_alikes_claimed"][name], row[what]
            colour = _COPIES if what == "copies" else _LOOK_ALIKES
            yield from _bar(KINDS_LEFT + place * wide, y, 0.5 * wide, told, of, colour)


def _bar(x: float, y: float, wide: float, told: int, of: int, colour: str) -> Iterator[str]:
    size = f'y="{svg.number(y - 9)}" height="10"'
    share = told / of if of else 0.0
    yield f'<rect x="{svg.number(x)}" {size} width="{svg.number(wide)}" fill="{colour}" fill-opacity="0.15"/>'
    yield f'<rect class="share" x="{svg.number(x)}" {size} width="{svg.number(wide * share)}" fill="{colour}"/>'
    yield svg.text(x + wide + 4, y, f"{told}/{of}", size=9)


def _source(result: Result) -> str:
    counts, at = result["data"]["counts"], result["thresholds"]
    return (
        f"{result['split'].capitalize()} split, seed {result['seed']}: {counts['references']} references; match "
        f"reports from {at['match']:g} on, dedup from {at['dedup']:g}; {result['machine']['cpu']}, {result['date']}"
    )


def main(argv: Sequence[str] | None = None) -> int:
    return svg.write_chart(draw, "benchmarks.look_alike.chart", __doc__ or "", "look_alike.json", argv)


if __name__ == "__main__":
    sys.exit(main())
