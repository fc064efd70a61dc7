"""Positions on the axes of a map and seconds say the same."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from models.ssan.coordinates import edges, to_index, to_seconds

TIMES = st.lists(st.floats(0.05, 5.0), min_size=1, max_size=40).map(lambda steps: np.cumsum(steps) - steps[0])


@given(TIMES, st.floats(0, 1))
def test_there_and_back(times: np.ndarray, share: float) -> None:
    position = share * len(times)
    assert np.isclose(to_index(times, to_seconds(times, np.array(position))), position, atol=1e-6)


@given(TIMES)
def test_every_keyframe_lies_in_its_own_part(times: np.ndarray) -> None:
    borders = edges(times)
    assert len(borders) == len(times) + 1
    assert borders[0] >= 0
    assert (borders[:-1] <= times).all()
    assert (times < borders[1:]).all()


def test_irregular_keyframes() -> None:
    times = np.array([0.0, 1.0, 5.0])
    assert edges(times).tolist() == [0.0, 0.5, 3.0, 6.25]
    assert to_seconds(times, np.array([1.0, 1.5, 3.0])).tolist() == [0.5, 1.75, 6.25]
    assert to_index(times, np.array([0.25, 99.0])).tolist() == [0.5, 3.0]


def test_a_single_keyframe() -> None:
    assert edges(np.array([3.0])).tolist() == [2.5, 3.5]
