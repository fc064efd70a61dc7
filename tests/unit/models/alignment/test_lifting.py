"""Which segments run on into what a stop-list left out, and what becomes of them."""

from __future__ import annotations

import numpy as np
import pytest

from cliptrace.models.alignment.lifting import completed, runs_into
from cliptrace.schemas.records import Segment

INTRO = (np.array([0.0, 1.0, 2.0]), np.array([1.0, 2.0, 3.0]))


@pytest.mark.parametrize(("start", "touches"), [(2.5, True), (4.0, True), (5.0, False)])
def test_what_begins_soon_after_the_intro_runs_into_it(start: float, touches: bool) -> None:
    assert runs_into([Segment(20, 22, 0, 2, 0.9), Segment(start, 9, start, 9, 0.9)], *INTRO) is touches


def test_a_copy_that_goes_on_is_taken_whole_and_what_stands_for_itself_is_not() -> None:
    body, elsewhere = Segment(3.2, 9, 3.2, 9, 0.8), Segment(12, 14, 20, 22, 0.7)
    whole, intro_alone = Segment(0, 9, 0, 9, 0.95), Segment(0, 3, 40, 43, 0.9)
    assert completed([body, elsewhere], [whole, intro_alone]) == (whole, elsewhere)


def test_without_a_longer_one_all_stays() -> None:
    body = Segment(3.2, 9, 3.2, 9, 0.8)
    assert completed([body], []) == completed([body], [Segment(3, 9, 30, 36, 0.9)]) == (body,)
