"""The vector store against clients that refuse rows or were cut off, and its search where one video floods it."""

from __future__ import annotations

import dataclasses
import re
from typing import Any

import apache_beam as beam
import numpy as np
import pytest
from apache_beam.runners.portability.fn_api_runner import FnApiRunner
from apache_beam.testing.util import assert_that, equal_to
from hypothesis import given, settings
from hypothesis import strategies as st
from pymilvus.exceptions import MilvusException

from cliptrace.schemas.errors import CliptraceError
from cliptrace.schemas.gallery import frame_key, part_path, video_key
from cliptrace.schemas.records import FrameFeatures
from cliptrace.transforms.store import files, ledger
from cliptrace.transforms.store.gallery import FrameReader, Gallery, commit, read_videos
from cliptrace.transforms.store.vectors import VectorStore
from cliptrace.transforms.storing import StoreFeatures, _Commit
from tests.unit.transforms.store_examples import DIMENSION, MANIFEST, Shelf, features, row_groups, stored_precision


class Choosy:
    """A client in memory that refuses every batch with a bad key in it."""

    def __init__(self, bad: set[int], code: int = 1100) -> None:
        self.bad, self.code = bad, code
        self.rows: dict[int, dict[str, Any]] = {}
        self.calls = 0

    def upsert(self, collection: str, rows: list[dict[str, Any]], timeout: float) -> None:
        self.calls += 1
        if any(row["key"] in self.bad for row in rows):
            raise MilvusException(self.code, "no such value")
        self.rows |= {row["key"]: row for row in rows}

    def delete(self, collection: str, filter: str, timeout: float) -> None:
        pattern = r"video_key in \[(.*?)\](?: and generation != (\d+))?"
        keys, generation = re.fullmatch(pattern, filter).groups()  # type: ignore[union-attr]
        gone = {int(key) for key in keys.split(", ") if key}
        spared = int(generation) if generation else None
        self.rows = {
            key: row
            for key, row in self.rows.items()
            if row["video_key"] not in gone or (spared is not None and row["generation"] == spared)
        }

    def stored(self) -> dict[str, int]:
        ids = [row["video_id"] for row in self.rows.values()]
        return {video_id: ids.count(video_id) for video_id in ids}


def store(client: Choosy) -> VectorStore:
    return VectorStore(client, "http://milvus.example", MANIFEST)


@settings(max_examples=20)
@given(st.lists(st.integers(1, 700), min_size=2, max_size=6), st.data())
def test_a_bad_row_costs_its_video_and_no_other(lengths: list[int], data: st.DataObject) -> None:
    videos = [features(f"v{number}", length) for number, length in enumerate(lengths)]
    victim = data.draw(st.integers(0, len(videos) - 1))
    row = data.draw(st.integers(0, lengths[victim] - 1))
    client = Choosy({frame_key(f"v{victim}", row / 2)})
    assert store(client).replace(videos, 1) == {f"v{victim}": f"keyframe at {row / 2:g} s: no such value"}
    assert client.stored() == {f"v{n}": length for n, length in enumerate(lengths) if n != victim}
    assert client.calls <= 3 * 12 + sum(lengths) // 1000


def test_a_store_that_takes_nothing_is_at_fault_itself() -> None:
    videos = [features("a"), features("b")]
    client = Choosy({frame_key(video.video_id, time) for video in videos for time in video.times})
    with pytest.raises(CliptraceError) as caught:
        store(client).replace(videos, 1)
    assert str(caught.value) == ("Milvus at http://milvus.example refuses every row: keyframe at 0 s: no such value")


def test_an_error_that_is_not_about_rows_ends_the_run() -> None:
    client = Choosy({frame_key("a", 0.0)}, code=100)
    with pytest.raises(CliptraceError) as caught:
        store(client).replace([features("a"), features("b")], 1)
    assert str(caught.value) == "Milvus at http://milvus.example cannot be used: no such value"
    assert client.calls == 1


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_embeddings_that_are_not_finite_never_reach_the_store(value: float) -> None:
    broken, client = features("a"), Choosy(set())
    broken.embeddings[2, 3] = value
    assert store(client).replace([broken, features("b")], 1) == {"a": "keyframe at 1 s: its embedding is not finite"}
    assert client.stored() == {"b": 4}


def test_of_a_refused_video_the_gallery_keeps_what_it_had(gallery: Gallery) -> None:
    client = Choosy(set())
    commit(gallery, store(client), "R1", [features("a"), features("b")])
    client.bad = {frame_key("a", 2.5)}
    new = [features("a", 6, "2-2"), features("c")]
    assert commit(gallery, store(client), "R2", new) == {"a": "keyframe at 2.5 s: no such value"}
    stored = read_videos(gallery)
    assert {video_id: video.keyframes for video_id, video in stored.items()} == {"a": 4, "b": 4, "c": 4}
    assert client.stored() == {"a": 4, "b": 4, "c": 4}
    held = np.array([client.rows[frame_key("a", frame / 2)]["embedding"] for frame in range(4)])
    np.testing.assert_array_equal(held, stored_precision(features("a").embeddings))
    np.testing.assert_array_equal(FrameReader(gallery).read(stored["a"])[1], held)
    assert row_groups(gallery, stored["c"].frames_file) == [0, 4]


def test_a_refused_video_is_one_dead_letter_and_the_rest_is_stored(
    gallery: Gallery,
) -> None:
    broken = features("broken")
    broken.embeddings[1, 0] = np.nan
    with beam.Pipeline(FnApiRunner()) as pipeline:
        results = pipeline | beam.Create([features("a"), broken, features("b")]) | StoreFeatures(gallery, "R1")
        assert_that(results.good | beam.Map(lambda video: video.video_id), equal_to(["a", "b"]), "Good")
        (failures,) = results.failures
        letters = failures | beam.Map(lambda letter: (letter.video_id, letter.stage, letter.error, letter.message))
        expected = (
            "broken",
            "store",
            "MediaError",
            "Milvus refuses it: keyframe at 0.5 s: its embedding is not finite",
        )
        assert_that(letters, equal_to([expected]), "Letters")
    assert set(ledger.live(ledger.read_attempts(gallery.root))) == {"a", "b"}
    with gallery.vectors() as vectors:
        assert vectors.count() == 8
    rows = [files.read_table(path) for path in files.find(gallery.root, part_path("frames", "*", "*"))]
    assert sum(len(table) for table in rows) == 8


def test_a_collection_that_was_half_made_is_finished(gallery: Gallery) -> None:
    with gallery.vectors() as vectors:
        vectors.replace([features("a")], 1)
        vectors._client.release_collection(vectors._collection)
        vectors._client.drop_index(vectors._collection, "embedding")
    with gallery.vectors() as vectors:
        assert vectors.search(features("a").embeddings, 1).ref_ids.tolist() == ["a"] * 4


def flooding(nearest: int) -> list[FrameFeatures]:
    """A video of ``nearest`` frames close to the first axis, and three others somewhat off it."""
    axis = np.eye(DIMENSION, dtype=np.float32)

    def video(name: str, count: int, off: float) -> FrameFeatures:
        rows = np.tile(axis[0] + np.float32(off) * axis[1], (count, 1))
        rows += np.linspace(0, 1e-3, count, dtype=np.float32)[:, None] * axis[2]
        rows /= np.linalg.norm(rows, axis=1, keepdims=True)
        return dataclasses.replace(features(name, count), embeddings=rows)

    return [video("flood", nearest, 0.0), video("x", 3, 0.1), video("y", 3, 0.2), video("z", 3, 0.3)]


def test_a_video_that_fills_all_places_hides_no_other(vectors: VectorStore) -> None:
    vectors.replace(flooding(100), 1)
    query = np.stack([np.eye(DIMENSION, dtype=np.float32)[0], features("z").embeddings[0]])
    hits = vectors.search(query, 3)
    assert hits.ref_ids[hits.query_rows == 0].tolist() == ["flood", "x", "y"]
    assert np.all(np.diff(hits.similarities[hits.query_rows == 0]) < 0)
    assert len(set(hits.ref_ids[hits.query_rows == 1])) == 3


def test_filters_name_keys_alone() -> None:
    asked: list[str] = []

    class Client:
        def search(self, collection: str, *, data: list[Any], filter: str, limit: int, **_: Any) -> list[Any]:
            asked.append(filter)
            hit = {"entity": {"video_id": "it's \"] or true", "frame": 0}, "distance": 1.0}
            return [[hit] * limit for _ in data]

    VectorStore(Client(), "http://milvus.example", MANIFEST).search(np.ones((2, DIMENSION), np.float32), 3)
    odd = video_key("it's \"] or true")
    assert asked == ["", f"video_key not in [{odd}]"]


def test_the_embedded_store_seals_what_was_written(gallery: Gallery, monkeypatch: pytest.MonkeyPatch) -> None:
    sealed: list[int] = []
    monkeypatch.setattr("cliptrace.transforms.storing._SEALED_KEYFRAMES", 8)
    monkeypatch.setattr(VectorStore, "flush", lambda vectors: sealed.append(vectors.count()))
    commits = _Commit(gallery, "R1")
    commits.setup()
    for name in "abcde":
        assert len(list(commits.process([features(name)]))) == 1
    commits.teardown()
    assert sealed == [8, 16]


def alike(count: int, frames: int, angle: float = 0.01) -> list[FrameFeatures]:
    """So many videos whose frames are all close to the first axis."""
    random = np.random.default_rng(0)
    axis = np.eye(DIMENSION, dtype=np.float32)[0]
    videos = []
    for number in range(count):
        rows = axis + np.float32(angle) * random.normal(size=(frames, DIMENSION)).astype(np.float32)
        rows /= np.linalg.norm(rows, axis=1, keepdims=True)
        videos.append(dataclasses.replace(features(f"v{number:04}", frames), embeddings=rows))
    return videos


AXIS = np.eye(DIMENSION, dtype=np.float32)[:1]


def test_a_search_says_what_may_lie_beyond_its_videos() -> None:
    many = VectorStore(Shelf(alike(12, 2)), "http://milvus.example", MANIFEST).search(AXIS, 8)
    assert len(many.ref_ids) == 8
    assert 0.99 < many.beyond[0] <= many.similarities.min()
    few = VectorStore(Shelf(alike(7, 2)), "http://milvus.example", MANIFEST).search(AXIS, 8)
    assert (len(few.ref_ids), few.beyond.tolist()) == (7, [-1.0])


def test_no_search_asks_for_more_places_than_there_are() -> None:
    shelf = Shelf(alike(3, 1))
    assert len(VectorStore(shelf, "http://milvus.example", MANIFEST).search(AXIS, 5000).ref_ids) == 3
    assert shelf.asked == [(1, 16_384)]


@pytest.mark.parametrize("frames", [1, 40])
def test_a_deep_search_finds_a_thousand_copies_and_ends_where_they_do(frames: int) -> None:
    strangers = [features(f"s{number:03}", 40) for number in range(50)]
    shelf = Shelf([*alike(1000, frames), *strangers])
    hits = VectorStore(shelf, "http://milvus.example", MANIFEST).search_deep(AXIS, np.array([0.98], np.float32), 10_000)
    assert len(set(hits.ref_ids.tolist()) & {f"v{number:04}" for number in range(1000)}) == 1000
    assert len(hits.ref_ids) == len(set(hits.ref_ids))
    assert hits.beyond[0] < 0.98
    assert [rows for rows, _ in shelf.asked] == [1] * len(shelf.asked)
    assert max(places for _, places in shelf.asked) <= 16_384
    assert len(shelf.asked) <= 6


def test_a_deep_search_ends_with_as_many_videos_as_are_wanted_and_says_that_there_are_more() -> None:
    store = VectorStore(Shelf(alike(1000, 1)), "http://milvus.example", MANIFEST)
    hits = store.search_deep(AXIS, np.array([0.98], np.float32), 50)
    assert 50 <= len(hits.ref_ids) < 1000
    assert hits.beyond[0] >= 0.98


class Merging:
    """A client that merges what is indexed, has done so at the second look, and indexes so many rows between two looks;
    what was merged is to be indexed again."""

    def __init__(self, rows_a_look: int) -> None:
        self.rows_a_look, self.pending, self.states = rows_a_look, 30, ["Executing", "Completed"]
        self.merged = False

    def compact(self, collection: str, timeout: float) -> int:
        self.merged = self.pending == 0
        self.pending = 30
        return 7

    def get_compaction_state(self, job: int, timeout: float) -> str:
        assert job == 7
        return self.states.pop(0)

    def describe_index(self, collection: str, name: str) -> dict[str, int]:
        self.pending = max(0, self.pending - self.rows_a_look)
        return {"pending_index_rows": self.pending}


def test_a_bulk_load_is_waited_for_until_all_is_indexed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cliptrace.transforms.store.vectors._POLL_S", 0)
    client = Merging(10)
    VectorStore(client, "http://milvus.example", MANIFEST).compact()
    assert (client.states, client.pending, client.merged) == ([], 0, True)


def test_a_server_that_fails_to_index_again_and_again_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cliptrace.transforms.store.vectors._POLL_S", 0)
    monkeypatch.setattr("cliptrace.transforms.store.vectors._STALLED_S", 0)
    with pytest.raises(CliptraceError) as caught:
        VectorStore(Merging(0), "http://milvus.example", MANIFEST).compact()
    assert str(caught.value) == "Milvus at http://milvus.example has indexed nothing for 0 minutes: its log says why"
