"""Measures of moments against values worked by hand."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.relocalization.measures import best_tiou, map_at_1, proposal_recall, recall_at_1, with_absent


def test_only_the_first_answer_counts_and_any_moment_will_do() -> None:
    moments = np.array([[0, 10], [20, 30]], np.float32)
    assert best_tiou(np.array([[20, 25, 0.9], [0, 10, 0.8]], np.float32), moments) == pytest.approx(0.5)
    assert best_tiou(np.empty((0, 3), np.float32), moments) == 0
    assert best_tiou(moments, np.empty((0, 2), np.float32)) == 0


def test_map_at_1_is_a_mean_over_labels_and_recall_one_over_queries() -> None:
    best, labels = np.array([0.9, 0.5, 0.7, 0.2]), ["jump", "run", "run", "run"]
    assert map_at_1(best, labels, (0.5, 0.8)) == pytest.approx({"0.5": (1 + 1 / 3) / 2, "0.8": 0.5})
    assert recall_at_1(best, (0.5, 0.8)) == pytest.approx({"0.5": 0.5, "0.8": 0.25})


def test_an_answer_below_the_score_is_none() -> None:
    best, scores = np.array([0.9, 0.9, 0.1, 0, 0]), np.array([0.8, 0.3, 0.9, 0.6, -np.inf])
    present = np.array([True, True, True, False, False])
    found = with_absent(best, scores, present, 0.5, 0.5)
    assert (found.recall, found.false_answers) == pytest.approx((1 / 3, 1 / 2))
    assert with_absent(best[:3], scores[:3], present[:3], 0.0, 0.5).false_answers == 0


def test_recall_of_proposals_rises_with_their_number() -> None:
    proposals = [np.array([[0, 5], [0, 10]], np.float32), np.empty((0, 2), np.float32)]
    moments = [np.array([[0, 10]], np.float32), np.array([[3, 4]], np.float32)]
    found = proposal_recall(proposals, moments, (1, 2, 5), (0.5, 0.9))
    assert found["1"] == pytest.approx({"0.5": 0.5, "0.9": 0, "average": 0.25})
    assert found["2"] == found["5"] == pytest.approx({"0.5": 0.5, "0.9": 0.5, "average": 0.5})
