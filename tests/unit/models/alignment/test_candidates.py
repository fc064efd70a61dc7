"""Votes of hits, by hand."""

from __future__ import annotations

import numpy as np
import pytest

from models.alignment.candidates import group_hits
from schemas.records import Candidate

ROWS = np.array([0, 0, 1, 1, 2])
VIDEOS = np.array(["a", "b", "a", "a", "b"])
FRAMES = np.array([5, 9, 6, 7, 8])
SIMILARITIES = np.array([0.9, 0.5, 0.4, 0.6, 0.7], np.float32)


def votes(found: list[Candidate]) -> dict[str, float]:
    return {candidate.ref_id: pytest.approx(candidate.votes, abs=1e-6) for candidate in found}


def test_a_frame_votes_once_for_a_video() -> None:
    found = group_hits("q", ROWS, VIDEOS, FRAMES, SIMILARITIES, top_k=5)
    assert votes(found) == {"a": 0.9 + 0.6, "b": 0.5 + 0.7}
    assert [candidate.ref_id for candidate in found] == ["a", "b"]
    assert found[0].query_frames.tolist() == [0, 1, 1]
    assert found[0].ref_frames.tolist() == [5, 6, 7]
    assert found[0].similarities.tolist() == SIMILARITIES[[0, 2, 3]].tolist()
    assert [candidate.ref_id for candidate in group_hits("q", ROWS, VIDEOS, FRAMES, SIMILARITIES, top_k=1)] == ["a"]


def test_equal_votes_in_the_order_of_ids_and_no_hits() -> None:
    same = np.ones(5, np.float32)
    assert [c.ref_id for c in group_hits("q", np.arange(5), np.array(list("dbcae")), FRAMES, same, 3)] == [
        "a",
        "b",
        "c",
    ]
    none = np.empty(0, np.int64)
    assert group_hits("q", none, np.empty(0, np.str_), none, np.empty(0, np.float32), 3) == []


def test_views_of_a_frame_vote_together() -> None:
    found = group_hits("q", np.array([0, 1, 2, 4, 5]), VIDEOS, FRAMES, SIMILARITIES, top_k=5, views=3)
    assert votes(found) == {"a": 0.9 + 0.6, "b": 0.5 + 0.7}  # rows 0 to 2 are frame 0, rows 3 to 5 frame 1
    assert found[0].query_frames.tolist() == [0, 0, 1]
    assert found[1].query_frames.tolist() == [0, 1]


def test_the_bias_of_a_row_is_taken_off_its_hits() -> None:
    found = group_hits("q", ROWS, VIDEOS, FRAMES, SIMILARITIES, top_k=5, bias=np.array([0.8, 0.1, 0.0], np.float32))
    assert votes(found) == {"b": 0.0 + 0.7, "a": 0.1 + 0.5}  # what falls below nothing is no vote against
    assert [candidate.ref_id for candidate in found] == ["b", "a"]
    by_video = {candidate.ref_id: candidate.similarities for candidate in found}
    np.testing.assert_allclose(by_video["a"], [0.1, 0.3, 0.5], atol=1e-6)
    np.testing.assert_allclose(by_video["b"], [-0.3, 0.7], atol=1e-6)
    assert SIMILARITIES[0] == np.float32(0.9)  # what was given stays as it was


def test_each_view_has_its_own_bias() -> None:
    bias = np.array([[0.0, 0.5], [0.2, 0.0]], np.float32)
    found = group_hits("q", np.array([1, 2]), np.array(["a", "a"]), FRAMES[:2], SIMILARITIES[:2], 5, 2, bias)
    assert votes(found) == {"a": (0.9 - 0.5) + (0.5 - 0.2)}
