"""Ends of segments at the cuts of the query."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cliptrace.models.alignment.snapping import snap
from cliptrace.schemas.records import Segment

HALF_SECONDS = np.arange(0, 30, 0.5)


def ends(segment: Segment) -> tuple[float, float, float, float]:
    return segment.query_start, segment.query_end, segment.ref_start, segment.ref_end


def test_each_end_goes_to_the_nearest_cut_and_takes_the_other_video_along() -> None:
    found = Segment(4.75, 9.75, 2.75, 12.75, 0.5)  # at twice the speed
    snapped = snap(found, HALF_SECONDS, np.array([4.9, 5.2, 9.5, 20.0]))
    assert ends(snapped) == pytest.approx((4.9, 9.5, 3.05, 12.25))
    assert snapped.score == 0.5


def test_backwards_the_start_of_the_query_is_the_end_of_the_reference() -> None:
    found = Segment(4.75, 9.75, 10.0, 15.0, 0.5, reversed=True)
    assert ends(snap(found, HALF_SECONDS, np.array([5.0]))) == pytest.approx((5.0, 9.75, 10.0, 14.75))


def test_cuts_farther_away_than_keyframes_are_from_one_another_do_not_count() -> None:
    found = Segment(4.75, 9.75, 2.75, 12.75, 0.5)
    assert snap(found, HALF_SECONDS, np.array([4.0, 10.5])) == found
    assert snap(found, HALF_SECONDS, np.empty(0)) == found


def test_no_video_starts_before_it_begins_and_no_segment_becomes_empty() -> None:
    assert snap(Segment(0.5, 5.0, 0.1, 4.6, 0.5), HALF_SECONDS, np.array([0.1])).ref_start == 0.0
    short = Segment(4.75, 5.25, 2.75, 3.25, 0.5)
    assert snap(short, HALF_SECONDS, np.array([5.0])) == short


@given(st.lists(st.floats(0, 30), max_size=5).map(sorted), st.floats(0, 20), st.floats(0.5, 9), st.booleans())
def test_ends_move_by_a_keyframe_at_most(cuts: list[float], start: float, length: float, backwards: bool) -> None:
    found = Segment(start, start + length, 1.0, 1.0 + length, 0.5, backwards)
    snapped = snap(found, HALF_SECONDS, np.array(cuts))
    assert abs(np.subtract(ends(snapped), ends(found))).max() <= 0.5 + 1e-9
