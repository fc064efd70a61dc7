"""Labels of a chart: inside of it, and never over each other."""

from __future__ import annotations

import itertools

import pytest

from benchmarks.harness.labels import Box, Dot, place, text_width

AREA = Box(0, 0, 400, 300)


def test_a_line_meets_a_box_that_it_crosses() -> None:
    box = Box(10, 10, 20, 20)

    assert box.meets((0, 15, 30, 15))
    assert box.meets((12, 12, 14, 14))
    assert box.meets((0, 0, 30, 30))
    assert not box.meets((0, 5, 30, 5))
    assert not box.meets((0, 15, 9, 15))
    assert not box.meets((0, 25, 25, 30))


def test_a_lonely_label_stands_right_beside_its_dot() -> None:
    (label,) = place([Dot(100, 100, 5)], ["alone"], AREA, first=[False])

    assert label.leader is None
    assert (label.box.left, (label.box.top + label.box.bottom) / 2) == (110, 100)


def test_at_the_right_edge_it_stands_to_the_left() -> None:
    (label,) = place([Dot(395, 100, 5)], ["alone"], AREA, first=[False])

    assert label.to_the_left
    assert label.box.right == 385


def test_a_crowd_is_told_apart() -> None:
    dots = [Dot(200, 100 + 3 * number, 4 + number % 5) for number in range(20)]
    texts = [f"label number {number}" for number in range(20)]

    labels = place(dots, texts, AREA, first=[number == 7 for number in range(20)])

    assert all(AREA.holds(label.box) for label in labels)
    assert not any(one.box.overlaps(other.box) for one, other in itertools.combinations(labels, 2))
    assert not any(label.box.overlaps(dot.box()) for label in labels for dot in dots)
    for one, other in itertools.permutations(labels, 2):
        assert not (one.leader and other.box.meets(one.leader))
    assert labels == place(dots, texts, AREA, first=[number == 7 for number in range(20)])
    assert labels[7].leader is None


def test_where_there_is_no_room_it_says_so() -> None:
    with pytest.raises(ValueError, match="no room for the label 'long'"):
        place([Dot(5, 5, 4)], ["long"], Box(0, 0, 20, 20), first=[False])


def test_wide_letters_take_more_room() -> None:
    assert text_width("mmm") > text_width("aaa") > text_width("iii") > 0
