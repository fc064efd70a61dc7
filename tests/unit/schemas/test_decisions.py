"""What a decision on two videos leaves of their segments, and how decisions come together."""

from __future__ import annotations

import dataclasses

import pytest

from cliptrace.schemas.decisions import Decision, Party
from cliptrace.schemas.errors import UsageError
from cliptrace.schemas.records import Segment

A, B = Party("aa", "a.mp4", "/a.mp4"), Party("bb", "b.mp4", "/b.mp4")


def seconds(*times: float) -> Segment:
    return Segment(*times, 0.9)


def test_a_pair_is_one_whichever_is_named_first() -> None:
    on = Decision.on(A, B, [seconds(0, 10, 50, 70)])
    assert Decision.on(B, A, [seconds(50, 70, 0, 10)]) == on
    assert on.contents == ("aa", "bb")
    assert Decision.from_json(dataclasses.asdict(on)) == on


@pytest.mark.parametrize(
    ("found", "stays"),
    [
        ((0, 10, 50, 70), False),
        ((1, 11, 49, 66), False),  # mostly the same
        ((0, 10, 60, 80), True),  # a third in common on one side
        ((0, 4, 50, 58), True),  # much shorter
        ((20, 30, 50, 70), True),  # elsewhere in the query
    ],
)
def test_seconds_that_are_mostly_the_same_on_both_sides_are_left_out(
    found: tuple[float, float, float, float], stays: bool
) -> None:
    on = Decision.on(A, B, [seconds(0, 10, 50, 70)])
    segment = seconds(*found)
    turned = seconds(*found[2:], *found[:2])
    assert on.left_of([segment], "aa") == ((segment,) if stays else ())
    assert on.left_of([turned], "bb") == ((turned,) if stays else ())


def test_a_moment_of_a_picture_is_told_by_the_other_side() -> None:
    on = Decision.on(A, B, [seconds(0, 0, 50, 70)])
    assert on.left_of([seconds(0, 0, 51, 70), seconds(0, 0, 90, 99)], "aa") == (seconds(0, 0, 90, 99),)


def test_as_a_whole_nothing_is_left() -> None:
    assert Decision.on(A, B).left_of([seconds(0, 10, 50, 70)], "aa") == ()


def test_decisions_come_together_and_the_whole_pair_stays_rejected() -> None:
    one, other = Decision.on(A, B, [seconds(0, 10, 0, 10)], "one", 1), Decision.on(A, B, [seconds(20, 30, 5, 9)], "", 2)
    both = one.with_more(other)
    assert (len(both.segments), both.note, both.time) == (2, "one", 2)
    assert both.with_more(Decision.on(A, B, [seconds(20, 31, 5, 9)])).segments == both.segments  # known
    assert both.with_more(Decision.on(A, B)).segments == ()
    assert Decision.on(A, B).with_more(one).segments == ()


def test_what_is_taken_back_is_gone() -> None:
    both = Decision.on(A, B, [seconds(0, 10, 0, 10), seconds(20, 30, 5, 9)])
    left = both.without(Decision.on(A, B, [seconds(0, 9, 0, 9)]))
    assert left == Decision.on(A, B, [seconds(20, 30, 5, 9)])
    assert left.without(Decision.on(A, B, [seconds(20, 30, 5, 9)])) is None
    assert both.without(Decision.on(A, B)) is None
    with pytest.raises(UsageError) as caught:
        Decision.on(A, B).without(left)
    assert str(caught.value) == (
        "a.mp4 and b.mp4 are rejected as a whole: take that back without segments, then reject those that are none"
    )
