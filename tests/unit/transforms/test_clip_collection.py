"""Windows of clip features on a Milvus server: written, replaced, moved, removed, mended and searched."""

from __future__ import annotations

import contextlib
import dataclasses
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from apache_beam.utils.shared import Shared

from cliptrace.models.clips.timeline import windows
from cliptrace.schemas.errors import CliptraceError
from cliptrace.schemas.indexes import IndexConfig
from cliptrace.transforms.store.clips import MilvusWindows, open_clip_ranking, read_windows
from cliptrace.transforms.store.descriptors import VideoSearch
from cliptrace.transforms.store.embedded import StoredFrames
from cliptrace.transforms.store.gallery import Gallery, commit
from cliptrace.transforms.store.hits import Hits
from cliptrace.transforms.store.indexing import with_index
from cliptrace.transforms.store.removal import remove
from cliptrace.transforms.store.repairing import repair
from cliptrace.transforms.store.verification import Kind, compare
from tests.unit.transforms.clip_examples import CLIP_DIMENSION, WITH_MOMENTS, clipped, clips_of
from tests.unit.transforms.store_examples import features, swept


@pytest.fixture
def shelf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Gallery:
    """As of a server, whose part an embedded store plays: a of 4 windows, b of 2 that was 1, and a black one."""
    monkeypatch.setattr(Gallery, "vectors_address", str(tmp_path / "server.db"))
    manifest = dataclasses.replace(WITH_MOMENTS, milvus="http://milvus.example:19530")
    gallery = Gallery.create(str(tmp_path / "g"), manifest)
    black = dataclasses.replace(features("black", 30), clips=np.zeros((30, CLIP_DIMENSION), np.float16))
    with gallery.vectors() as vectors:
        commit(gallery, vectors, "R1", [clipped("a", 20), clipped("b", 4), black])
        commit(gallery, vectors, "R2", [clipped("b", 9, "2-2")])
        swept(gallery, vectors)
    return gallery


def rows(gallery: Gallery) -> dict[str, int]:
    """Of each video in the collection, which agrees with Parquet."""
    with gallery.vectors() as vectors:
        assert list(compare(gallery, vectors)) == []
        assert vectors.clips
        ids = [row["video_id"] for batch in vectors.clips.rows() for row in batch]
    return {video_id: ids.count(video_id) for video_id in sorted(set(ids))}


def test_the_collection_follows_the_videos(shelf: Gallery) -> None:
    assert rows(shelf) == {"a": 4, "b": 2}
    assert rows(with_index(shelf, IndexConfig(kind="FLAT"))) == {"a": 4, "b": 2}


def test_a_removed_video_is_gone_from_it(shelf: Gallery) -> None:
    remove(shelf, ["a"], "R4")
    assert rows(shelf) == {"b": 2}


def test_a_search_finds_what_a_product_with_all_finds(shelf: Gallery) -> None:
    exact = VideoSearch(read_windows(shelf))
    with contextlib.ExitStack() as opened:
        server = open_clip_ranking(shelf, "milvus", Shared(), opened)
        assert isinstance(server, MilvusWindows)
        for name, steps in (("a", 20), ("b", 9)):
            query = windows(clips_of(name, steps))
            found, expected = list(server.nearest(query, 5)), list(exact.nearest(query, 5))
            assert found[0][0] == expected[0][0] == name
            assert found[0][1] == pytest.approx(1, abs=2e-3)
        assert list(server.nearest(np.zeros((1, CLIP_DIMENSION), np.float32), 5)) == []
        (nearest, *_) = server.nearest(windows(clips_of("b", 9)), 1)
        assert nearest[0] == "b"
        assert isinstance(open_clip_ranking(shelf, "exact", Shared(), opened), VideoSearch)


def test_videos_rank_by_the_mean_over_the_windows_of_a_query(shelf: Gallery, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each window counts a video that it does not name as near as it may be at most."""
    hits = Hits(
        np.array([0, 0, 1]),
        np.array(["a", "b", "b"]),
        np.array([0, 0, 1]),
        np.array([0.9, 0.5, 0.7], np.float32),
        np.array([0.4, 0.6, -1.0], np.float32),
    )
    assert nearest(shelf, hits, 3, monkeypatch) == [
        ("a", pytest.approx((0.9 + 0.6) / 3)),
        ("b", pytest.approx((0.5 + 0.7) / 3)),
    ]


def test_what_a_long_query_holds_grows_with_its_hits(shelf: Gallery, monkeypatch: pytest.MonkeyPatch) -> None:
    """A table of its windows and of all videos that they name would take 64 MB."""
    count = 4000
    names = np.array([f"video{number:04}" for number in range(count)])
    hits = Hits(np.arange(count), names, np.zeros(count, np.int64), *np.full((2, count), 0.5, np.float32))
    tracemalloc.start()
    try:
        found = nearest(shelf, hits, count, monkeypatch)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert len(found) == count
    assert peak < 16 << 20


def nearest(gallery: Gallery, hits: Hits, rows: int, monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, float]]:
    """What is made of the server's answer to so many windows."""
    monkeypatch.setattr("cliptrace.transforms.store.vectors.VectorStore.search", lambda *_: hits)
    with contextlib.ExitStack() as opened:
        server = open_clip_ranking(gallery, "milvus", Shared(), opened)
        return list(server.nearest(np.ones((rows, CLIP_DIMENSION), np.float32), 2))


def test_a_collection_that_was_lost_is_no_empty_answer(shelf: Gallery) -> None:
    with shelf.vectors() as vectors:
        assert vectors.clips
        vectors.clips.drop()
    with contextlib.ExitStack() as opened, pytest.raises(CliptraceError) as told:
        open_clip_ranking(shelf, "milvus", Shared(), opened)
    assert str(told.value) == (
        f"{shelf.vectors_address}: 6 of 6 windows of clip features are missing; "
        f"mend it with cliptrace gallery verify --repair --gallery {shelf.home}"
    )


def test_videos_that_show_nothing_have_no_window(shelf: Gallery) -> None:
    remove(shelf, ["a", "b"], "R4")
    with contextlib.ExitStack() as opened:
        server = open_clip_ranking(shelf, "milvus", Shared(), opened)
        assert list(server.nearest(windows(clips_of("a", 20)), 5)) == []


def test_what_is_lost_or_too_much_is_told_and_mended(shelf: Gallery) -> None:
    with shelf.vectors() as vectors:
        assert vectors.clips
        vectors.clips.delete_videos(["a"])
        vectors.clips.replace([StoredFrames.of_vectors("stranger", np.ones((2, CLIP_DIMENSION), np.float32))], 7)
        found = list(compare(shelf, vectors))
        assert [(each.kind, each.subject, each.count) for each in found] == [
            (Kind.CLIPS_DIFFERENT, "a", 4),
            (Kind.CLIPS_SURPLUS, "stranger", 2),
        ]
        repair(shelf, vectors, found, "R9")
    assert rows(shelf) == {"a": 4, "b": 2}
