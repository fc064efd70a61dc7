"""The gallery's stores: commits, the ledger, what a sweep removes, and what damaged files are told to be."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import logging
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pymilvus.exceptions import MilvusException

from cliptrace.schemas.errors import CliptraceError, UsageError
from cliptrace.schemas.gallery import LEDGER, VIDEOS, frames_schema, part_path, video_key
from cliptrace.schemas.records import Failure, VideoInfo, VideoSource
from cliptrace.transforms.store import files, ledger
from cliptrace.transforms.store.gallery import (
    FrameReader,
    Gallery,
    check_vectors,
    commit,
    locked,
    part_name,
    read_videos,
)
from cliptrace.transforms.store.vectors import VectorStore, check_address
from cliptrace.transforms.storing import record_failures
from tests.unit.transforms import memory_files
from tests.unit.transforms.store_examples import (
    BACKBONE,
    DIMENSION,
    MANIFEST,
    NoVectors,
    features,
    row_groups,
    stored_precision,
    swept,
)


class Refusing:
    def drop_collection(self, name: str, timeout: float) -> None:
        raise MilvusException(message="no")


def rows_of(gallery: Gallery, kind: str) -> list[dict[str, object]]:
    paths = files.find(gallery.root, part_path(kind, "*", "*"))
    return [row for path in paths for row in files.read_table(path).to_pylist()]


def ids_in_vectors(vectors: VectorStore) -> dict[str, int]:
    rows = vectors._client.query(vectors._collection, filter="key >= 0", output_fields=["video_id"], limit=1000)
    ids = [row["video_id"] for row in rows]
    return {video_id: ids.count(video_id) for video_id in sorted(set(ids))}


# gallery.json


def test_a_gallery_is_loaded_as_it_was_made(gallery: Gallery, tmp_path: Path) -> None:
    assert Gallery.load(gallery.root) == gallery
    assert Gallery.load(f"file://{gallery.root}") == gallery
    assert Gallery.load(str(tmp_path / "other")) is None


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"format_version": 99}, "format version 99 is newer than this cliptrace (4): upgrade it"),
        ({"metric": "euclidean"}, "metric euclidean, 8 basis frames a second: not supported"),
        ({"basis_fps": 4}, "metric cosine, 4 basis frames a second: not supported"),
        ({"backbone": {}}, "not a gallery description: 'dimension'"),
        ({"backbone": None}, "not a gallery description: 'NoneType' object is not subscriptable"),
    ],
)
def test_a_gallery_that_cannot_be_used_says_why(gallery: Gallery, change: dict[str, object], message: str) -> None:
    path = Path(gallery.root) / "gallery.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **change}))
    with pytest.raises(CliptraceError) as caught:
        Gallery.load(gallery.root)
    assert str(caught.value) == f"{path}: {message}"


@pytest.mark.parametrize("content", [b"", b"[]", b"\xff\xfe", b'{"format_version": "1"}', b'{"format_version": 1'])
def test_a_damaged_description(gallery: Gallery, content: bytes) -> None:
    path = Path(gallery.root) / "gallery.json"
    path.write_bytes(content)
    with pytest.raises(CliptraceError, match=r"gallery\.json: not a gallery description: "):
        Gallery.load(gallery.root)


def test_the_embedded_store_needs_a_local_gallery() -> None:
    with pytest.raises(UsageError) as caught:
        Gallery.create("mem://bucket/g", MANIFEST)
    assert str(caught.value) == (
        "mem://bucket/g: the embedded Milvus needs a local gallery; name a server with --milvus URI"
    )


def test_one_process_at_a_time(gallery: Gallery) -> None:
    script = (
        "import sys; from cliptrace.transforms.store.gallery import locked\n"
        "with locked(sys.argv[1]): print('held', flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script, gallery.root], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "held\n"
        with pytest.raises(CliptraceError) as caught, locked(gallery.root):
            pass
        other.communicate("", timeout=20)
    assert str(caught.value) == (
        f"{gallery.root}: another process uses this gallery; wait for it (with a Milvus server, searches need not)"
    )
    with locked(gallery.root):
        pass


def test_a_gallery_that_cannot_be_locked() -> None:
    with (
        pytest.raises(CliptraceError, match=r"^/proc/self/fd: cannot be locked: "),
        locked("/proc/self/fd"),
    ):
        pass


@pytest.mark.parametrize(
    ("uri", "message"),
    [
        (
            "http://me:secret@host:1",
            "--milvus: no token or password in the address; put it into CLIPTRACE_MILVUS_TOKEN",
        ),
        ("http://host:1?Token=s", "--milvus: no token or password in the address; put it into CLIPTRACE_MILVUS_TOKEN"),
        ("http://host:1?db=s", "--milvus: no token or password in the address; put it into CLIPTRACE_MILVUS_TOKEN"),
        ("me:secret@host:1", "--milvus: no token or password in the address; put it into CLIPTRACE_MILVUS_TOKEN"),
        ("host:19530", "--milvus: must be http://HOST:PORT or https://HOST:PORT, and no more"),
        ("./other.db", "--milvus: must be http://HOST:PORT or https://HOST:PORT, and no more"),
        ("http://host:1/secret", "--milvus: must be http://HOST:PORT or https://HOST:PORT, and no more"),
        ("http://[::1", "--milvus: not an address: must be http://HOST:PORT or https://HOST:PORT"),
        ("http://host:high", "--milvus: not an address: must be http://HOST:PORT or https://HOST:PORT"),
    ],
)
def test_addresses_that_are_refused(uri: str, message: str) -> None:
    with pytest.raises(UsageError) as caught:
        check_address(uri)
    assert str(caught.value) == message


def test_addresses_that_are_taken() -> None:
    check_address("http://localhost:19530")
    check_address("https://milvus.example")


# Commit and read back


def test_a_commit_fills_both_stores_and_the_ledger(gallery: Gallery, vectors: VectorStore) -> None:
    videos = [features("a/1.mp4"), features("b", 6, warning="file ended early")]
    assert commit(gallery, vectors, "R1", videos) == {}
    part = part_name(["a/1.mp4", "b"])
    stored = read_videos(gallery)
    assert list(stored) == ["a/1.mp4", "b"]
    assert stored["b"].metadata == {"owner": "Bo"}
    assert stored["b"].frames_file == f"frames/run=R1/{part}.parquet"
    times, embeddings = FrameReader(gallery).read(stored["b"])
    np.testing.assert_array_equal(times, videos[1].times)
    np.testing.assert_array_equal(embeddings, stored_precision(videos[1].embeddings))
    assert [(row["partial"], row["warning"]) for row in rows_of(gallery, "videos")] == [
        (False, ""),
        (True, "file ended early"),
    ]
    (first, second) = ledger.read_attempts(gallery.root)
    assert (first.video_id, first.status, first.run, first.part) == ("a/1.mp4", "indexed", "R1", part)
    assert second.message == "file ended early"
    assert vectors.count() == 10
    hits = vectors.search(videos[0].embeddings, 1)
    assert hits.ref_ids.tolist() == ["a/1.mp4"] * 4
    assert hits.ref_frames.tolist() == [0, 1, 2, 3]
    np.testing.assert_allclose(hits.similarities, 1.0, atol=1e-5)


def test_a_commit_twice_is_a_commit_once(gallery: Gallery, vectors: VectorStore) -> None:
    videos = [features("a"), features("b", 6)]
    commit(gallery, vectors, "R1", videos)
    before = rows_of(gallery, "frames"), rows_of(gallery, "videos"), ids_in_vectors(vectors)
    commit(gallery, vectors, "R1", videos)
    assert (rows_of(gallery, "frames"), rows_of(gallery, "videos"), ids_in_vectors(vectors)) == before


def test_a_shorter_version_of_a_video_leaves_nothing_of_the_longer_one(gallery: Gallery, vectors: VectorStore) -> None:
    commit(gallery, vectors, "R1", [features("a", 6), features("b"), features("c")])
    part = part_name(["a", "b", "c"])
    commit(gallery, vectors, "R2", [features("b", 2, fingerprint="2-2")])
    assert ids_in_vectors(vectors) == {"a": 6, "b": 2, "c": 4}
    swept(gallery, vectors)
    assert row_groups(gallery, f"frames/run=R1/{part}.parquet") == [6, 0, 4]
    stored = read_videos(gallery)
    reader = FrameReader(gallery)
    assert {video_id: len(reader.read(video)[0]) for video_id, video in stored.items()} == {"a": 6, "b": 2, "c": 4}
    assert sorted(str(row["video_id"]) for row in rows_of(gallery, "videos")) == ["a", "b", "c"]
    assert [attempt.video_id for attempt in ledger.read_attempts(gallery.root)] == ["a", "b", "c", "b"]
    before = rows_of(gallery, "frames")
    swept(gallery)
    assert rows_of(gallery, "frames") == before


def test_a_shard_of_which_every_video_was_replaced_may_be_swept_again(gallery: Gallery) -> None:
    for number in range(4):
        commit(gallery, NoVectors(), f"R{number}", [features("a", 2 + number)])  # type: ignore[arg-type]
        swept(gallery)
    assert {video_id: video.keyframes for video_id, video in read_videos(gallery).items()} == {"a": 5}
    assert len(rows_of(gallery, "frames")) == 5


def test_embeddings_that_the_vector_store_lost_are_told(gallery: Gallery, vectors: VectorStore) -> None:
    commit(gallery, vectors, "R1", [features("a", 600), features("b", 700)])
    commit(gallery, vectors, "R2", [features("b", 500, "2-2")])
    assert vectors.count() == 1100
    check_vectors(gallery, vectors)
    vectors._client.delete(vectors._collection, filter=f"video_key == {video_key('a')} and frame >= 7")
    check_vectors(gallery, vectors, others={"b", "a"})
    with pytest.raises(CliptraceError) as caught:
        check_vectors(gallery, vectors)
    assert str(caught.value) == (
        f"{gallery.vectors_address}: 593 of 1,100 embeddings are missing; "
        f"mend it with cliptrace gallery verify --repair --gallery {gallery.root}"
    )


def test_a_collection_that_is_gone_is_a_clear_error(gallery: Gallery, vectors: VectorStore) -> None:
    vectors.drop()
    with pytest.raises(CliptraceError, match=rf"^Milvus at {re.escape(gallery.vectors_address)} cannot be used: "):
        vectors.count()
    vectors._client = Refusing()
    with pytest.raises(CliptraceError) as caught:
        vectors.drop()
    assert str(caught.value) == f"Milvus at {gallery.vectors_address} cannot be used: no"


def test_what_pymilvus_logs_is_not_shown_and_an_idle_store_is_not_pinged(
    gallery: Gallery, vectors: VectorStore
) -> None:
    assert not logging.getLogger("pymilvus.client.connection_manager").isEnabledFor(logging.ERROR)
    assert vectors._client._handler._grpc_options == {"grpc.keepalive_time_ms": 2**31 - 1}


def test_what_a_killed_commit_left_is_swept(gallery: Gallery) -> None:
    commit(gallery, NoVectors(), "R1", [features("a")])  # type: ignore[arg-type]
    with pytest.raises(CliptraceError, match="cut off"):
        commit(gallery, NoVectors(CliptraceError("cut off")), "R2", [features("b")])  # type: ignore[arg-type]
    record_failures([Failure("/x", "x", "probe", "MediaError", "not a video")], gallery.root, "R2")
    assert list(read_videos(gallery)) == ["a"]
    half_written = Path(gallery.root) / "frames" / "run=R2" / ".part-1.parquet.0badcafe.tmp"
    half_written.touch()
    swept(gallery)
    assert not half_written.exists()
    assert [row["video_id"] for row in rows_of(gallery, "frames")] == ["a"] * 4
    assert sorted(ledger.latest(ledger.read_attempts(gallery.root))) == ["a", "x"]


def test_a_part_is_named_by_its_videos_in_any_order() -> None:
    assert part_name(["a", "b"]) == part_name(["b", "a"]) == "part-59b271ae1bbcb1d3" != part_name(["a"])


def test_the_shards_say_what_made_them(gallery: Gallery) -> None:
    commit(gallery, NoVectors(), "R1", [features("a")])  # type: ignore[arg-type]
    (path,) = files.find(gallery.root, part_path("frames", "*", "*"))
    schema = pq.read_schema(path)
    assert schema.equals(frames_schema(MANIFEST), check_metadata=False)
    assert schema.field("embedding").type.list_size == DIMENSION
    assert {key.decode(): value.decode() for key, value in schema.metadata.items() if key.startswith(b"cliptrace")} == {
        "cliptrace.format_version": "4",
        "cliptrace.backbone": "tiny",
        "cliptrace.backbone_sha256": BACKBONE["sha256"],
        "cliptrace.pooling": "rmac",
        "cliptrace.whitening_sha256": BACKBONE["whitening_sha256"],
        "cliptrace.keyframes": json.dumps(MANIFEST.keyframes.to_json()),
        "cliptrace.metric": "cosine",
        "cliptrace.normalised": "l2",
    }
    assert pq.ParquetFile(path).metadata.row_group(0).column(3).compression == "ZSTD"
    for kind, expected in (("videos", VIDEOS), ("ledger", LEDGER)):
        (path,) = files.find(gallery.root, part_path(kind, "*", "*"))
        assert pq.read_schema(path).equals(expected)


def test_no_id_is_part_of_an_expression(vectors: VectorStore) -> None:
    """Replacing a video deletes its own old rows, whatever it is called."""
    hostile = ('a" or video_key >= 0 or "" == "', "a' or 1 == 1 --", "] or key >= 0 or key in [", "\\", "$meta", "{x}")
    vectors.replace([features(name) for name in ("other", *hostile)], generation=1)
    vectors.replace([features(name, 2, "2-2") for name in hostile], generation=2)
    vectors.delete_older(hostile, generation=2)
    assert ids_in_vectors(vectors) == dict(sorted({"other": 4, **dict.fromkeys(hostile, 2)}.items()))


# Properties


TEXT = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=30)


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(
        st.tuples(TEXT, st.integers(1, 5), st.dictionaries(TEXT, TEXT, max_size=2)),
        max_size=3,
        min_size=1,
        unique_by=lambda v: v[0],
    ),
    st.one_of(st.just(float("nan")), st.floats(0, 1e6)),
)
def test_what_is_stored_is_what_was_given(
    tmp_path_factory: pytest.TempPathFactory, drawn: list[tuple[str, int, dict[str, str]]], duration_s: float
) -> None:
    gallery = Gallery.create(str(tmp_path_factory.mktemp("gallery")), MANIFEST)
    videos = []
    for video_id, frames, metadata in drawn:
        video = features(video_id, frames)
        info = VideoInfo(duration_s, 25.0, 64, 48, "h264", rotation=90)
        videos.append(dataclasses.replace(video, source=VideoSource(video_id, video_id, "1-1", metadata), info=info))
    commit(gallery, NoVectors(), "R", videos)  # type: ignore[arg-type]
    stored, reader = read_videos(gallery), FrameReader(gallery)
    assert set(stored) == {video.video_id for video in videos}
    for video in videos:
        times, embeddings = reader.read(stored[video.video_id])
        np.testing.assert_array_equal(times, video.times)
        np.testing.assert_array_equal(embeddings, stored_precision(video.embeddings))
        assert stored[video.video_id].metadata == video.source.metadata
    for row in rows_of(gallery, "videos"):
        np.testing.assert_equal(row["duration_s"], duration_s)


# Remote galleries


def test_a_gallery_on_another_filesystem() -> None:
    memory_files.FILES.clear()
    with contextlib.ExitStack() as stack:
        stack.callback(memory_files.FILES.clear)
        manifest = dataclasses.replace(MANIFEST, milvus="http://localhost:1")
        gallery = Gallery.create("mem://bucket/g", manifest)
        assert Gallery.load("mem://bucket/g") == gallery
        commit(gallery, NoVectors(), "R1", [features("a"), features("b")])  # type: ignore[arg-type]
        commit(gallery, NoVectors(), "R2", [features("b", 2, "2-2")])  # type: ignore[arg-type]
        record_failures([Failure("/x", "x", "probe", "MediaError", "no")], gallery.root, "R2")
        assert sorted(ledger.latest(ledger.read_attempts(gallery.root))) == ["a", "b", "x"]
        with locked(gallery.root):
            swept(gallery)
        stored = read_videos(gallery)
        times, embeddings = FrameReader(gallery).read(stored["b"])
        assert (len(times), embeddings.shape) == (2, (2, DIMENSION))
        assert len(rows_of(gallery, "frames")) == 6
        assert not [path for path in memory_files.FILES if path.endswith(".tmp")]


def test_a_server_that_does_not_answer_is_a_clear_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cliptrace.transforms.store.vectors._CONNECT_S", 1.0)
    monkeypatch.setattr("cliptrace.transforms.store.vectors._CONNECT_WAITS_S", (0.1,))
    with (
        pytest.raises(CliptraceError, match=r"^Milvus at http://localhost:1 cannot be used: "),
        VectorStore.open("http://localhost:1", MANIFEST),
    ):
        pass
