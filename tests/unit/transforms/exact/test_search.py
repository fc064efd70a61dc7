"""The nearest videos are those that a comparison with every keyframe finds."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cliptrace.transforms.store.exact import search as module
from cliptrace.transforms.store.exact.rows import MappedRows
from cliptrace.transforms.store.exact.search import ExactSearch
from cliptrace.transforms.store.hits import Hits

D = 8


def mapped(counts: list[int], gaps: list[int], rng: np.random.Generator) -> MappedRows:
    """Videos of so many keyframes, and behind each so many rows that are nobody's."""
    starts = np.cumsum([0, *(count + gap for count, gap in zip(counts, gaps, strict=True))])
    values = rng.normal(size=(starts[-1], D)).astype(np.float32)
    values /= np.linalg.norm(values, axis=1, keepdims=True)
    ids = np.array([f"v{number}" for number in range(len(counts))], np.str_)
    return MappedRows(values, ids, starts[:-1].astype(np.int64), np.array(counts, np.int64))


def one_by_one(gallery: MappedRows, query: np.ndarray) -> list[tuple[str, int, float]]:
    """Every video, nearest first."""
    found = []
    for video_id, start, count in zip(gallery.video_ids, gallery.starts, gallery.counts, strict=True):
        alike = gallery.values[start : start + count] @ query
        found.append((str(video_id), int(alike.argmax()), float(alike.max())))
    return sorted(found, key=lambda each: -each[2])


def of_row(hits: Hits, row: int) -> list[tuple[str, int, float]]:
    chosen = hits.query_rows == row
    columns = (each[chosen].tolist() for each in (hits.ref_ids, hits.ref_frames, hits.similarities))
    return list(zip(*columns, strict=True))


def check(found: list[tuple[str, int, float]], wanted: list[tuple[str, int, float]]) -> None:
    assert [each[:2] for each in found] == [each[:2] for each in wanted]
    np.testing.assert_allclose([each[2] for each in found], [each[2] for each in wanted], atol=1e-6)


@settings(max_examples=50)
@given(
    st.lists(st.tuples(st.integers(1, 40), st.integers(0, 3)), min_size=1, max_size=30),
    st.integers(1, 12),
    st.integers(0, 2**32 - 1),
)
def test_the_nearest_videos_are_found_each_by_its_nearest_keyframe(
    videos: list[tuple[int, int]], wanted: int, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    counts, gaps = (list(each) for each in zip(*videos, strict=True))
    gallery, queries = mapped(counts, gaps, rng), rng.normal(size=(5, D)).astype(np.float32)
    queries /= np.linalg.norm(queries, axis=1, keepdims=True)
    engine = ExactSearch(gallery)
    hits = engine.search(queries, wanted)
    floors = np.full(5, 0.5, np.float32)
    deep = engine.search_deep(queries, floors, wanted)
    engine.close()
    for row, query in enumerate(queries):
        known = one_by_one(gallery, query)
        check(of_row(hits, row), known[:wanted])
        rest = [each[2] for each in known[wanted:]]
        np.testing.assert_allclose(hits.beyond[row], max(rest, default=-1.0), atol=1e-6)
        above = [each for each in known if each[2] >= 0.5][:wanted]
        check(of_row(deep, row), above)
        np.testing.assert_allclose(deep.beyond[row], max((e[2] for e in known[len(above) :]), default=-1.0), atol=1e-6)


def test_blocks_hold_whole_videos_and_every_row_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_BLOCK", 10)
    rng = np.random.default_rng(1)
    gallery = mapped([4, 4, 25, 1, 1, 9, 10, 3], [0, 2, 0, 0, 5, 0, 0, 0], rng)
    query = gallery.values[9:10].copy()
    engine = ExactSearch(gallery)
    assert len(engine._blocks) == 6
    check(of_row(engine.search(query, 8), 0), one_by_one(gallery, query[0]))


def test_an_empty_gallery_has_nothing_near() -> None:
    nothing = MappedRows(np.empty((0, D), np.float32), np.empty(0, np.str_), *np.empty((2, 0), np.int64))
    hits = ExactSearch(nothing).search(np.eye(2, D, dtype=np.float32), 8)
    assert hits.ref_ids.size == 0
    assert hits.beyond.tolist() == [-1, -1]
