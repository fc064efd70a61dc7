"""A second look tells a copy from the same room at another hour, and at which speed it plays."""

import numpy as np
import pytest

from cliptrace.models.ssan.fit import Line
from cliptrace.models.verification.look import second_look
from cliptrace.models.verification.scene import Scene
from tests.unit.models.verification.films import as_film, film

REF_S = 12.0
NO_CUTS = np.empty(0)
REF = as_film(*film(seed=1, seconds=REF_S, per_second=1.5))


def test_a_copy_changes_as_its_original_does() -> None:
    query = as_film(*film(seed=1, seconds=6, start_s=3))
    look = second_look(query, REF, 0, 6, 1, 3, NO_CUTS)
    assert look.registration > 0.9
    assert look.change > 0.8
    assert look.activity > 0.05
    assert look.detail > 0.9


def test_the_same_room_at_another_hour_does_not() -> None:
    query = as_film(*film(seed=40, seconds=6, start_s=3))
    look = second_look(query, REF, 0, 6, 1, 3, NO_CUTS)
    assert look.registration > 0.5  # it is the same room
    assert look.change < 0.3


def test_a_line_over_two_shots_is_as_good_as_the_worse_one() -> None:
    times, frames = film(seed=1, seconds=6, start_s=3)
    _, others = film(seed=7, room_seed=7, seconds=6, start_s=3)
    query = as_film(times, np.where((times < 4)[:, None, None, None], frames, others))
    assert second_look(query, REF, 0, 6, 1, 3, NO_CUTS).detail > 0.5
    assert second_look(query, REF, 0, 6, 1, 3, np.array([3.9375])).detail < 0.2


def test_a_line_between_two_keyframes_has_one_picture() -> None:
    query = as_film(*film(seed=1, seconds=0.5, start_s=3))
    look = second_look(query, REF, 0.0, 0.25, 1, 3.1, NO_CUTS)
    assert look.change == pytest.approx(0, abs=1e-6)
    assert look.activity == pytest.approx(0, abs=1e-6)
    assert look.detail > 0.5


@pytest.mark.parametrize("speed", [3.0, 1.0, 0.5, 1 / 3])
def test_before_a_fixed_camera_what_changes_tells_the_speed(speed: float) -> None:
    seconds = min(9 / speed, 12)
    query = as_film(*film(seed=1, seconds=seconds, start_s=2, speed=speed))
    scene = Scene(query, REF, NO_CUTS)
    thought = Line(0, seconds, 1, 1 + seconds, 1)
    found = scene.retimed(thought, scene.look(thought))
    assert found is not None
    line, change = found
    assert change > 0.5
    assert line.speed == pytest.approx(speed, rel=0.05)
    assert line.ref_start == pytest.approx(2, abs=0.3)


def test_what_plays_backwards_is_told_so() -> None:
    times, frames = film(seed=1, seconds=6, start_s=3)
    scene = Scene(as_film(times, frames[::-1]), REF, NO_CUTS)
    thought = Line(0, 6, 3, 9, 1)
    found = scene.retimed(thought, scene.look(thought))
    assert found is not None
    assert found[0].speed == pytest.approx(-1, rel=0.05)
