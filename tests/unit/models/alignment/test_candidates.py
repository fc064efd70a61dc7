"""Votes of hits, by hand."""

from __future__ import annotations

import numpy as np
import pytest

from cliptrace.models.alignment.candidates import NOT_SHOWN, group_hits, spread_over
from cliptrace.schemas.records import Candidate

ROWS = np.array([0, 0, 1, 1, 2])
VIDEOS = np.array(["a", "b", "a", "a", "b"])
FRAMES = np.array([5, 9, 6, 7, 8])
SIMILARITIES = np.array([0.9, 0.5, 0.4, 0.6, 0.7], np.float32)


def votes(found: list[Candidate]) -> dict[str, float]:
    return {candidate.ref_id: pytest.approx(candidate.votes, abs=1e-6) for candidate in found}


def test_a_frame_votes_once_for_a_video() -> None:
    found = group_hits("q", ROWS, VIDEOS, FRAMES, SIMILARITIES)
    assert votes(found) == {"a": 0.9 + 0.6, "b": 0.5 + 0.7}
    assert [candidate.ref_id for candidate in found] == ["a", "b"]
    assert found[0].query_frames.tolist() == [0, 1, 1]
    assert found[0].ref_frames.tolist() == [5, 6, 7]
    assert found[0].similarities.tolist() == SIMILARITIES[[0, 2, 3]].tolist()


def test_equal_votes_in_the_order_of_ids_and_no_hits() -> None:
    same = np.ones(5, np.float32)
    assert [c.ref_id for c in group_hits("q", np.arange(5), np.array(list("dbcae")), FRAMES, same)] == list("abcde")
    none = np.empty(0, np.int64)
    assert group_hits("q", none, np.empty(0, np.str_), none, np.empty(0, np.float32)) == []


def test_views_of_a_frame_vote_together() -> None:
    found = group_hits("q", np.array([0, 1, 2, 4, 5]), VIDEOS, FRAMES, SIMILARITIES, views=3)
    assert votes(found) == {"a": 0.9 + 0.6, "b": 0.5 + 0.7}  # rows 0 to 2 are frame 0, rows 3 to 5 frame 1
    assert found[0].query_frames.tolist() == [0, 0, 1]
    assert found[1].query_frames.tolist() == [0, 1]


def test_the_bias_of_a_row_is_taken_off_its_hits() -> None:
    found = group_hits("q", ROWS, VIDEOS, FRAMES, SIMILARITIES, bias=np.array([0.8, 0.1, 0.0], np.float32))
    assert votes(found) == {"b": 0.0 + 0.7, "a": 0.1 + 0.5}  # what falls below nothing is no vote against
    assert [candidate.ref_id for candidate in found] == ["b", "a"]
    by_video = {candidate.ref_id: candidate.similarities for candidate in found}
    np.testing.assert_allclose(by_video["a"], [0.1, 0.3, 0.5], atol=1e-6)
    np.testing.assert_allclose(by_video["b"], [-0.3, 0.7], atol=1e-6)
    assert SIMILARITIES[0] == np.float32(0.9)  # what was given stays as it was


def test_each_view_has_its_own_bias() -> None:
    bias = np.array([[0.0, 0.5], [0.2, 0.0]], np.float32)
    found = group_hits("q", np.array([1, 2]), np.array(["a", "a"]), FRAMES[:2], SIMILARITIES[:2], 2, bias)
    assert votes(found) == {"a": (0.9 - 0.5) + (0.5 - 0.2)}


def test_frames_that_are_seen_almost_as_they_are_are_counted() -> None:
    found = group_hits("q", ROWS, VIDEOS, FRAMES, SIMILARITIES, bias=np.array([0.2, 0, 0], np.float32), near=0.6)
    assert {candidate.ref_id: candidate.seen for candidate in found} == {"a": 2, "b": 1}


def test_a_frame_that_was_searched_deeper_speaks_for_its_neighbours() -> None:
    shown_by = np.array([1, 1, 1, NOT_SHOWN])  # frames 0 to 2 are shown by frame 1
    rows, videos = np.array([0, 1, 1, 3]), np.array(["a", "a", "b", "b"])
    similarities = np.array([0.9, 0.5, 0.7, 0.2], np.float32)
    found = group_hits("q", rows, videos, np.zeros(4, np.int64), similarities, near=0.6, shown_by=shown_by)
    assert votes(found) == {"b": 3 * 0.7 + 0.2, "a": 0.9 + 2 * 0.5}
    assert [candidate.seen for candidate in found] == [3, 1]
    assert [len(candidate.query_frames) for candidate in found] == [2, 2]


def test_few_frames_are_spread_over_those_that_they_stand_for() -> None:
    marked = np.ones(12, bool)
    marked[[0, 5]] = False
    assert spread_over(marked, 100, 16).tolist() == [NOT_SHOWN, 3, 3, 3, 3, NOT_SHOWN, 7, 7, 7, 10, 10, 10]
    assert len(set(spread_over(np.ones(100, bool), 10, 16))) == 10
    assert len(set(spread_over(np.ones(100, bool), 1, 16))) == 16
    assert spread_over(np.zeros(3, bool), 10, 16).tolist() == [NOT_SHOWN] * 3
