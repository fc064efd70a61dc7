"""Scores as probabilities, on findings whose truth is known."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from benchmarks.calibration import findings, fit_logistic, gap, overlap, reliability, rescored, write
from benchmarks.pairs import Bench
from models.metrics.report import Truth
from schemas.records import Match, Segment


def found(*segments: Segment) -> Match:
    return Match("q", "q", "r", "r", max(segment.score for segment in segments), segments)


def test_a_logistic_curve_is_found_again() -> None:
    random = np.random.default_rng(0)
    evidence = random.normal(0, 2, (20_000, 2))
    right = random.random(20_000) < 1 / (1 + np.exp(-(evidence @ [0.7, 0.2] - 1.2)))
    assert fit_logistic(evidence, right) == pytest.approx([0.7, 0.2, -1.2], abs=0.05)


def test_findings_are_right_when_they_share_half_on_both_sides() -> None:
    true = Segment(10, 20, 30, 40, 1.0)
    assert overlap(true, true) == 1.0
    assert overlap(true, Segment(10, 20, 35, 45, 1.0)) == pytest.approx(5 / 15)
    assert overlap(true, Segment(0, 5, 30, 40, 1.0)) == 0.0
    bench = Bench((), Truth({("q", "r"): (true,)}), 0)
    scores, right = findings([found(Segment(10, 18, 30, 38, 0.9), Segment(10, 20, 50, 60, 1.0))], bench)
    assert scores.tolist() == [0.9, 1.0]
    assert right.tolist() == [True, False]


def test_the_calibration_error_is_the_distance_of_score_and_share() -> None:
    scores, right = np.array([0.15, 0.15, 0.95, 0.95]), np.array([False, False, True, False])
    assert [row["findings"] for row in reliability(scores, right)] == [2, 2]
    assert gap(scores, right) == pytest.approx((0.15 + 0.45) / 2)


def test_scores_are_replaced_one_after_the_other() -> None:
    first, second = found(Segment(0, 1, 0, 1, 0.1), Segment(2, 3, 2, 3, 0.2)), found(Segment(0, 1, 0, 1, 0.3))
    changed = rescored([first, second], np.array([0.5, 0.6, 0.7]))
    assert [[segment.score for segment in match.segments] for match in changed] == [[0.5, 0.6], [0.7]]
    assert [match.score for match in changed] == [0.6, 0.7]


def test_only_calibration_and_threshold_of_the_config_change(tmp_path: Path) -> None:
    file = tmp_path / "config.json"
    file.write_text(json.dumps({"name": "spd", "calibration": [1.0, 0.0], "sha256": {"a": "b"}}))
    write(str(tmp_path), {"calibration": [0.5, -1.0], "min_score": 0.3, "findings": 9})
    expected = {"name": "spd", "calibration": [0.5, -1.0], "sha256": {"a": "b"}, "min_score": 0.3}
    assert json.loads(file.read_text()) == expected
