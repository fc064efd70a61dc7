"""The temporal network as others run it."""

from __future__ import annotations

import networkx
import numpy as np
import pytest

from benchmarks.alignment.published_tn import PublishedTNConfig, align, network

TIMES = np.arange(20.0)


def drawn(*lines: tuple[int, int, int]) -> np.ndarray:
    """From a query second on, so many seconds show the reference from another on."""
    similarity = np.random.default_rng(0).uniform(0, 0.1, (20, 20)).astype(np.float32)
    for query, ref, seconds in lines:
        similarity[np.arange(query, query + seconds), np.arange(ref, ref + seconds)] = 0.9
    return similarity


def test_copies_are_found_the_longer_one_first_and_their_keyframes_stand_for_their_time() -> None:
    long, short = align(drawn((1, 8, 8), (12, 1, 5)), TIMES, TIMES, PublishedTNConfig(max_step=2))
    assert (long.query_start, long.query_end, long.ref_start, long.ref_end) == (0.5, 8.5, 7.5, 15.5)
    assert (short.query_start, short.query_end, short.ref_start, short.ref_end) == (11.5, 16.5, 0.5, 5.5)
    assert long.score > short.score


def test_a_step_may_pass_over_so_many_keyframes_and_no_more() -> None:
    broken = drawn((0, 0, 6), (8, 8, 6))
    (whole,) = align(broken, TIMES, TIMES, PublishedTNConfig(max_step=3))
    assert (whole.query_start, whole.query_end) == (0.0, 13.5)
    assert len(align(broken, TIMES, TIMES, PublishedTNConfig(max_step=2))) == 2


def test_edges_go_forward_in_both_videos_and_weigh_what_they_lead_to() -> None:
    similarity = np.array([[0.9, 0.0, 0.0], [0.0, 0.7, 0.0], [0.8, 0.0, 0.6]], np.float32)
    graph = network(similarity, PublishedTNConfig(top_k=2))
    edges = {(a, b): weight for a, b, weight in graph.edges(data="weight") if b != (-1, -1)}
    assert edges == pytest.approx({((0, 0), (1, 1)): 0.7, ((0, 0), (2, 2)): 0.6, ((1, 1), (2, 2)): 0.6})
    assert networkx.dag_longest_path(graph)[:3] == [(0, 0), (1, 1), (2, 2)]


def test_nothing_alike_is_nothing_found() -> None:
    assert align(drawn(), TIMES, TIMES, PublishedTNConfig()) == []
