"""What a line through a map of keyframes at known seconds shows."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cliptrace.models.ssan.grid import edges
from cliptrace.models.ssan.timed import TimedMap

TICK_S = 1 / 64


@given(st.integers(0, 1000), st.sampled_from([1.0, -1.0, 0.7, -2.0]), st.floats(-5, 25))
def test_each_second_of_the_line_shows_the_keyframe_that_stands_for_it(seed: int, speed: float, offset: float) -> None:
    random = np.random.default_rng(seed)
    query_times, ref_times = np.arange(12) / 2, np.cumsum(random.uniform(0.2, 2.0, 15))
    similarity = random.uniform(0.1, 1.0, (12, 15)).astype(np.float32)
    found = TimedMap(similarity, query_times, ref_times).along(np.arange(12), speed, offset)
    borders = edges(ref_times)
    for row, shown in enumerate(offset + speed * query_times):
        if np.abs(borders - shown).min() > TICK_S:
            stands = int(np.searchsorted(borders, shown)) - 1
            assert found[row] == (similarity[row, stands] if 0 <= stands < 15 else 0.0)


def test_frames_of_a_keyframes_own_moment_count_most() -> None:
    query_times, ref_times = np.arange(0, 4, 0.25), np.arange(4.0)
    alike = np.exp(-((ref_times - query_times[:, None]) ** 2)).astype(np.float32)
    seen = TimedMap(alike, query_times, ref_times)
    rows = seen.rows(0, 3)
    plain = float(seen.along(rows, 1.0, 0.0).mean())
    here, beside = seen.resemblance(rows, np.ones(2), np.array([0.0, 0.3]))
    assert here > plain
    assert here - beside > plain - float(seen.along(rows, 1.0, 0.3).mean())


def test_a_line_outside_of_the_reference_finds_nothing() -> None:
    times = np.arange(5.0)
    seen = TimedMap(np.ones((5, 5), np.float32), times, times)
    rows = seen.rows(0, 5)
    assert not seen.along(rows, 1.0, 100.0).any()
    assert seen.resemblance(rows, np.ones(2), np.array([100.0, -100.0])).tolist() == [0.0, 0.0]
    # Half of it outside, half inside: whatever is outside counts in full.
    assert seen.resemblance(rows, np.ones(1), np.array([3.0]))[0] == pytest.approx(0.4, abs=0.05)


@given(st.integers(0, 12), st.integers(0, 12), st.integers(0, 99))
def test_the_best_outside_is_the_most_alike_of_what_is_left(left: int, right: int, seed: int) -> None:
    left, right = sorted((left, right))
    similarity = np.random.default_rng(seed).uniform(-1, 1, (6, 12)).astype(np.float32)
    found = TimedMap(similarity, np.arange(6.0), np.arange(12.0)).best_outside(slice(2, 5), left, right)
    outside = np.hstack([similarity[2:5, :left], similarity[2:5, right:]])
    assert found.tolist() == (outside.max(axis=1).tolist() if outside.size else [])


def test_rows_and_columns_of_a_stretch_of_time() -> None:
    times = np.arange(5.0)
    seen = TimedMap(np.zeros((5, 5), np.float32), times, times)
    assert seen.rows(0.6, 2.4).tolist() == [1, 2]
    assert seen.rows(90, 99).tolist() == [4]
    assert seen.columns(1.5, 1.6) == (2, 3)
