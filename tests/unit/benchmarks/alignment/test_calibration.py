"""Scores as probabilities, on findings whose truth is known."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from benchmarks.alignment.calibration import (
    fit_logistic,
    gap,
    matches,
    reliability,
    rightness,
    scored,
    still_scenes,
    told_of,
    write,
)
from benchmarks.alignment.methods import as_match
from benchmarks.alignment.pairs import Bench, Pair
from cliptrace.models.alignment.spd import Candidate, SPDConfig
from cliptrace.models.metrics.report import Truth
from cliptrace.models.ssan.evidence import Evidence
from cliptrace.models.ssan.fit import Line
from cliptrace.models.verification.probability import UNCALIBRATED
from cliptrace.schemas.records import Segment


def test_a_logistic_curve_is_found_again() -> None:
    random = np.random.default_rng(0)
    evidence = random.normal(0, 2, (20_000, 2))
    right = 1 / (1 + np.exp(-(evidence @ [0.7, 0.2] - 1.2)))
    assert fit_logistic(evidence, right) == pytest.approx([0.7, 0.2, -1.2], abs=0.01)


def test_what_is_right_is_shared_of_all_that_both_cover_on_either_side() -> None:
    true = Segment(10, 20, 30, 40, 1.0)
    pair = Pair("q", "r", 0.0, np.zeros((2, 2), np.float32), np.arange(2.0), np.arange(2.0), np.empty(0))
    bench = Bench((pair,), Truth({("q", "r"): (true,)}))
    segments = (Segment(10, 20, 35, 45, 0.9), true, Segment(0, 5, 30, 40, 0.2))
    scores, right = scored([as_match(pair, segments)], bench)
    assert scores.tolist() == [0.9, 1.0, 0.2]
    assert right.tolist() == pytest.approx([5 / 15, 1.0, 0.0])
    assert rightness(true, pair, Bench((pair,), Truth({}))) == 0.0


def test_the_calibration_error_is_the_distance_of_score_and_what_is_right() -> None:
    scores, right = np.array([0.15, 0.15, 0.95, 0.95]), np.array([0.0, 0.0, 1.0, 0.0])
    assert [row["findings"] for row in reliability(scores, right)] == [2, 2]
    assert gap(scores, right) == pytest.approx((0.15 + 0.45) / 2)


def test_matches_are_what_one_calibration_makes_of_the_candidates() -> None:
    pair = Pair("q", "r", 0.0, np.zeros((2, 2), np.float32), np.arange(10.0), np.arange(90.0), np.empty(0))
    faint, bright = Line(0, 8, 10, 18, 1.0), Line(0, 8, 12, 20, 1.0)
    seen = [
        Candidate(faint, False, Evidence(1.0, 0.1, 0.0, 0.0, 2.0, 0.0)),
        Candidate(bright, False, Evidence(0.5, 0.9, 0.5, 0.5, 2.0, 0.0)),
    ]
    (alone,) = matches([(pair, seen), (pair, [])], UNCALIBRATED, SPDConfig())
    (weighed,) = matches([(pair, seen)], {"calibration": [1.0, 5.0, 0.0, 0.0, 0.0, 0.0, -2.0]}, SPDConfig())
    assert [segment.ref_start for segment in alone.segments] == [10]
    assert [segment.ref_start for segment in weighed.segments] == [12]
    assert told_of([*seen, seen[0]], UNCALIBRATED, SPDConfig()) == [seen[0]]


def test_only_calibration_and_threshold_of_the_config_change(tmp_path: Path) -> None:
    file = tmp_path / "config.json"
    file.write_text(json.dumps({"name": "spd", "calibration": [1.0, 0.0], "sha256": {"a": "b"}}))
    write(str(tmp_path), {"calibration": [0.5, -1.0], "verified": [2.0, 0.0], "min_score": 0.3, "findings": 9})
    expected = {
        "name": "spd",
        "calibration": [0.5, -1.0],
        "sha256": {"a": "b"},
        "verified": [2.0, 0.0],
        "min_score": 0.3,
    }
    assert json.loads(file.read_text()) == expected


def test_scenes_that_stand_still_are_what_the_detector_sees_in_maps_of_one_value() -> None:
    found = still_scenes(SPDConfig())
    assert len(found) > 20
    assert {round(candidate.evidence.similarity, 2) for candidate in found} <= {0.15, 0.2, 0.25, 0.3}
    assert all(abs(candidate.evidence.contrast) < 0.01 for candidate in found)
