"""Keyframes by score: known answers, and what holds for any scores."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cliptrace.models.keyframes.scored import select_scored

SCORES = st.lists(st.sampled_from([0.0, 0.1, 0.4, 0.5, 0.9, 1.0]), min_size=1, max_size=200).map(
    lambda values: np.array(values, np.float32)
)


def test_without_scores_there_is_one_in_the_middle_of_every_interval() -> None:
    positions, kept = select_scored(np.zeros(32, np.float32), fps=4, threshold=1.0, interval_s=2.0)
    assert positions.tolist() == [3, 11, 19, 27]
    assert not kept.any()


@pytest.mark.parametrize(("score", "threshold", "count"), [(0.2, 2.0, 90), (0.5, 4.0, 100)])
def test_one_more_wherever_scores_add_up_to_the_threshold(score: float, threshold: float, count: int) -> None:
    positions, kept = select_scored(np.full(400, score, np.float32), fps=4, threshold=threshold, interval_s=2.0)
    assert len(positions) == count
    assert np.allclose(kept, score)
    assert np.ptp(np.diff(positions)) <= 1


def test_they_lie_close_where_much_happens() -> None:
    scores = np.zeros(240, np.float32)
    scores[80:160] = 0.5
    positions, _ = select_scored(scores, fps=8, threshold=2.0, interval_s=4.0)
    calm, lively = (positions < 70).sum(), ((positions >= 85) & (positions < 155)).sum()
    assert lively > 5 * calm


@given(SCORES, st.floats(1.0, 5.0), st.sampled_from([0.5, 1.0, 2.0]))
def test_no_gap_is_longer_than_the_interval(scores: np.ndarray, threshold: float, interval_s: float) -> None:
    positions, kept = select_scored(scores, 4, threshold, interval_s)
    interval = round(interval_s * 4)
    assert len(positions)
    assert np.diff(positions, prepend=-1, append=len(scores)).min() > 0
    assert np.diff(positions).max(initial=0) <= interval
    assert positions[0] < interval
    assert len(scores) - positions[-1] <= interval
    assert np.array_equal(scores[positions], kept)


@given(SCORES)
def test_a_lower_threshold_keeps_no_fewer(scores: np.ndarray) -> None:
    counts = [len(select_scored(scores, 4, threshold, 1.0)[0]) for threshold in (8.0, 4.0, 2.0, 1.5)]
    assert counts == sorted(counts)
