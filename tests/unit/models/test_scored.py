"""Keyframes by score: known answers, and what holds for any scores."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from models.keyframes.scored import select_scored

SCORES = st.lists(st.sampled_from([0.0, 0.1, 0.4, 0.5, 0.9, 1.0]), max_size=60).map(lambda v: np.array(v, np.float32))


def test_peaks_above_the_threshold_and_the_best_of_empty_intervals() -> None:
    scores = np.array([0.1, 0.9, 0.8, 0.2, 0.1, 0.1, 0.3, 0.2, 0.6, 0.6, 0.1], np.float32)
    positions, kept = select_scored(scores, fps=4, threshold=0.5, interval_s=1.0)
    assert positions.tolist() == [1, 6, 8]
    assert np.array_equal(kept, scores[[1, 6, 8]])


@given(SCORES, st.floats(0.05, 1.1), st.sampled_from([0.25, 0.5, 1.0, 2.0]))
def test_every_interval_has_a_keyframe(scores: np.ndarray, threshold: float, interval_s: float) -> None:
    positions, kept = select_scored(scores, 4, threshold, interval_s)
    interval = round(interval_s * 4)
    assert set(positions // interval) == set(range(-(-len(scores) // interval)))
    assert (np.diff(positions) > 0).all()
    assert np.array_equal(scores[positions], kept)


@given(SCORES)
def test_a_lower_threshold_keeps_no_fewer(scores: np.ndarray) -> None:
    counts = [len(select_scored(scores, 4, threshold, 1.0)[0]) for threshold in (1.1, 0.9, 0.5, 0.05)]
    assert counts == sorted(counts)
