"""Pieces of one copy."""

from __future__ import annotations

import pytest

from cliptrace.models.alignment.merging import joined
from cliptrace.schemas.records import Segment


def test_pieces_that_follow_one_another_are_one_copy() -> None:
    first, second = Segment(0, 6, 10, 16, 0.8, speed=1.0), Segment(6.1, 10, 16.1, 20, 0.9, speed=1.0)
    (whole,) = joined([second, first])
    assert (whole.query_start, whole.query_end, whole.ref_start, whole.ref_end) == (0, 10, 10, 20)
    assert whole.score == pytest.approx(0.84, abs=0.01)


@pytest.mark.parametrize(
    "other",
    [
        Segment(6.1, 10, 30, 33.9, 0.9, speed=1.0),  # elsewhere
        Segment(6.1, 10, 16.1, 24, 0.9, speed=2.0),  # faster
        Segment(8, 10, 18, 20, 0.9, speed=1.0),  # later
        Segment(6.1, 10, 16.1, 20, 0.9, reversed=True, speed=1.0),
    ],
)
def test_pieces_that_do_not_are_not(other: Segment) -> None:
    first = Segment(0, 6, 10, 16, 0.8, speed=1.0)
    assert set(joined([first, other])) == {first, other}


@pytest.mark.parametrize(("next_score", "whole"), [(0.6, True), (0.2, False)])
def test_a_sure_piece_is_not_joined_to_one_that_is_hardly_a_copy(next_score: float, whole: bool) -> None:
    pieces = [Segment(0, 2, 10, 12, 0.8, speed=1.0), Segment(2, 4, 12, 14, next_score, speed=1.0)]
    assert [segment.query_end for segment in joined(pieces)] == ([4] if whole else [2, 4])
