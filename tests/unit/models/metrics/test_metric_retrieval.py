"""Ranking metrics against cases worked by hand and against properties."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cliptrace.models.metrics.retrieval import (
    average_precision,
    mean_average_precision,
    micro_average_precision,
    recall_at_k,
)


def test_average_precision_of_a_textbook_ranking():
    # Right at ranks 1, 3 and 5 of 5: (1/1 + 2/3 + 3/5) / 3.
    ap = average_precision([True, False, True, False, True], [0.9, 0.8, 0.7, 0.6, 0.5], positives=3)
    assert ap == pytest.approx((1 + 2 / 3 + 3 / 5) / 3)


def test_average_precision_counts_positives_that_were_not_retrieved():
    # Right at ranks 1 and 2, and two more that are missing: (1 + 1 + 0 + 0) / 4.
    assert average_precision([True, True], [0.9, 0.8], positives=4) == pytest.approx(0.5)


def test_average_precision_lets_ties_in_together():
    # .9 right: 1/1. .5: two right and one wrong end at rank 4 with 3 right: each counts 3/4. (1 + 3/4 + 3/4) / 3.
    ap = average_precision([True, True, False, True], [0.9, 0.5, 0.5, 0.5], positives=3)
    assert ap == pytest.approx(2.5 / 3)
    # A constant score is worth the share of right items: 1 of 4.
    assert average_precision([True, False, False, False], [0.5] * 4, positives=1) == pytest.approx(0.25)


def test_average_precision_without_positives_or_without_items():
    assert average_precision([], [], positives=0) == 1.0
    assert average_precision([False], [0.5], positives=0) == 0.0
    assert average_precision([], [], positives=2) == 0.0


def test_average_precision_refuses_nan():
    with pytest.raises(ValueError, match=r"^a score is NaN: it has no rank$"):
        average_precision([True], [math.nan], positives=1)


def test_map_averages_over_queries_with_truth():
    # q1: right at rank 2: 1/2. q2: right at rank 1: 1. q3: nothing retrieved: 0. q4 has no truth: left out. Mean 1/2.
    truth = [("q1", "a"), ("q2", "b"), ("q3", "c")]
    scores = {("q1", "x"): 0.9, ("q1", "a"): 0.8, ("q2", "b"): 0.1, ("q4", "x"): 1.0}
    assert mean_average_precision(truth, scores) == pytest.approx(0.5)


def test_micro_ap_ranks_all_pairs_together():
    # Ranking: q4-x wrong, q1-x wrong, q1-a right (1/3), q2-b right (2/4); q3-c missing: (1/3 + 1/2) / 3.
    truth = [("q1", "a"), ("q2", "b"), ("q3", "c")]
    scores = {("q1", "x"): 0.9, ("q1", "a"): 0.8, ("q2", "b"): 0.1, ("q4", "x"): 1.0}
    assert micro_average_precision(truth, scores) == pytest.approx((1 / 3 + 1 / 2) / 3)


def test_recall_at_k_is_the_share_of_queries_with_a_hit():
    # First right ranks: q1 2, q2 1, q3 never.
    truth = [("q1", "a"), ("q1", "b"), ("q2", "b"), ("q3", "c")]
    scores = {("q1", "x"): 0.9, ("q1", "a"): 0.8, ("q2", "b"): 0.1, ("q4", "x"): 1.0}
    assert recall_at_k(truth, scores, 1) == pytest.approx(1 / 3)
    assert recall_at_k(truth, scores, 2) == pytest.approx(2 / 3)
    assert recall_at_k(truth, scores, 100) == pytest.approx(2 / 3)


def test_recall_at_k_counts_ties_at_their_last_rank():
    truth, scores = [("q", "a")], {("q", "a"): 0.5, ("q", "b"): 0.5}
    assert [recall_at_k(truth, scores, k) for k in (1, 2)] == [0.0, 1.0]


def test_empty_truth_and_empty_prediction():
    some = {("q", "a"): 0.5}
    for metric in (mean_average_precision, micro_average_precision):
        assert [metric(some.keys(), {}), metric([], some), metric([], {})] == [0.0, 0.0, 1.0]
    assert [recall_at_k(some.keys(), {}, 1), recall_at_k([], some, 1), recall_at_k([], {}, 1)] == [0.0, 1.0, 1.0]


def test_recall_at_zero_is_refused():
    with pytest.raises(ValueError, match=r"^k must be at least 1, not 0$"):
        recall_at_k([], {}, 0)


pairs = st.tuples(st.sampled_from(["q1", "q2", "q3"]), st.sampled_from(["a", "b", "c", "d"]))
truths = st.frozensets(pairs, max_size=8)
retrieved = st.dictionaries(pairs, st.sampled_from([0.0, 0.2, 0.4, 0.6, 1.0]), max_size=12)
METRICS = (mean_average_precision, micro_average_precision, lambda truth, scores: recall_at_k(truth, scores, 2))


@given(truths, retrieved)
def test_metrics_lie_between_zero_and_one(truth, scores):
    assert all(0.0 <= metric(truth, scores) <= 1.0 for metric in METRICS)


@given(truths)
def test_perfect_ranking_is_one(truth):
    wrong = {("q1", "z"): 0.1, ("q9", "z"): 0.1} if truth else {}
    assert all(metric(truth, wrong | dict.fromkeys(truth, 0.9)) == pytest.approx(1.0) for metric in METRICS[:2])


@given(truths, retrieved, st.randoms())
def test_order_and_monotone_transforms_change_nothing(truth, scores, random):
    shuffled = {pair: math.exp(scores[pair]) - 7 for pair in random.sample(list(scores), len(scores))}
    for metric in METRICS:
        assert metric(random.sample(list(truth), len(truth)), shuffled) == pytest.approx(metric(truth, scores))


@given(truths, retrieved)
def test_average_precision_is_the_area_under_the_curve_over_thresholds(truth, scores):
    ap = recall = 0.0
    for threshold in sorted(set(scores.values()), reverse=True):
        kept = {pair for pair, score in scores.items() if score >= threshold}
        new_recall = len(kept & truth) / len(truth) if truth else 0.0
        ap += len(kept & truth) / len(kept) * (new_recall - recall)
        recall = new_recall
    expected = ap if truth else float(not scores)
    assert micro_average_precision(truth, scores) == pytest.approx(expected)
