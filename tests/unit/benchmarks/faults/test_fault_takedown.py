"""Which answers of a takedown break the rule."""

from __future__ import annotations

import copy

import pytest

from benchmarks.faults.takedown import ACROSS, AFTER, BEFORE, GROUPS, MEANWHILE, Answer, _group, broken_rules

KEPT = {
    "removal_exit_code": 0,
    "answers": {name: {"answers": 9, "failed": 0, "naming": 9 if name == BEFORE else 0} for name in GROUPS},
    "wrong": [],
}


@pytest.mark.parametrize(("begin", "end", "group"), [(1, 2, BEFORE), (1, 4, MEANWHILE), (1, 6, ACROSS), (6, 7, AFTER)])
def test_an_answer_is_judged_by_what_came_before_it(begin: float, end: float, group: str) -> None:
    assert _group(Answer(begin, end, 0, True), called=3, returned=5) == group


def test_the_rules() -> None:
    assert broken_rules(KEPT, 9) == []
    assert broken_rules(KEPT, 10) == ["only 9 searches began after the removal"]
    for name in (ACROSS, AFTER):
        named = copy.deepcopy(KEPT)
        named["answers"][name]["naming"] = 2
        assert broken_rules(named, 9) == [f"2 answers name the removed video, {name}"]
    blind = copy.deepcopy(KEPT)
    blind["answers"][BEFORE]["naming"] = 8
    assert broken_rules(blind, 9) == ["not every search found the video before it was removed"]
