"""What a match says of two videos: how much of either is the same."""

from __future__ import annotations

import pytest

from cliptrace.schemas.records import Match, Segment
from cliptrace.schemas.verdicts import Link
from cliptrace.transforms.dedup.judging import link_of
from cliptrace.transforms.store.gallery import StoredVideo


def link(*segments: tuple[float, float, float, float], query_s: float = 40.0, ref_s: float = 100.0) -> Link:
    found = tuple(Segment(*each, 0.9) for each in segments)
    match = Match("a", "/in/a", "b", "/in/b", 0.9, found)
    return link_of(
        match,
        query_s,
        StoredVideo("b", "/in/b", {}, ref_s, 200, "frames/run=1/part-0.parquet", 0, 9, "ab"),
        in_flight=False,
    )


def test_shares_are_of_each_video() -> None:
    found = link((0, 10, 50, 60), (20, 30, 70, 90))
    assert (found.seconds, found.share, found.other_share) == (20.0, 0.5, 0.3)


@pytest.mark.parametrize(
    ("segments", "share", "other_share"),
    [
        ([(0, 10, 0, 10), (0, 10, 30, 40), (0, 10, 60, 70)], 0.25, 0.3),  # it occurs three times in the other
        ([(0, 10, 5, 15), (20, 30, 5, 15)], 0.5, 0.1),  # the other's occurs twice in it
        ([(0, 10, 0, 10), (5, 20, 5, 20)], 0.5, 0.2),  # one begins within the other
        ([(0, 20, 0, 20), (5, 10, 5, 10)], 0.5, 0.2),  # one is all of it within the other
        ([(0, 10, 20, 30), (10, 20, 10, 20)], 0.5, 0.2),  # pieces in another order
    ],
)
def test_seconds_that_occur_twice_count_once(
    segments: list[tuple[float, float, float, float]], share: float, other_share: float
) -> None:
    found = link(*segments)
    assert (found.share, found.other_share) == (share, other_share)
    assert found.seconds == share * 40


def test_no_share_is_more_than_all() -> None:
    """An end may lie a frame after the last one that was decoded."""
    found = link((0, 10.1, 0, 10.1), query_s=10, ref_s=10)
    assert (found.share, found.other_share) == (1.0, 1.0)
