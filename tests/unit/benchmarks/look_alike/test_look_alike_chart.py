"""The chart of the look-alikes: every bin and kind once, inside of the picture."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ElementTree
from pathlib import Path
from typing import Any

import pytest

from benchmarks.look_alike.chart import across, draw, main, upwards
from benchmarks.look_alike.tables import look_alike

SVG = "{http://www.w3.org/2000/svg}"


def kind(copies: int, look_alikes: int) -> dict[str, Any]:
    at = {score: {"claims": 2, "precision": 0.5, "recall": 1.0} for score in ("0.3", "0.5", "0.7", "0.9")}
    at["0.9"] = {"claims": 0, "precision": None, "recall": 0.0}
    return {
        "copies": copies,
        "look_alikes": look_alikes,
        "at": at,
        "look_alikes_claimed": {"match": 1, "dedup": 0},
        "copies_found": {"match": copies, "dedup": 1},
        "segments": 4,
        "expected_calibration_error": 0.25,
    }


RESULT: dict[str, Any] = {
    "split": "test",
    "seed": 1,
    "date": "2026-11-28",
    "machine": {"cpu": "A processor"},
    "data": {"counts": {"references": 6, "queries": {"copy": 7, "other": 6}}},
    "thresholds": {"match": 0.33, "dedup": 0.6},
    "kinds": {"room": kind(3, 4), "all": kind(7, 6), "a < b": kind(4, 2)},
    "retrieval": {"frame": kind(7, 6), "both": kind(7, 6)},
    "reliability": [
        {"findings": 4, "score": 0.25, "right": 0.1},
        {"findings": 16, "score": 0.95, "right": 0.9},
    ],
}


def test_every_bin_lies_at_its_score_and_share() -> None:
    dots = list(ElementTree.fromstring(draw(RESULT)).iter(f"{SVG}circle"))
    assert [(float(dot.get("cx", 0)), float(dot.get("cy", 0))) for dot in dots] == [
        (across(0.25), upwards(0.1)),
        (across(0.95), upwards(0.9)),
    ]
    small, large = (float(dot.get("r", 0)) for dot in dots)
    assert large == pytest.approx(2 * small)


def test_every_kind_has_its_bars_and_nothing_lies_outside() -> None:
    root = ElementTree.fromstring(draw(RESULT))
    width, height = float(root.get("width", 0)), float(root.get("height", 0))
    shown = ["".join(each.itertext()) for each in root.iter(f"{SVG}text")]
    assert [each for each in shown if each in RESULT["kinds"]] == ["all", "room", "a < b"]
    assert len([each for each in root.iter(f"{SVG}rect") if each.get("class") == "share"]) == 3 * 4
    assert "3/3" in shown
    assert "1/4" in shown
    for each in root.iter(f"{SVG}text"):
        if each.get("x"):
            assert 0 <= float(each.get("x", 0)) < width
            assert 0 < float(each.get("y", 0)) < height


def test_main_draws_a_file(tmp_path: Path) -> None:
    (tmp_path / "results.json").write_text(json.dumps(RESULT), encoding="utf-8")
    assert main([str(tmp_path / "results.json"), str(tmp_path / "docs" / "chart.svg")]) == 0
    assert (tmp_path / "docs" / "chart.svg").read_text(encoding="utf-8") == draw(RESULT)


def test_the_table_begins_with_all_kinds_together() -> None:
    kinds, _, by_retrieval = look_alike(RESULT)
    assert [row[0] for row in kinds.rows] == ["all", "room", "a < b"]
    assert kinds.rows[0] == (
        "all",
        "7",
        "6",
        "0.50/1.00",
        "0.50/1.00",
        "0.50/1.00",
        "–/0.00",
        "1 of 6",
        "0 of 6",
        "0.250",
    )
    assert len(kinds.columns) == len(kinds.rows[0])
    assert kinds.title.startswith("6 references, 7 copies, and for each reference a video")
    assert by_retrieval.rows == [(name, *kinds.rows[0][3:]) for name in ("frame", "both")]
