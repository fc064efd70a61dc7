"""Segments that run into the beginning or the end of a reference."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cliptrace.models.alignment.ends import to_the_ends
from cliptrace.schemas.records import Segment

QUERY = np.arange(0, 20, 0.125), 20.0
REF = np.array([0.5, 1.5, 2.5, 3.5]), 4.5
"""Its keyframes are taken for seconds 0 to 4."""
ALIKE = np.full((160, 2), 0.8, np.float32)


def ends(segment: Segment, alike: np.ndarray = ALIKE, ref: tuple[np.ndarray, float] = REF) -> tuple[float, ...]:
    found = to_the_ends(segment, (alike, alike[: len(ref[0])]), QUERY, ref)
    assert found.score == segment.score
    return found.query_start, found.query_end, found.ref_start, found.ref_end


def alike_until(second: float) -> np.ndarray:
    return np.where(QUERY[0][:, None] < second, ALIKE, np.float32(0.3))


def test_what_follows_the_last_keyframe_belongs_to_a_copy_that_goes_on() -> None:
    assert ends(Segment(7, 10, 1, 4, 0.9)) == (7, 10.5, 1, 4.5)
    assert ends(Segment(7, 8.5, 1, 4, 0.9)) == (7, 8.75, 1, 4.5)  # at twice the speed


def test_no_farther_than_the_query_goes_on() -> None:
    assert ends(Segment(17.25, 20, 1.25, 4, 0.9)) == (17.25, 20, 1.25, 4)
    assert ends(Segment(7, 10, 1, 4, 0.9), alike_until(10.25)) == pytest.approx((7, 10.1875, 1, 4.1875))
    assert ends(Segment(7, 10, 1, 4, 0.9), alike_until(10)) == (7, 10, 1, 4)


def test_what_is_before_the_first_one_does_too() -> None:
    late = REF[0] + 1, 5.5  # taken for seconds from 1 on
    assert ends(Segment(7, 10, 1, 4, 0.9), ref=late) == (6, 10, 0, 4)
    assert ends(Segment(0.5, 3.5, 1, 4, 0.9), ref=late) == (0, 3.5, 0.5, 4)


def test_the_ends_of_a_query_of_few_keyframes_count_as_well() -> None:
    segment = Segment(0.875, 3, 10.875, 13, 0.9)
    (few, end_s), many = (REF[0] + 0.875, 4.5), np.arange(0, 20, 0.125)
    alike = np.full((160, 2), 0.8, np.float32)
    found = to_the_ends(segment, (alike[:4], alike), (few, end_s), (many, 20.0))
    assert (found.query_start, found.query_end, found.ref_start, found.ref_end) == (0, 3, 10, 13)


def test_backwards_the_end_of_the_reference_is_before_the_start_of_the_query() -> None:
    assert ends(Segment(7, 10, 1, 4, 0.9, reversed=True)) == (6.5, 10, 1, 4.5)


@pytest.mark.parametrize("segment", [Segment(7, 9, 1.5, 3.5, 0.9), Segment(0, 15, 3, 4, 0.9)])
def test_a_copy_of_the_middle_and_a_picture_that_is_held_stay_as_they_are(segment: Segment) -> None:
    assert to_the_ends(segment, (ALIKE, ALIKE[:4]), QUERY, REF) == segment


@given(st.floats(0, 15), st.floats(0.5, 5), st.floats(0, 3.9), st.floats(0.3, 3.5), st.booleans(), st.integers(0, 160))
def test_a_segment_only_grows_and_stays_inside(
    start: float, length: float, ref_start: float, speed: float, backward: bool, last: int
) -> None:
    end, ref_end = start + length, min(ref_start + speed * length, 4.0)
    segment = Segment(start, end, ref_start, ref_end, 0.5, backward)
    alike = np.where(np.arange(160)[:, None] < last, ALIKE, np.float32(0))
    found = dataclasses.astuple(to_the_ends(segment, (alike, ALIKE[:4]), QUERY, REF))[:4]
    assert found[0] <= start < end <= found[1] <= 20
    assert -1e-9 <= found[2] <= ref_start
    assert ref_end <= found[3] <= 4.5 + 1e-9
