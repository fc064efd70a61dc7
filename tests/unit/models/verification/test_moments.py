"""Where a video shows one picture."""

from __future__ import annotations

import numpy as np
import pytest

from cliptrace.models.alignment.paths import keyframe_spans
from cliptrace.models.verification.film import Film
from cliptrace.models.verification.moments import find_moments
from cliptrace.models.verification.pictures import encode

TIMES = np.arange(20.0)
SPANS = keyframe_spans(TIMES)


def frames(count: int, seed: int = 0) -> np.ndarray:
    """Pictures that have nothing in common."""
    small = np.random.default_rng(seed).integers(0, 256, (count, 8, 8, 3)).astype(np.uint8)
    return small.repeat(16, axis=1).repeat(16, axis=2)


def film(shown: np.ndarray) -> Film:
    pictures = encode(shown)
    return Film(np.arange(float(len(shown))), lambda: pictures)


def alike(**seconds: float) -> np.ndarray:
    similarity = np.full(len(TIMES), 0.1, np.float32)
    for second, value in seconds.items():
        similarity[int(second[1:])] = value
    return similarity


def found(similarity: np.ndarray, picture: np.ndarray, shown: np.ndarray) -> list[tuple[float, float, bool]]:
    moments = find_moments(similarity, SPANS, film(picture[None]), film(shown))
    assert all((moment.query_start, moment.query_end) == (0.0, 0.0) for moment in moments)
    return [(moment.ref_start, moment.ref_end, moment.score > 0.9) for moment in moments]


def test_a_picture_is_found_at_its_keyframe() -> None:
    shown = frames(20)
    assert found(alike(s5=0.6, s6=0.5), shown[5], shown) == [(4.5, 5.5, True)]


def test_where_the_video_holds_it_all_of_its_seconds_are_told() -> None:
    shown = frames(20)
    shown[4:9] = shown[5]
    assert found(alike(s6=0.6), shown[5], shown) == [(3.5, 8.5, True)]


def test_every_place_where_it_is_shown_is_told_and_not_what_resembles_it() -> None:
    shown = frames(20)
    shown[15] = shown[5]
    assert found(alike(s5=0.6, s15=0.58, s10=0.5), shown[5], shown) == [(4.5, 5.5, True), (14.5, 15.5, True)]


def test_one_of_another_video_is_no_moment_of_this_one() -> None:
    (moment,) = found(alike(s5=0.3), frames(1, seed=1)[0], frames(20))
    assert not moment[2]


def test_without_pictures_likeness_is_the_score() -> None:
    bare = Film(TIMES, tuple)
    (moment,) = find_moments(alike(s5=0.6), SPANS, bare, bare)
    assert (moment.ref_start, moment.ref_end, moment.score) == (4.5, 5.5, pytest.approx(0.6))
    assert find_moments(np.full(20, -1, np.float32), SPANS, bare, bare) == []
