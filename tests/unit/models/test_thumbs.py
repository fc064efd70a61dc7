"""The small pictures for keyframe selection."""

from __future__ import annotations

import numpy as np
import pytest

from cliptrace.models.thumbs import thumbs


@pytest.mark.parametrize("count", [1, 5])
def test_every_pixel_is_the_average_of_its_area(count: int) -> None:
    frames = np.random.default_rng(0).integers(0, 256, (count, 224, 224, 3), np.uint8)
    blocks = frames.reshape(count, 32, 7, 32, 7, 3).mean(axis=(2, 4))
    small = thumbs(frames)
    assert small.shape == (count, 32, 32, 3)
    assert small.dtype == np.uint8
    np.testing.assert_allclose(small, blocks, atol=0.51)


def test_frames_do_not_bleed_into_each_other() -> None:
    frames = np.zeros((3, 100, 100, 3), np.uint8)
    frames[1] = 255
    assert [thumb.mean() for thumb in thumbs(frames)] == [0, 255, 0]
