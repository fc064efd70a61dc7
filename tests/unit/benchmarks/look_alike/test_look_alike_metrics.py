"""Figures of the look-alike bench by known answers."""

from __future__ import annotations

from typing import Any

import pytest

from benchmarks.attacks.plan import Truth
from benchmarks.look_alike.metrics import ALL, by_kind, claims_of, reliability_of

PAIRS = {
    "a-copy1.mp4": {"kind": "room", "role": "copy", "reference": "a.mp4"},
    "a-other.mp4": {"kind": "room", "role": "other", "reference": "a.mp4"},
    "b-copy1.mp4": {"kind": "slides", "role": "copy", "reference": "b.mp4"},
    "b-other.mp4": {"kind": "slides", "role": "other", "reference": "b.mp4"},
}
TRUTH = [Truth("a-copy1.mp4", "a.mp4", 0, 4, 2, 6), Truth("b-copy1.mp4", "b.mp4", 1, 5, 0, 4)]


def line(query: str, ref: str, *segments: tuple[float, float, float, float, float]) -> dict[str, Any]:
    names = ("query_start", "query_end", "ref_start", "ref_end", "score")
    found = [dict(zip(names, segment, strict=True)) for segment in segments]
    score = max(segment["score"] for segment in found)
    return {"query_id": f"queries/{query}", "ref_id": f"gallery/{ref}", "score": score, "segments": found}


ROWS = [
    line("a-copy1.mp4", "a.mp4", (0, 4, 2, 6, 0.95)),  # right, to the second
    line("a-copy1.mp4", "b.mp4", (0, 4, 0, 4, 0.35)),  # a copy, but not of that
    line("a-other.mp4", "a.mp4", (0, 4, 2, 6, 0.65)),  # a look-alike
    line("b-copy1.mp4", "b.mp4", (1, 3, 0, 2, 0.6), (0, 1, 5, 6, 0.1)),  # half of it, which is just enough
]


def test_a_claim_is_right_that_names_its_own_reference_and_place() -> None:
    claims = claims_of(ROWS, PAIRS, TRUTH)
    assert [claim.right for claim in claims] == [True, False, False, True]
    assert claims[0].rightness == (1.0,)
    assert claims[3].rightness == (0.5, 0.0)


def test_precision_and_recall_by_kind_and_in_all() -> None:
    rows = by_kind(claims_of(ROWS, PAIRS, TRUTH), PAIRS, {"match": 0.4, "dedup": 0.7})
    assert list(rows) == [ALL, "room", "slides"]
    assert rows[ALL]["at"] == {
        "0.3": {"claims": 4, "precision": 0.5, "recall": 1.0},
        "0.5": {"claims": 3, "precision": pytest.approx(2 / 3), "recall": 1.0},
        "0.7": {"claims": 1, "precision": 1.0, "recall": 0.5},
        "0.9": {"claims": 1, "precision": 1.0, "recall": 0.5},
    }
    assert rows["slides"]["at"]["0.7"] == {"claims": 0, "precision": None, "recall": 0.0}
    assert rows[ALL]["look_alikes_claimed"] == {"match": 1, "dedup": 0}
    assert rows[ALL]["copies_found"] == {"match": 2, "dedup": 1}
    assert (rows["room"]["copies"], rows["room"]["look_alikes"]) == (1, 1)


def test_calibration_error_is_of_every_segment() -> None:
    claims = claims_of(ROWS, PAIRS, TRUTH)
    rows = by_kind(claims, PAIRS, {})
    # Bins of .1: .95 of 1, .35 of 0, .6 and .65 of .5 and 0, .1 of 0.
    expected = (abs(0.95 - 1) + 0.35 + 2 * abs(0.625 - 0.25) + 0.1) / 5
    assert rows[ALL]["expected_calibration_error"] == pytest.approx(expected)
    assert [row["findings"] for row in reliability_of(claims)] == [1, 1, 2, 1]


def test_nothing_claimed_is_no_recall_and_no_precision() -> None:
    (row, *_) = by_kind([], PAIRS, {"match": 0.1}).values()
    assert row["at"]["0.3"] == {"claims": 0, "precision": None, "recall": 0.0}
    assert row["expected_calibration_error"] is None
    assert reliability_of([]) == []
