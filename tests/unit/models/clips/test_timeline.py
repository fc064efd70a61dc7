"""Steps of tiles joined to a video, and the windows that clip search compares."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from cliptrace.models.clips.timeline import joined, tile_steps, windows


class Recording:
    """An encoder that says the mean of each step, and remembers what it was given."""

    sha256, dimension, step_s, input_size = "", 1, 0.5, 4

    def encode(self, frames: NDArray[np.uint8]) -> NDArray[np.float32]:
        self.given = frames
        steps = [frames[start : start + 4] for start in range(0, len(frames), 4)]
        return np.array([[step.mean()] for step in steps], np.float32)


def grey(values: list[int], size: int = 4) -> NDArray[np.uint8]:
    return np.repeat(np.array(values, np.uint8), size * size * 3).reshape(-1, size, size, 3)


def test_steps_are_counted_from_the_start_of_the_video() -> None:
    encoder = Recording()
    first, rows = tile_steps(encoder, np.arange(16, 22) / 8, grey([1, 1, 1, 1, 3, 3]))
    assert (first, rows.tolist()) == (4, [[1], [3]])
    first, rows = tile_steps(encoder, np.arange(19, 22) / 8, grey([4, 0, 0]))  # the video starts within a step
    assert (first, rows.tolist()) == (4, [[4], [0]])


@pytest.mark.parametrize("size", [2, 8])
def test_frames_of_another_size_are_resized(size: int) -> None:
    encoder = Recording()
    assert tile_steps(encoder, np.arange(4) / 8, grey([7] * 4, size))[1].tolist() == [[7]]
    assert encoder.given.shape == (4, 4, 4, 3)


def test_what_was_not_seen_is_zero() -> None:
    one, two = np.float32([[1], [2]]), np.float32([[3]])
    rows = joined([(1, one), (4, two)], 1)
    assert rows.dtype == np.float16
    assert rows.ravel().tolist() == [0, 1, 2, 0, 3]
    assert joined([], 3).shape == (0, 3)


@pytest.mark.parametrize(
    ("steps", "starts"), [(1, [0]), (8, [0]), (9, [0, 1]), (12, [0, 4]), (14, [0, 4, 6]), (20, [0, 4, 8, 12])]
)
def test_every_step_is_in_a_window(steps: int, starts: list[int]) -> None:
    clips = np.random.default_rng(steps).normal(size=(steps, 5)).astype(np.float32)
    means = np.stack([clips[start : start + 8].mean(axis=0) for start in starts])
    np.testing.assert_allclose(windows(clips), means / np.linalg.norm(means, axis=1, keepdims=True), atol=1e-6)


def test_nothing_makes_no_window_and_zeros_make_zeros() -> None:
    assert windows(np.empty((0, 5), np.float16)).shape == (0, 5)
    assert windows(np.zeros((20, 5), np.float16)).tolist() == [[0] * 5] * 4
