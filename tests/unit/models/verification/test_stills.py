"""What stands still, and what a finding loses where one video does and the other does not."""

import math

import numpy as np
import pytest

from cliptrace.models.ssan.fit import Line
from cliptrace.models.verification.scene import Scene, between, to_query
from cliptrace.models.verification.stills import find_stills, still_stretches, without
from tests.unit.models.verification.films import as_film, film


def test_a_held_picture_is_found_whatever_a_codec_adds() -> None:
    random = np.random.default_rng(0)
    moving = random.integers(0, 255, (16, 32, 32, 3)).astype(np.int64)
    held = np.repeat(moving[-1:], 24, axis=0) + random.integers(-1, 2, (24, 32, 32, 3))
    thumbs = np.clip(np.concatenate([moving, held, moving[:4]]), 0, 255).astype(np.uint8)
    assert find_stills(thumbs, 8) == [(16, 40)] or find_stills(thumbs, 8) == [(15, 40)]
    assert find_stills(thumbs[:16], 8) == []
    assert find_stills(thumbs[:0], 8) == []


def test_slides_are_stills_one_after_the_other() -> None:
    slides = np.repeat(np.random.default_rng(0).integers(0, 255, (3, 32, 32, 3), np.uint8), 20, axis=0)
    assert find_stills(slides, 8) == [(0, 20), (20, 40), (40, 60)]


def test_a_slow_fade_is_no_held_picture() -> None:
    fade = np.arange(40, dtype=np.uint8)[:, None, None, None] * np.ones((1, 32, 32, 3), np.uint8)
    assert find_stills(fade, 8) == []


def test_keyframes_that_stay_the_same() -> None:
    pictures = np.zeros((6, 64, 64), np.float32)
    pictures[4:] = 90
    assert still_stretches(np.arange(6.0), pictures) == [(0.0, 4.0)]
    assert still_stretches(np.arange(4.0), pictures[:4]) == [(0.0, math.inf)]


def test_stretches_are_taken_out() -> None:
    assert list(without((0.0, 10.0), [(6.0, 12.0), (2.0, 3.0)])) == [(0.0, 2.0), (3.0, 6.0)]
    assert list(without((0.0, 10.0), [])) == [(0.0, 10.0)]
    assert list(without((0.0, 10.0), [(-1.0, 11.0)])) == []


@pytest.mark.parametrize("speed", [1.0, 2.0, -1.0])
def test_a_part_of_a_line_shows_what_the_line_shows(speed: float) -> None:
    line = Line(0, 10, 5, 5 + 10 * abs(speed), speed)
    part = between(line, 2, 4)
    assert (part.query_start, part.query_end) == (2, 4)
    assert to_query(line, (part.ref_start, part.ref_end)) == pytest.approx((2, 4))


def test_a_query_that_stops_while_the_reference_goes_on_ends_the_finding() -> None:
    times, frames = film(seed=1, seconds=12)
    frames[48:] = frames[48]
    ref = as_film(*film(seed=1, seconds=12, per_second=1.5))
    scene = Scene(as_film(times, frames), ref, np.empty(0), [(6.0, 12.0)])
    (line,) = scene.moving_together(Line(0, 12, 0, 12, 1))
    assert (line.query_end, line.ref_end) == pytest.approx((6, 6), abs=0.1)


def test_two_that_stop_together_are_one_finding() -> None:
    times, frames = film(seed=1, seconds=12)
    frames[48:] = frames[48]
    ref = as_film(times[::5], frames[::5])
    scene = Scene(as_film(times, frames), ref, np.empty(0), [(6.0, 12.0)])
    whole = Line(0, 12, 0, 12, 1)
    assert list(scene.moving_together(whole)) == [whole]


def test_a_reference_that_stops_while_the_query_goes_on_ends_it_too() -> None:
    query = as_film(*film(seed=1, seconds=12))
    times, frames = film(seed=1, seconds=12, per_second=1.5)
    frames[9:] = frames[9]
    scene = Scene(query, as_film(times, frames), np.empty(0))
    (line,) = scene.moving_together(Line(0, 12, 0, 12, 1))
    assert line.query_end == pytest.approx(6, abs=0.7)


def test_pictures_that_were_lost_for_a_while_end_no_finding() -> None:
    times, frames = film(seed=1, seconds=12)
    ref = as_film(*film(seed=1, seconds=12, per_second=1.5))
    whole = Line(0, 12, 0, 12, 1)

    def left(held: tuple[float, float]) -> list[Line]:
        shown = frames.copy()
        inside = (times >= held[0]) & (times < held[1])
        shown[inside] = shown[inside][0]
        return list(Scene(as_film(times, shown), ref, np.empty(0), [held]).moving_together(whole))

    assert left((4.0, 7.0)) == [whole]
    assert [line[:2] for line in left((3.0, 9.0))] == [(0, 3), (9, 12)]  # too long
    assert [line[:2] for line in left((8.0, 12.0))] == [(0, 8)]  # nothing goes on behind it
