"""Baselines of the keyframe selector."""

import numpy as np
import pytest

from benchmarks.alignment.selections import EVERYTHING, at_random, content, local_maxima, scored, uniform
from cliptrace.schemas.config import SKE_POINTS


def scenes(*lengths: int) -> np.ndarray:
    """Still pictures, one after the other."""
    random = np.random.default_rng(0)
    return np.concatenate([np.repeat(random.integers(0, 256, (1, 32, 32, 3)), n, axis=0) for n in lengths]).astype(
        np.uint8
    )


def test_local_maxima_are_where_the_picture_changes() -> None:
    positions, _ = local_maxima().gallery(scenes(20, 16, 24))
    assert len(positions) == 2
    assert (np.abs(positions - (20, 36)) <= 2).all()
    assert local_maxima().gallery(scenes(30))[0].tolist() == [0]
    assert local_maxima().gallery(scenes(1))[0].tolist() == [0]


def test_random_keyframes_are_as_many_as_asked_and_always_the_same() -> None:
    choice = at_random(1.5)
    positions, _ = choice.gallery(scenes(160))
    assert len(set(positions.tolist())) == 30
    assert np.array_equal(positions, choice.gallery(scenes(160))[0])


def test_only_dense_queries_have_keyframes_of_their_own() -> None:
    assert uniform(2, dense_queries=False).queries is None
    assert uniform(2, dense_queries=True).queries is EVERYTHING
    assert len(EVERYTHING(scenes(40))[0]) == 40


@pytest.mark.parametrize("choice", [content(0.1), scored("SKE", "ske", "balanced")])
def test_keyframes_are_positions_in_the_tile(choice) -> None:
    positions, _ = choice.gallery(scenes(20, 16, 24))
    assert (np.diff(positions) > 0).all()
    assert 0 <= positions[0] <= positions[-1] < 60


def test_the_points_of_the_dial_fall_in_storage() -> None:
    thumbs = np.random.default_rng(1).integers(0, 256, (576, 32, 32, 3), np.uint8)
    stored = [len(scored("SKE", "ske", point).gallery(thumbs)[0]) for point in SKE_POINTS]
    assert stored == sorted(stored, reverse=True)
    assert stored[0] > stored[-1]
