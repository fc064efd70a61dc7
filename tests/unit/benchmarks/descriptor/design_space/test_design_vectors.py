"""Storage, regions and their similarity against values worked by hand."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.descriptor.design_space.vectors import STORAGES, best_similarities, bytes_of, kept, pool_regions
from cliptrace.models.backbones.pooling import unit


def test_eight_bits_are_scaled_to_the_largest_component() -> None:
    # 127 · .6 / .8 = 95.25: kept as (95, -127) of unit norm.
    back = kept(np.array([[0.6, -0.8]], np.float32), "int8")

    assert back == pytest.approx(np.array([[95, -127]]) / np.hypot(95, 127), abs=1e-6)


def test_eight_bits_move_a_vector_by_less_than_their_rounding() -> None:
    vectors = unit(np.random.default_rng(1).standard_normal((500, 256), np.float32))
    step = np.abs(vectors).max(axis=1) / 127

    moved = np.linalg.norm(kept(vectors, "int8") - vectors, axis=1)

    # Half a step a component, and as much again at most where the norm is put right.
    assert (moved <= step * np.sqrt(256)).all()
    assert moved.max() < 0.02


def test_one_bit_keeps_the_signs() -> None:
    back = kept(np.array([[0.1, -0.7, 0.7, 0.1]], np.float32), "1 bit")

    assert back.tolist() == [[0.5, -0.5, 0.5, 0.5]]


@pytest.mark.parametrize("storage", STORAGES)
def test_what_is_kept_is_of_unit_norm_and_of_the_same_shape(storage) -> None:
    vectors = unit(np.random.default_rng(2).standard_normal((12, 8), np.float32)).reshape(4, 3, 8)

    back = kept(vectors, storage)

    assert back.dtype == np.float32
    assert back.shape == vectors.shape
    assert np.linalg.norm(back, axis=2) == pytest.approx(1, abs=1e-3)
    assert (back * vectors).sum(axis=2).min() > (0.6 if storage == "1 bit" else 0.999)


def test_zeros_stay_zeros_in_eight_bits() -> None:
    assert not kept(np.zeros((1, 4), np.float32), "int8").any()


def test_bytes_a_vector() -> None:
    assert [bytes_of(256, storage) for storage in STORAGES] == [1024, 512, 256, 32]
    assert bytes_of(12, "1 bit") == 2


def test_regions_are_the_whole_and_its_overlapping_corners() -> None:
    maps = np.zeros((1, 2, 3, 3), np.float32)  # corners of 2 × 2, which share the middle
    maps[0, 0, 1, 1] = 3
    maps[0, 1, 0, 2] = 4  # top right

    regions = pool_regions(maps, "mac", corners=True)

    assert regions[0] == pytest.approx(np.array([[0.6, 0.8], [1, 0], [0.6, 0.8], [1, 0], [1, 0]]))
    assert np.array_equal(pool_regions(maps, "mac", corners=False), regions[:, :1])


@pytest.mark.parametrize(("side", "corner"), [(5, 3), (6, 4), (7, 4), (8, 5)])
def test_corners_are_a_little_more_than_half(side: int, corner: int) -> None:
    maps = np.arange(side * side, dtype=np.float32).reshape(1, 1, side, side)
    both = np.concatenate([maps, np.ones_like(maps)], axis=1)

    highest = pool_regions(both, "mac", corners=True)[0]

    last = corner - 1  # the lower right cell of the upper left corner
    assert highest[1, 0] / highest[1, 1] == pytest.approx(last * side + last, rel=1e-5)


def test_the_best_pair_of_regions_counts() -> None:
    queries = np.array([[[1, 0], [0, 1]], [[-1, 0], [0, -1]]], np.float32)
    others = np.array([[[0.6, 0.8], [-0.8, 0.6]], [[1, 0], [1, 0]], [[0, -1], [0, -1]]], np.float32)

    assert best_similarities(queries, others) == pytest.approx(np.array([[0.8, 1, 0], [0.8, 0, 1]]))
    assert best_similarities(queries[:, :1], others[:, :1]) == pytest.approx(np.array([[0.6, 1, 0], [-0.6, -1, 0]]))


def test_many_queries_are_compared_in_pieces() -> None:
    random = np.random.default_rng(3)
    queries, others = random.standard_normal((600, 1, 4), np.float32), random.standard_normal((5, 1, 4), np.float32)

    assert best_similarities(queries, others) == pytest.approx(queries[:, 0] @ others[:, 0].T, abs=1e-5)
