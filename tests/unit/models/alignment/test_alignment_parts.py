from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from cliptrace.models.alignment.borders import clip_to_line
from cliptrace.models.alignment.paths import Path, keyframe_spans, split_at_gaps
from cliptrace.models.alignment.scoring import mean_similarity, segment_score
from cliptrace.models.alignment.similarity import search_rows, similarity_map


def test_similarity_map_is_cosine() -> None:
    query = np.array([[1.0, 0.0], [0.6, 0.8]], np.float16)
    ref = np.array([[0.0, 1.0], [1.0, 0.0], [-1.0, 0.0]], np.float32)
    found = similarity_map(query, ref)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, [[0, 1, -1], [0.8, 0.6, -0.6]], atol=1e-3)
    assert similarity_map(query[:0], ref).shape == (0, 3)
    with pytest.raises(ValueError) as failure:
        similarity_map(query, ref[:, :1])
    assert str(failure.value) == "embeddings of shapes (2, 2) and (3, 1) cannot be compared"


def test_the_most_similar_view_counts() -> None:
    query = np.array([[[1.0, 0.0], [0.6, 0.8]], [[0.0, -1.0], [-0.8, 0.6]]], np.float32)
    ref = np.array([[0.0, 1.0], [1.0, 0.0]], np.float32)
    np.testing.assert_allclose(similarity_map(query, ref), [[0.8, 1.0], [0.6, 0.0]], atol=1e-6)
    rows, views = search_rows(query)
    assert views == 2
    np.testing.assert_array_equal(rows, np.array([[1.0, 0.0], [0.6, 0.8], [0.0, -1.0], [-0.8, 0.6]], np.float32))
    assert search_rows(query[:, 0])[1] == 1
    assert similarity_map(query[:0], ref).shape == (0, 2)
    with pytest.raises(ValueError) as failure:
        similarity_map(query, ref[:, :1])
    assert str(failure.value) == "embeddings of shapes (2, 2, 2) and (2, 1) cannot be compared"


def test_the_bias_is_taken_off_before_the_best_view_is_chosen() -> None:
    query, ref = np.array([[[1.0, 0.0], [0.6, 0.8]]], np.float32), np.array([[0.0, 1.0], [1.0, 0.0]], np.float32)
    found = similarity_map(query, ref, np.array([[0.7, 0.1]], np.float32))
    np.testing.assert_allclose(found, [[max(0.0 - 0.7, 0.8 - 0.1), max(1.0 - 0.7, 0.6 - 0.1)]], atol=1e-6)
    plain = similarity_map(query[:, 0], ref, np.array([0.7], np.float32))
    np.testing.assert_allclose(plain, [[-0.7, 0.3]], atol=1e-6)
    for bias, ends in ((-0.5, [0.5, 1.0]), (1.5, [-1.0, -0.5])):  # a map stays within [-1, 1]
        np.testing.assert_allclose(similarity_map(query[:, 0], ref, np.array([bias], np.float32)), [ends], atol=1e-6)
    with pytest.raises(ValueError) as failure:
        similarity_map(query, ref, np.zeros(1, np.float32))
    assert str(failure.value) == "a bias of shape (1,) does not go with embeddings of shape (1, 2, 2)"


def unit_rows(rng: np.random.Generator, *shape: int) -> NDArray[np.float32]:
    rows = rng.normal(size=shape)
    return (rows / np.linalg.norm(rows, axis=-1, keepdims=True)).astype(np.float32)


@settings(max_examples=50)
@given(st.integers(1, 9), st.integers(1, 5), st.integers(1, 9), st.booleans(), st.integers(0, 1000))
def test_more_views_never_lower_a_map(queries: int, views: int, refs: int, biased: bool, seed: int) -> None:
    rng = np.random.default_rng(seed)
    query, ref = unit_rows(rng, queries, views, 16), unit_rows(rng, refs, 16)
    bias = rng.uniform(-0.2, 0.8, (queries, views)).astype(np.float32) if biased else None
    found = similarity_map(query, ref, bias)
    each = [similarity_map(query[:, view], ref, None if bias is None else bias[:, view]) for view in range(views)]
    assert (found >= each[0] - 1e-6).all()
    np.testing.assert_allclose(found, np.max(each, axis=0), atol=1e-6)


def test_a_keyframe_stands_for_the_time_to_halfway_its_neighbours() -> None:
    starts, ends = keyframe_spans(np.array([0.0, 1.0, 1.5, 9.5]))
    np.testing.assert_allclose(starts, [0.0, 0.5, 1.25, 8.0])  # no more than 1.5 s, and nothing before 0
    np.testing.assert_allclose(ends, [0.5, 1.25, 3.0, 10.0])  # the last one half the median spacing
    starts, ends = keyframe_spans(np.array([3.0]))
    assert (starts[0], ends[0]) == (2.5, 3.5)


def test_a_path_is_cut_where_either_video_runs_on() -> None:
    times = np.array([0.0, 1.0, 2.0, 9.0, 10.0])
    path = Path(np.arange(5), np.arange(5))
    assert [len(part.query_frames) for part in split_at_gaps(path, times, times, 5.0)] == [3, 2]
    assert [len(part.query_frames) for part in split_at_gaps(path, np.arange(5.0), times, 5.0)] == [3, 2]
    assert [len(part.query_frames) for part in split_at_gaps(path, np.arange(5.0), np.arange(5.0), 5.0)] == [5]
    assert split_at_gaps(Path(np.arange(0), np.arange(0)), times, times, 5.0) == []


def test_a_line_tells_which_video_overran() -> None:
    query = np.arange(20.0)
    ref = query + 30
    ref[-2:] += [2, 5]  # the reference's last shot goes on
    assert clip_to_line(query, ref, (0.0, 19.5), (30.0, 54.5)) == ((0.0, 19.5), (30.0, 49.5))
    assert clip_to_line(query, -ref + 100, (0.0, 19.5), (45.5, 70.0)) == ((0.0, 19.5), (50.5, 70.0))


def test_a_line_at_another_speed() -> None:
    query = np.arange(20.0)
    (start, end), (ref_start, ref_end) = clip_to_line(query, 2 * query + 30, (0.0, 19.5), (29.5, 75.0))
    assert (start, end, ref_start, ref_end) == pytest.approx((0.0, 19.5, 30.0, 69.0), abs=0.05)


def test_score_is_similarity_times_evidence() -> None:
    assert segment_score(0.8, 5.0, 100) == pytest.approx(0.8 * (1 - math.exp(-1)))
    assert segment_score(0.8, 100.0, 5) == pytest.approx(0.8 * (1 - math.exp(-1)))
    assert segment_score(1.0, 1e6, 10**6) == 1.0
    assert segment_score(-0.2, 60.0, 60) == 0.0


def test_mean_similarity_counts_what_the_path_passed_over_by_its_seconds() -> None:
    similarity = np.eye(4, dtype=np.float32)
    similarity[1, 1] = 0.0
    path = Path(np.array([0, 3]), np.array([0, 3]))
    times, seconds = np.arange(4.0), np.array([1.0, 2.0, 1.0, 1.0])
    assert mean_similarity(similarity, times, times, seconds, path) == pytest.approx(3 / 5)
