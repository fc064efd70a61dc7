"""Pooling against values worked by hand, against the definitions written as loops, and against invariances."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cliptrace.models.backbones.pooling import max_regions, pool, rmac_grid, unit

METHODS = ["mac", "spoc", "gem", "rmac"]


def random_maps(seed: int, height: int = 7, width: int = 7, channels: int = 16, frames: int = 3) -> np.ndarray:
    return np.random.default_rng(seed).random((frames, channels, height, width), dtype=np.float32)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("mac", [3.0, 4.0]),
        ("spoc", [6.0, 8.0]),
        ("gem", [((1 + 8 + 27) / 4) ** (1 / 3), (2 * 64 / 4) ** (1 / 3)]),
        # The side is 2 at scale 1 and 1 at scales 2 and 3. Scale 1 is the whole map: (3, 4)/5. Scale 2 is the four
        # pixels (1, 4)/√17, (2, 0)/2, (0, 0), (3, 4)/5. Scale 3 starts at rows and columns 0, 0, 1: the top left pixel
        # counts four times, top right and bottom left twice, bottom right once.
        ("rmac", [3 * 0.6 + 5 / 17**0.5 + 3 * 1.0, 3 * 0.8 + 5 * 4 / 17**0.5]),
    ],
)
def test_by_hand(name: str, expected: list[float]) -> None:
    maps = np.array([[[[1, 2], [0, 3]], [[4, 0], [0, 4]]]], np.float32)
    np.testing.assert_allclose(pool(maps, name), unit(np.array([expected], np.float32)), rtol=1e-6)


def test_rmac_grid_of_a_square() -> None:
    assert rmac_grid(7, 7) == [(7, [0], [0]), (4, [0, 3], [0, 3]), (3, [0, 2, 4], [0, 2, 4])]


def test_rmac_grid_of_a_rectangle_has_more_regions_along_the_long_side() -> None:
    assert rmac_grid(5, 8) == [(5, [0], [0, 3]), (3, [0, 2], [0, 2, 5]), (2, [0, 1, 3], [0, 2, 4, 6])]
    assert rmac_grid(8, 5) == [(side, lefts, tops) for side, tops, lefts in rmac_grid(5, 8)]


@pytest.mark.parametrize(("height", "width"), [(7, 7), (5, 8), (8, 5), (1, 1), (2, 9)])
def test_rmac_is_its_definition(height: int, width: int) -> None:
    maps = random_maps(0, height, width)
    for frame, pooled in zip(maps, pool(maps, "rmac"), strict=True):
        total = np.zeros(len(frame))
        for side, tops, lefts in rmac_grid(height, width):
            for top in tops:
                for left in lefts:
                    region = np.array([channel[top : top + side, left : left + side].max() for channel in frame])
                    total += region / np.linalg.norm(region)
        np.testing.assert_allclose(pooled, total / np.linalg.norm(total), rtol=1e-5)


@pytest.mark.parametrize("name", METHODS)
@given(seed=st.integers(0, 2**32 - 1), height=st.integers(1, 9), width=st.integers(1, 9), scale=st.floats(1e-3, 1e3))
def test_rows_are_unit_and_know_neither_scale_nor_order_of_channels(
    name: str, seed: int, height: int, width: int, scale: float
) -> None:
    maps = random_maps(seed, height, width)
    pooled = pool(maps, name)
    assert pooled.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(pooled, axis=1), 1, atol=1e-5)
    np.testing.assert_allclose(pool(maps * np.float32(scale), name), pooled, atol=1e-5)
    order = np.random.default_rng(seed).permutation(maps.shape[1])
    np.testing.assert_allclose(pool(maps[:, order], name), pooled[:, order], atol=1e-5)


@pytest.mark.parametrize("name", METHODS)
def test_a_map_of_zeros_gives_zeros(name: str) -> None:
    assert not pool(np.zeros((2, 4, 7, 7), np.float32), name).any()


@pytest.mark.parametrize("name", METHODS)
def test_no_frames(name: str) -> None:
    assert pool(np.zeros((0, 4, 7, 7), np.float32), name).shape == (0, 4)


def test_regions_are_the_maxima_that_rmac_adds_up() -> None:
    maps = random_maps(1)
    regions = max_regions(maps)
    assert regions.shape == (3, 14, 16)
    np.testing.assert_array_equal(regions[:, 0], maps.max(axis=(2, 3)))
    np.testing.assert_array_equal(regions[:, 2], maps[:, :, 3:, :4].max(axis=(2, 3)))  # bottom left of the second scale
    total = np.zeros((3, 16), np.float32)
    for number in range(14):
        total += unit(regions[:, number])
    np.testing.assert_array_equal(unit(total), pool(maps, "rmac"))
