"""Pictures that a query holds, on drawn films."""

from __future__ import annotations

import numpy as np
import pytest

from cliptrace.models.alignment.held import held_lines
from cliptrace.models.ssan.timed import TimedMap
from cliptrace.models.verification.scene import Scene
from tests.unit.models.verification.films import as_film, film, room

WALK = film(seed=1, seconds=12, per_second=1.5)
RATE = 1.57
"""Radians a second: keyframes of this film are alike by a half, and what is between two is by .87 to both."""


def melting(times: np.ndarray, seed: int = 0) -> np.ndarray:
    """A wall that turns into another one, and so on."""
    walls = [room(2 * seed), room(2 * seed + 1)]
    return np.stack(
        [_grey(np.cos(RATE * t) * (walls[0] - 128.0) + np.sin(RATE * t) * (walls[1] - 128.0)) for t in times]
    )


def _grey(frame: np.ndarray) -> np.ndarray:
    return np.repeat(np.clip(frame + 128, 0, 255).astype(np.uint8)[..., None], 3, axis=2)


MELT = WALK[0], melting(WALK[0])


def held(picture: np.ndarray, ref: tuple[np.ndarray, np.ndarray], second: float, similarity: float = 0.6, others=None):
    """Where a picture is found that is held for 6 s. similarity: of the keyframe that is nearest to a second; others:
    of other keyframes, by their second."""
    query_times = np.arange(0, 6, 0.5)
    query = as_film(query_times, np.repeat(picture[None], len(query_times), axis=0))
    alike = np.full((len(query_times), len(ref[0])), 0.3, np.float32)
    for at, likeness in {second: similarity, **(others or {})}.items():
        alike[:, np.abs(ref[0] - at).argmin()] = likeness
    scene = Scene(query, as_film(*ref), np.empty(0), [(0.0, 6.0)])
    return [(line.ref_start, line.ref_end) for line, _ in held_lines(TimedMap(alike, query_times, ref[0]), scene)]


@pytest.mark.parametrize("second", [4.0, 4.33, 7.0, 7.66])
def test_a_picture_between_two_keyframes_of_what_changes_fast_is_found(second: float) -> None:
    (picture,) = melting(np.array([second]))
    ((start, end),) = held(picture, MELT, second)
    assert start - 0.4 <= second <= end + 0.4


def test_a_picture_of_another_wall_is_not() -> None:
    (picture,) = melting(np.array([4.2]), seed=1)
    assert held(picture, MELT, 4.2) == []


def test_one_that_is_nearer_to_another_moment_is_not_between_two_keyframes() -> None:
    second = 7.66
    (picture,) = melting(np.array([second]))
    nearer = 0.65 * (picture[..., 0] - 128.0) + 0.35 * (room(9) - 128.0)
    elsewhere = np.stack([_grey(wall) for wall in (room(7) - 128.0, nearer, room(8) - 128.0)])
    ref = np.append(MELT[0], [20, 20.7, 21.4]), np.concatenate([MELT[1], elsewhere])
    assert len(held(picture, ref, second)) == 1
    assert held(picture, ref, second, others={20.7: 0.7}) == []


def test_before_a_fixed_camera_only_a_keyframe_itself_is_found() -> None:
    _, same = film(seed=1, seconds=1, start_s=4)
    _, other = film(seed=2, seconds=1, start_s=4)
    assert len(held(same[0], WALK, 4.0)) == 1
    assert held(other[0], WALK, 4.0) == []


def test_what_is_not_alike_is_not_looked_at() -> None:
    (picture,) = melting(np.array([4.2]))
    assert held(picture, MELT, 4.2, similarity=0.35) == []
