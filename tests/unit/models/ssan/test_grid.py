"""Maps on a grid of equal seconds."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from cliptrace.models.ssan.grid import MAX_SIDE, PIXEL_S, edges, to_grid

TIMES = st.lists(st.floats(0.05, 5.0), min_size=1, max_size=40).map(lambda steps: np.cumsum(steps) - steps[0])


@given(TIMES)
def test_every_keyframe_lies_in_its_own_part(times: np.ndarray) -> None:
    borders = edges(times)
    assert len(borders) == len(times) + 1
    assert borders[0] >= 0
    assert (borders[:-1] <= times).all()
    assert (times < borders[1:]).all()


def test_a_keyframe_stands_for_the_time_up_to_halfway_to_its_neighbours() -> None:
    assert edges(np.array([0.0, 1.0, 5.0])).tolist() == [0.0, 0.5, 3.0, 6.25]
    assert edges(np.array([3.0])).tolist() == [2.5, 3.5]


@given(TIMES, TIMES, st.integers(0, 1 << 31))
def test_no_pair_gets_lost_and_none_is_made_up(query: np.ndarray, ref: np.ndarray, seed: int) -> None:
    similarity = np.random.default_rng(seed).normal(size=(len(query), len(ref))).astype(np.float32)
    grid = to_grid(similarity, query, ref)
    assert max(grid.pixels.shape) <= MAX_SIDE
    assert np.isin(grid.pixels, similarity).all()
    assert grid.pixels.max() == similarity.max()
    row, column = np.unravel_index(similarity.argmax(), similarity.shape)
    # Where the brightest pair lies, within a pixel.
    at = np.argwhere(grid.pixels == similarity.max()) * grid.step_s + (grid.query_s, grid.ref_s)
    assert (np.abs(at - (query[row], ref[column])).min(axis=0) <= grid.step_s).all()


def test_a_copy_is_a_diagonal_though_the_query_has_four_times_as_many_keyframes() -> None:
    query, ref = np.arange(0, 8, 0.125), np.arange(0, 8, 0.5)
    similarity = (np.abs(query[:, None] - ref) <= 0.25).astype(np.float32)
    pixels = to_grid(similarity, query, ref).pixels
    assert pixels.shape == (32, 31)  # the last keyframe of the reference lasts a quarter of a second
    assert np.diag(pixels).all()
    assert not np.triu(pixels, 3).any()
    assert not np.tril(pixels, -3).any()


def test_a_grid_begins_where_its_window_does() -> None:
    grid = to_grid(np.ones((4, 3), np.float32), np.arange(100, 102, 0.5), np.arange(30, 33.0))
    assert (grid.step_s, grid.query_s, grid.ref_s) == (PIXEL_S, 99.75, 29.5)
    assert grid.pixels.shape == (8, 12)


def test_pixels_of_long_maps_are_more_seconds() -> None:
    similarity = np.full((2000, 40), -1.0, np.float32)
    similarity[1001, 7] = 0.5
    grid = to_grid(similarity, np.arange(2000) / 2, np.arange(40) / 2)
    assert grid.pixels.shape[0] == MAX_SIDE
    assert grid.step_s == 1000 / MAX_SIDE - 0.25 / MAX_SIDE
    row, column = np.argwhere(grid.pixels == 0.5)[0]
    assert (row, column) == (int(500.5 / grid.step_s), int(3.5 / grid.step_s))
