"""The chart of the design space: every row once, valid, readable on white and black, and the committed one current."""

from __future__ import annotations

import json
import re
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest

from benchmarks.descriptor.design_space.chart import draw, main, radius
from benchmarks.harness.command import RESULTS
from benchmarks.harness.svg import INK, PALETTE, Axis

SVG = "{http://www.w3.org/2000/svg}"
PICTURE = RESULTS.parents[1] / "docs" / "descriptor-design-space.svg"
AXES = (
    "layers trained",
    "pooling",
    "dimensions",
    "input side",
    "storage",
    "regions",
    "int8 inference",
    "smaller <net>",
)


def row(name: str, axis: str, micro_ap: float, milliseconds: float, size: int) -> dict:
    return {
        "name": name,
        "axis": axis,
        "settings": {},
        "micro_ap": micro_ap,
        "recall_at_1": micro_ap,
        "milliseconds": milliseconds,
        "bytes": size,
    }


@pytest.fixture
def result() -> dict:
    """Most rows at the same milliseconds, as networks of one shape are."""
    rows = [row("base", "shipped", 0.74, 10.2, 512)]
    rows += [row(f"variant {n} & <co>", AXES[n % 8], 0.5 + 0.011 * (n % 17), 10.2, 32 << n % 7) for n in range(20)]
    rows += [row(f"size {n}", "input side", 0.6 + 0.03 * n, 5 + 2.5 * n, 512) for n in range(4)]
    data = {"true_frames": 1500, "gallery_frames": 1200, "distractors": 3000}
    return {"seed": 1, "date": "2026-01-01", "machine": {"cpu": "A & B"}, "data": data, "rows": rows}


def test_every_row_is_drawn_and_named_once(result: dict) -> None:
    root = ElementTree.fromstring(draw(result))

    drawn = [group.get("data-name") for group in root.iter(f"{SVG}g") if group.get("class") == "row"]
    dots = [circle for circle in root.iter(f"{SVG}circle") if circle.get("class") == "dot"]
    texts = [text.text for text in root.iter(f"{SVG}text")]
    assert sorted(drawn) == sorted(each["name"] for each in result["rows"])
    assert len(dots) == len(result["rows"])
    for each in result["rows"]:
        assert texts.count("shipped: base" if each["axis"] == "shipped" else each["name"]) == 1
    assert all(texts.count(axis) == 1 for axis in AXES)


def test_dots_lie_where_their_figures_say(result: dict) -> None:
    root = ElementTree.fromstring(draw(result))
    places = {
        group.get("data-name"): [float(circle.get(key)) for key in ("cx", "cy", "r")]
        for group in root.iter(f"{SVG}g")
        for circle in group.iter(f"{SVG}circle")
        if circle.get("class") == "dot"
    }

    first, last = places["size 0"], places["size 3"]
    assert last[0] > first[0]  # slower
    assert last[1] < first[1]  # better
    assert places["size 1"][0] - first[0] == pytest.approx((last[0] - first[0]) / 3, abs=0.02)
    assert first[2] == pytest.approx(radius(512), abs=0.01)


def test_the_area_of_a_dot_is_its_bytes() -> None:
    assert radius(2048) == pytest.approx(2 * radius(512))


def test_the_same_results_give_the_same_picture_without_a_nan(result: dict) -> None:
    drawn = draw(result)

    assert drawn == draw(json.loads(json.dumps(result)))
    assert not re.search(r"\b(nan|inf)\b", drawn, re.IGNORECASE)
    with pytest.raises(ValueError):
        draw({**result, "rows": [*result["rows"], row("broken", "pooling", float("nan"), 10.0, 512)]})


def test_rows_that_are_all_alike_can_be_drawn(result: dict) -> None:
    assert draw({**result, "rows": result["rows"][:1]}).count('class="dot"') == 1


@pytest.mark.parametrize("colour", [INK, *PALETTE])
@pytest.mark.parametrize("background", ["#ffffff", "#0d1117"])
def test_colours_are_readable_on_white_and_on_black(colour: str, background: str) -> None:
    lighter, darker = sorted((luminance(colour), luminance(background)), reverse=True)

    assert (lighter + 0.05) / (darker + 0.05) >= 4


def luminance(colour: str) -> float:
    """Relative luminance, as WCAG 2 defines it."""
    shares = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (s / 12.92 if s <= 0.03928 else ((s + 0.055) / 1.055) ** 2.4 for s in shares)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def test_ticks_are_round_and_hold_all_values() -> None:
    axis = Axis.around([0.41, 0.77], 0, 100, 8)

    assert [text for _, text in axis.ticks()] == [f"{0.35 + 0.05 * n:.2f}" for n in range(10)]
    assert [text for _, text in Axis.around([4.0, 24.0], 0, 100, 8).ticks()][:3] == ["2.5", "5.0", "7.5"]
    assert [text for _, text in Axis.around([3.0, 15.0], 0, 100, 8).ticks()][:3] == ["2", "4", "6"]
    assert axis.ticks()[0][0] == pytest.approx(0)
    assert axis.ticks()[-1][0] == pytest.approx(100)


def test_the_command_writes_the_picture(result: dict, tmp_path: Path) -> None:
    (tmp_path / "results.json").write_text(json.dumps(result), encoding="utf-8")

    assert main([str(tmp_path / "results.json"), str(tmp_path / "docs" / "chart.svg")]) == 0

    assert (tmp_path / "docs" / "chart.svg").read_text(encoding="utf-8") == draw(result)


def test_the_picture_shows_the_committed_results() -> None:
    result = json.loads((RESULTS / "design_space.json").read_text(encoding="utf-8"))

    assert PICTURE.read_text(encoding="utf-8") == draw(result), (
        "run python -m benchmarks.descriptor.design_space.chart benchmarks/results/design_space.json "
        "docs/descriptor-design-space.svg"
    )
