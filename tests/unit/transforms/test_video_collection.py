"""Descriptors of videos on a Milvus server: written, replaced, moved, removed, mended and searched with the videos."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from apache_beam.utils.shared import Shared

from cliptrace.models.video_descriptors import describe
from cliptrace.models.video_descriptors.mean import Mean
from cliptrace.models.video_descriptors.parts import Parts
from cliptrace.schemas.errors import CliptraceError
from cliptrace.schemas.gallery import DescriptorConfig
from cliptrace.schemas.indexes import IndexConfig
from cliptrace.schemas.records import FrameFeatures
from cliptrace.transforms.store.describing import with_descriptor
from cliptrace.transforms.store.descriptors import VideoSearch, read_descriptors
from cliptrace.transforms.store.embedded import StoredFrames
from cliptrace.transforms.store.gallery import Gallery, commit, live_attempts
from cliptrace.transforms.store.indexing import with_index
from cliptrace.transforms.store.moving import update
from cliptrace.transforms.store.removal import remove
from cliptrace.transforms.store.repairing import repair
from cliptrace.transforms.store.vectors import VectorStore
from cliptrace.transforms.store.verification import Kind, compare
from cliptrace.transforms.store.video_engines import VideoRanking, open_ranking
from tests.unit.transforms.store_examples import DIMENSION, MANIFEST, features, swept


@pytest.fixture
def shelf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Gallery:
    """As of a server, whose part an embedded store plays: a of 4 parts, b of 2 that was 3, c of 1, and a black one."""
    monkeypatch.setattr(Gallery, "vectors_address", str(tmp_path / "server.db"))
    manifest = dataclasses.replace(
        MANIFEST, milvus="http://milvus.example:19530", descriptor=DescriptorConfig("parts", "", DIMENSION)
    )
    gallery = Gallery.create(str(tmp_path / "g"), manifest)
    black = features("black")
    black = described(dataclasses.replace(black, scores=np.zeros_like(black.scores)))
    with gallery.vectors() as vectors:
        commit(gallery, vectors, "R1", [described(features("a", 140)), described(features("b", 100)), black])
        commit(gallery, vectors, "R2", [described(features("b", 50, "2-2")), described(features("c", 10))])
        swept(gallery, vectors)
    return gallery


def described(video: FrameFeatures) -> FrameFeatures:
    vectors = describe(Parts(DIMENSION), video.times, video.scores, video.embeddings)
    return dataclasses.replace(video, descriptor=vectors)


def rows(gallery: Gallery) -> dict[str, int]:
    """Of each video in the collection, which agrees with Parquet."""
    with gallery.vectors() as vectors:
        assert list(compare(gallery, vectors)) == []
        assert vectors.videos
        ids = [row["video_id"] for batch in vectors.videos.rows() for row in batch]
    return {video_id: ids.count(video_id) for video_id in sorted(set(ids))}


@contextlib.contextmanager
def ranking(gallery: Gallery) -> Iterator[VideoRanking]:
    with contextlib.ExitStack() as opened:
        yield open_ranking(gallery, "milvus", Shared(), opened)


def test_the_collection_follows_the_videos(shelf: Gallery) -> None:
    assert rows(shelf) == {"a": 4, "b": 2, "c": 1}
    update(shelf, "R3", [dataclasses.replace(live_attempts(shelf)["a"], uri="/new/a")])
    swept(shelf)
    assert rows(shelf) == {"a": 4, "b": 2, "c": 1}
    remove(shelf, ["b"], "R4")
    assert rows(shelf) == {"a": 4, "c": 1}


def test_a_search_finds_what_a_product_with_all_finds(shelf: Gallery) -> None:
    exact = VideoSearch(read_descriptors(shelf))
    with ranking(shelf) as server:
        for name, frames in (("a", 140), ("c", 10), ("x", 30)):
            query = described(features(name, frames)).descriptor
            assert query is not None
            found, expected = list(server.nearest(query, 5)), list(exact.nearest(query, 5))
            assert [video_id for video_id, _ in found] == [video_id for video_id, _ in expected]
            assert [score for _, score in found] == pytest.approx([score for _, score in expected], abs=2e-3)
        assert list(server.nearest(np.zeros((1, DIMENSION), np.float32), 5)) == []


def test_what_is_lost_or_too_much_is_told_and_mended(shelf: Gallery) -> None:
    with shelf.vectors() as vectors:
        assert vectors.videos
        vectors.videos.delete_videos(["a"])
        vectors.videos.replace([StoredFrames.of_vectors("stranger", np.ones((2, DIMENSION), np.float32))], 7)
        found = list(compare(shelf, vectors))
        assert [(each.kind, each.subject, each.count) for each in found] == [
            (Kind.VECTORS_DIFFERENT, "a", 4),
            (Kind.VECTORS_SURPLUS, "stranger", 2),
        ]
    with shelf.vectors() as vectors:
        assert vectors.videos
        vectors.videos.delete_videos(["stranger"])
    with pytest.raises(CliptraceError) as told, ranking(shelf):
        pass
    assert str(told.value) == (
        f"{shelf.vectors_address}: 4 of 7 descriptors are missing; "
        f"mend it with cliptrace gallery verify --repair --gallery {shelf.root}"
    )
    with shelf.vectors() as vectors:
        repair(shelf, vectors, found, "R9")
    assert rows(shelf) == {"a": 4, "b": 2, "c": 1}


def test_another_descriptor_or_index_makes_another_collection(shelf: Gallery) -> None:
    mean = with_descriptor(shelf, Mean(DIMENSION))
    assert rows(mean) == {"a": 1, "b": 1, "c": 1}
    other = with_index(mean, IndexConfig(kind="FLAT"))
    assert rows(other) == {"a": 1, "b": 1, "c": 1}
    without = with_descriptor(other, None)
    with without.vectors() as vectors:
        assert vectors.videos is None
        assert not vectors._client.has_collection(other.manifest.videos_collection)
        assert list(compare(without, vectors)) == []
    assert rows(with_descriptor(without, Parts(DIMENSION))) == {"a": 4, "b": 2, "c": 1}


def test_an_embedded_store_has_keyframes_alone(tmp_path: Path) -> None:
    manifest = dataclasses.replace(MANIFEST, descriptor=DescriptorConfig("mean", "", DIMENSION))
    with VectorStore.open(str(tmp_path / "milvus.db"), manifest) as vectors:
        assert vectors.videos is None
        assert vectors._client.list_collections() == [manifest.frames_collection]
