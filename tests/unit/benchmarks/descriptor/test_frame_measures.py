"""The figures of the descriptor bench against values worked by hand."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.descriptor.frame_measures import (
    false_video_pairs,
    micro_ap,
    per_thousand,
    recall_at_1,
    search,
    threshold_at,
)


def at_degrees(*angles: float) -> np.ndarray:
    """Unit vectors in the plane: similarity is the cosine of the angle between two."""
    return np.stack([np.cos(np.radians(angles)), np.sin(np.radians(angles))], axis=1).astype(np.float32)


def test_an_item_answers_with_its_most_similar_frame() -> None:
    gallery, distractors = at_degrees(10, 50, 80, 20), at_degrees(5, 90)  # videos: 10 and 50; 80 and 20

    found = search(at_degrees(0, 60), gallery, np.array([0, 2]), distractors, items=3)

    assert found.frames.tolist() == [[4, 0, 3], [1, 2, 5]]
    assert found.similarity == pytest.approx(np.cos(np.radians([[5, 10, 20], [10, 20, 30]])), abs=1e-6)
    assert found.best == pytest.approx(np.cos(np.radians([[10, 20], [10, 20]])), abs=1e-6)


def test_only_the_nearest_of_many_distractors_are_found() -> None:
    random = np.random.default_rng(1)
    distractors = random.permutation(np.linspace(30, 150, 40))

    found = search(at_degrees(*[0] * 600), at_degrees(31), np.array([0]), at_degrees(*distractors), items=4)

    assert found.frames.shape == (600, 4)
    assert found.frames[-1].tolist() == [1 + int(np.argsort(distractors)[0]), 0, *(1 + np.argsort(distractors)[1:3])]


def test_without_distractors_the_gallery_is_all_there_is() -> None:
    found = search(at_degrees(0), at_degrees(10, 20), np.array([0, 1]), np.empty((0, 2), np.float32))

    assert found.frames.tolist() == [[0, 1]]


def test_recall_is_a_mean_over_frames_and_over_edits() -> None:
    right = np.array([True, True, False, True, False])
    edit = np.array(["crop", "crop", "crop", "crop", "blur"])
    severity = np.array(["mild", "mild", "severe", "severe", "mild"])

    assert recall_at_1(right, edit, severity) == {
        "crop": {"mild": 1.0, "severe": 0.5, "all": 0.75},
        "blur": {"mild": 0.0, "all": 0.0},
        "macro": {"mild": 0.5, "severe": 0.5, "all": 0.375},
        "micro": {"mild": pytest.approx(2 / 3), "severe": 0.5, "all": 0.6},
    }


def test_micro_ap_ranks_the_predictions_of_all_frames_together() -> None:
    # Ranking: .9 right, .8 wrong (background), .7 right, .6 wrong. A third true frame was never found.
    similarity = np.array([[0.9, 0.6], [0.8, 0.1], [0.7, 0.2]], np.float32)
    right = np.array([[True, False], [False, False], [True, False]])

    assert micro_ap(similarity, right, positives=3) == pytest.approx((1 / 1 + 2 / 3) / 3)


def test_background_that_is_more_similar_than_any_copy_costs_micro_ap() -> None:
    similarity = np.array([[0.9], [0.95]], np.float32)

    assert micro_ap(similarity, np.array([[True], [False]]), positives=1) == 0.5
    assert micro_ap(similarity[:1], np.array([[True]]), positives=1) == 1.0


def test_the_threshold_lets_the_asked_share_of_all_true_pairs_pass() -> None:
    similarities = np.array([0.75, 0.25, 0.5], np.float32)

    assert threshold_at(0.25, similarities, positives=4) == 0.75
    assert threshold_at(0.5, similarities, positives=4) == 0.5
    assert threshold_at(0.7, similarities, positives=4) == 0.25  # 2.8 pairs: three have to pass
    assert threshold_at(0.7, similarities, positives=5) is None
    assert threshold_at(0.7, similarities[:0], positives=0) is None


def test_a_link_counts_once_a_pair_of_videos_and_never_where_the_videos_share_seconds() -> None:
    best = np.array([[0.9, 0.2, 0.6], [0.8, 0.1, 0.2], [0.1, 0.7, 0.5]])
    ids = np.array(["q", "q", "r"])

    assert false_video_pairs(best, ids, set(), 0.5) == 4  # q-0, q-2, r-1, r-2
    assert false_video_pairs(best, ids, {("q", 0), ("r", 0)}, 0.5) == 3
    assert false_video_pairs(best, ids, set(), 0.95) == 0


def test_rates_are_per_thousand() -> None:
    assert per_thousand(np.array([0.9, 0.5, 0.4, 0.3], np.float32), 0.5) == 500.0
    assert per_thousand(np.empty(0, np.float32), 0.5) is None
