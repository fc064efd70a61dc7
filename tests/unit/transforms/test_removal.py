"""Takedown: gone from both stores and from every later answer, kept out by later runs, and lifted when asked."""

from __future__ import annotations

import contextlib
import dataclasses
import threading
import time
from pathlib import Path

import pytest

from cliptrace.schemas.config import BackboneConfig
from cliptrace.schemas.errors import CliptraceError
from cliptrace.schemas.gallery import part_path, tombstone_path, video_key
from cliptrace.schemas.records import Failure, VideoSource
from cliptrace.transforms.aligning import Align
from cliptrace.transforms.matching import Find, MatchConfig
from cliptrace.transforms.store import files, ledger
from cliptrace.transforms.store.catalogue import describe_video, find_attempts, gallery_stats, list_videos
from cliptrace.transforms.store.compaction import compact
from cliptrace.transforms.store.gallery import Gallery, commit, locked, read_videos
from cliptrace.transforms.store.live import SharedVideos
from cliptrace.transforms.store.removal import reinstate, remove
from cliptrace.transforms.store.takedown import Tombstone, bury, is_removed, read_tombstones, removed_keys
from cliptrace.transforms.store.vectors import VectorStore
from cliptrace.transforms.storing import record_failures
from tests.unit.transforms import memory_files
from tests.unit.transforms.store_examples import DIMENSION, MANIFEST, NoVectors, features, row_groups, swept

BACKBONE = BackboneConfig("tiny", "onnx", "", "", 8, (0, 0, 0), (1, 1, 1), "vector", DIMENSION)


@pytest.fixture
def filled(gallery: Gallery, vectors: VectorStore) -> Gallery:
    commit(gallery, vectors, "R1", [features("a", 6), features("b", 4), features("c", 5)])
    commit(gallery, vectors, "R2", [features("d", 3)])
    return gallery


def ids_in_parquet(gallery: Gallery) -> set[str]:
    paths = [path for kind in ("frames", "videos") for path in files.find(gallery.root, part_path(kind, "*", "*"))]
    return {video_id for path in paths for video_id in files.read_table(path)["video_id"].to_pylist()}


def ids_in_vectors(vectors: VectorStore) -> set[str]:
    return {row["video_id"] for batch in vectors.rows(embeddings=False) for row in batch}


def source_of(video_id: str) -> VideoSource:
    return VideoSource(video_id, f"/videos/{video_id}", "1-1")


# Both stores


def test_a_removed_video_is_gone_from_both_stores(filled: Gallery, vectors: VectorStore) -> None:
    others = read_videos(filled)
    assert remove(filled, ["b"], "R3").video_ids == ["b"]
    assert ids_in_parquet(filled) == ids_in_vectors(vectors) == {"a", "c", "d"}
    assert vectors.count() == 14
    assert row_groups(filled, others["b"].frames_file) == [6, 0, 5]
    assert read_videos(filled) == {video_id: others[video_id] for video_id in ("a", "c", "d")}
    last = ledger.read_attempts(filled.root)[-1]
    assert (last.video_id, last.status, last.message) == ("b", "removed", "removed by cliptrace gallery remove")


def test_what_is_removed_is_named_by_id_or_by_file(filled: Gallery) -> None:
    removal = remove(filled, ["/videos/a", "d"], "R3")
    assert removal.video_ids == ["a", "d"]
    assert removal.same_content == ["b", "c"]  # all examples have the same
    assert [(t.video_id, t.uri) for t in read_tombstones(filled.root)] == [("a", "/videos/a"), ("d", "/videos/d")]


@pytest.fixture
def streams(gallery: Gallery, vectors: VectorStore) -> Gallery:
    """A file of two streams, and another whose name looks like a stream's."""
    file, other = features("a", 2), features("a#2", 2)
    another = features("a#1", 3)
    another = dataclasses.replace(another, source=dataclasses.replace(another.source, uri=file.source.uri))
    commit(gallery, vectors, "R1", [file, another, other])
    return gallery


def test_another_stream_is_removed_alone(streams: Gallery) -> None:
    assert remove(streams, ["a#1"], "R2").video_ids == ["a#1"]
    assert set(read_videos(streams)) == {"a", "a#2"}
    removed, known = read_tombstones(streams.root), ledger.latest(ledger.read_attempts(streams.root))
    another = dataclasses.replace(source_of("a#1"), uri="/videos/a", stream=1)
    plan = ledger.plan([source_of("a"), another], known, removed)
    assert (plan.unchanged, plan.removed) == (1, ["a#1"])
    (description,) = describe_video(streams, "a#1")
    assert description.tombstone == removed[0]
    with pytest.raises(CliptraceError, match="no removed video has the id, path or URI ''"):
        reinstate(streams, [""], "R3")
    remove(streams, ["a"], "R3")
    assert reinstate(streams, ["a"], "R4") == ["a"]  # not what was removed by itself
    assert reinstate(streams, ["a#1"], "R5") == ["a#1"]


@pytest.mark.parametrize("name", ["a", "/videos/a"])
def test_with_a_file_go_its_other_streams(streams: Gallery, name: str) -> None:
    assert remove(streams, [name], "R2").video_ids == ["a", "a#1"]
    assert set(read_videos(streams)) == ids_in_parquet(streams) == {"a#2"}
    assert reinstate(streams, [name], "R3") == ["a", "a#1"]
    assert read_tombstones(streams.root) == []


def test_a_name_that_means_nothing_removes_nothing(filled: Gallery) -> None:
    with pytest.raises(CliptraceError) as caught:
        remove(filled, ["a", "x", "/videos/y"], "R3")
    assert str(caught.value) == f"{filled.root}: no video has the id, path or URI 'x', '/videos/y'"
    assert read_tombstones(filled.root) == []
    assert set(read_videos(filled)) == {"a", "b", "c", "d"}


def test_a_video_may_be_removed_twice(filled: Gallery) -> None:
    remove(filled, ["b"], "R3")
    attempts = ledger.read_attempts(filled.root)
    (Path(filled.root) / tombstone_path("b")).write_text("damaged")
    assert remove(filled, ["b"], "R4").video_ids == ["b"]
    assert [(t.video_id, t.uri) for t in read_tombstones(filled.root)] == [("b", "/videos/b")]
    assert ledger.read_attempts(filled.root) == attempts


def test_a_dead_letter_may_be_kept_out_too(filled: Gallery) -> None:
    record_failures([Failure("/videos/x", "x", "probe", "MediaError", "no")], filled.root, "R3")
    remove(filled, ["x"], "R4")
    assert is_removed(filled.root, "x")
    known = ledger.latest(ledger.read_attempts(filled.root))
    plan = ledger.plan([source_of("x")], known, retry_failed=True, removed=read_tombstones(filled.root))
    assert (plan.work, plan.removed) == ([], ["x"])


# What another process does meanwhile


def test_while_another_process_holds_the_gallery_a_removed_video_is_hidden_at_once(
    filled: Gallery, vectors: VectorStore
) -> None:
    with locked(filled.root), pytest.raises(CliptraceError) as caught:
        remove(filled, ["b"], "R3")
    assert str(caught.value) == (
        f"{filled.root}: another process uses this gallery; wait for it (with a Milvus server, searches need not); "
        "from now on no answer names what was to be removed, but it is still stored: run the same command again"
    )
    assert "b" not in read_videos(filled)
    assert "b" in ids_in_vectors(vectors)
    remove(filled, ["b"], "R3")
    assert "b" not in ids_in_vectors(vectors) | ids_in_parquet(filled)


def test_a_removal_that_was_cut_off_is_finished_by_the_next_run(filled: Gallery, vectors: VectorStore) -> None:
    bury(filled.root, [Tombstone("b", "/videos/b", 1.0)])
    swept(filled, vectors)
    assert "b" not in ids_in_vectors(vectors) | ids_in_parquet(filled)
    assert "b" not in ledger.live(ledger.read_attempts(filled.root))


def test_a_run_that_planned_before_a_removal_does_not_bring_the_video_back(
    filled: Gallery, vectors: VectorStore
) -> None:
    remove(filled, ["b"], "R3")
    commit(filled, vectors, "R4", [features("b", 4, "2-2")])
    assert "b" not in read_videos(filled)
    swept(filled, vectors)  # with which every run ends
    assert "b" not in ids_in_vectors(vectors) | ids_in_parquet(filled)


def test_what_the_ledger_does_not_know_is_removed_too(filled: Gallery, vectors: VectorStore) -> None:
    """A commit that was cut off has left a newer version; and the clock of who indexed goes wrong."""
    known = ledger.read_attempts(filled.root)
    late = [{**ledger.row_of(attempt), "time": 4e9} for attempt in known if attempt.video_id == "b"]
    ledger.write_rows(filled.root, "R1", next(a.part for a in known if a.video_id == "b"), late)
    commit(filled, vectors, "R3", [features("b", 9, "2-2")])
    for path in Path(filled.root).glob("ledger/run=R3/*.parquet"):
        path.unlink()
    remove(filled, ["b"], "R4")
    assert "b" not in ids_in_vectors(vectors) | ids_in_parquet(filled)
    assert "b" not in ledger.live(ledger.read_attempts(filled.root))
    vectors.replace([features("b", 2)], 7)
    remove(filled, ["b"], "R5")
    assert "b" not in ids_in_vectors(vectors)


@pytest.mark.parametrize("cut_after", ["bury", "vectors", "parquet"])
def test_a_removal_cut_off_at_any_step_may_be_run_again(
    filled: Gallery, vectors: VectorStore, monkeypatch: pytest.MonkeyPatch, cut_after: str
) -> None:
    def cut(*_: object) -> None:
        raise KeyboardInterrupt

    step = {
        "bury": "cliptrace.transforms.store.removal.locked",
        "vectors": "cliptrace.transforms.store.sweeping.drop_rows",
        "parquet": "cliptrace.transforms.store.ledger.write_removed",
    }[cut_after]
    monkeypatch.setattr(step, cut)
    with pytest.raises(KeyboardInterrupt):
        remove(filled, ["b"], "R3")
    assert "b" not in read_videos(filled)
    monkeypatch.undo()
    remove(filled, ["b"], "R4")
    assert ids_in_parquet(filled) == ids_in_vectors(vectors) == {"a", "c", "d"}
    assert "b" not in ledger.live(ledger.read_attempts(filled.root))


def test_concurrent_searches_never_see_a_video_after_its_removal(filled: Gallery, vectors: VectorStore) -> None:
    """Searches opened before the removal, which hold open files and know where the video was."""
    query = features("b", 4)
    answers: list[tuple[float, set[str]]] = []
    done = threading.Event()

    def search() -> None:
        config = MatchConfig(min_score=0.0)
        find, aligned = Find(filled, config, BACKBONE), Align(filled, config, SharedVideos(filled))
        find.open()
        aligned.open()
        while not done.is_set():
            found = {match.ref_id for found in find(query) for pair in found.pairs() for match in aligned(pair)}
            answers.append((time.monotonic(), found))
        find.close()

    def answered(count: int) -> None:
        for _ in range(9000):
            if len(answers) >= count or not any(thread.is_alive() for thread in threads):
                break
            time.sleep(0.01)
        assert len(answers) >= count

    threads = [threading.Thread(target=search) for _ in range(4)]
    for thread in threads:
        thread.start()
    try:
        answered(20)
        remove(filled, ["b"], "R3")
        returned = time.monotonic()
        answered(len(answers) + 100)
    finally:
        done.set()
        for thread in threads:
            thread.join()
    before = [found for at, found in answers if at <= returned]
    after = [found for at, found in answers if at > returned]
    assert any("b" in found for found in before)
    assert len(after) >= 100
    assert not any("b" in found for found in after)


def test_a_search_that_knew_the_video_before_does_not_answer_with_it(filled: Gallery, vectors: VectorStore) -> None:
    """Its candidates are of before the removal, its shard is open, and Parquet still has the rows."""
    config = MatchConfig(min_score=0.0)
    find, aligned = Find(filled, config, BACKBONE), Align(filled, config, SharedVideos(filled))
    find.open()
    aligned.open()
    pairs = [pair for found in find(features("b", 4)) for pair in found.pairs()]
    assert "b" in {match.ref_id for pair in pairs for match in aligned(pair)}
    bury(filled.root, [Tombstone("b", "/videos/b", 1.0)])
    assert "b" not in {match.ref_id for pair in pairs for match in aligned(pair)}
    find.close()


def test_a_gallery_on_another_filesystem_has_no_lock(monkeypatch: pytest.MonkeyPatch) -> None:
    store = NoVectors()
    monkeypatch.setattr(Gallery, "vectors", lambda _: contextlib.nullcontext(store))
    memory_files.FILES.clear()
    try:
        manifest = dataclasses.replace(MANIFEST, milvus="http://localhost:1")
        gallery = Gallery.create("mem://bucket/g", manifest)
        commit(gallery, store, "R1", [features("a"), features("b")])  # type: ignore[arg-type]
        commit(gallery, store, "R2", [features("c")])  # type: ignore[arg-type]
        assert remove(gallery, ["b"], "R3").video_ids == ["b"]
        assert set(read_videos(gallery)) == ids_in_parquet(gallery) == {"a", "c"}
        assert tombstone_path("b") in {path.removeprefix("mem://bucket/g/") for path in memory_files.FILES}
        compact(gallery, contextlib.nullcontext(store), "R4")  # type: ignore[arg-type]
        assert set(read_videos(gallery)) == {"a", "c"}
        assert gallery_stats(gallery).shards == 1
        assert reinstate(gallery, ["b"], "R5") == ["b"]
        assert read_tombstones(gallery.root) == []
    finally:
        memory_files.FILES.clear()


def test_a_search_follows_videos_that_are_replaced_meanwhile(filled: Gallery, vectors: VectorStore) -> None:
    aligned = Align(filled, MatchConfig(min_score=0.0), SharedVideos(filled))
    aligned.open()
    find = Find(filled, MatchConfig(), BACKBONE)
    find.open()
    query = features("b", 9, "2-2")
    commit(filled, vectors, "R3", [query])
    swept(filled, vectors)
    pairs = [pair for found in find(query) for pair in found.pairs() if pair[1].ref_id == "b"]
    (match,) = [match for pair in pairs for match in aligned(pair)]
    assert match.segments[0].ref_end == pytest.approx(4.5)  # of the 9 keyframes that it has now
    find.close()


def test_a_shard_that_is_lost_is_still_an_error_of_the_search(filled: Gallery) -> None:
    aligned = Align(filled, MatchConfig(min_score=0.0), SharedVideos(filled))
    aligned.open()
    find = Find(filled, MatchConfig(), BACKBONE)
    find.open()
    pairs = [pair for found in find(features("d", 3)) for pair in found.pairs()]
    name = read_videos(filled)["d"].frames_file
    Path(files.join(filled.root, name)).unlink()
    with pytest.raises(CliptraceError) as caught:
        [match for pair in pairs if pair[1].ref_id == "d" for match in aligned(pair)]
    assert str(caught.value) == f"{name}: cannot be read: No such file or directory"
    find.close()


# Later runs


def test_a_removed_video_is_kept_out_by_its_id_and_by_its_file(gallery: Gallery) -> None:
    removed = [Tombstone("b", "/videos/b", 1.0), Tombstone("gone", "", 1.0)]
    sources = [source_of("a"), source_of("b"), VideoSource("other", "/videos/b", "1-1"), VideoSource("new", "", "1-1")]
    plan = ledger.plan(sources, {}, retry_failed=True, removed=removed)
    assert [source.video_id for source in plan.work] == ["a", "new"]
    assert plan.removed == ["b", "other"]


def test_a_reinstated_video_is_work_again(filled: Gallery, vectors: VectorStore) -> None:
    remove(filled, ["b", "c"], "R3")
    assert reinstate(filled, ["/videos/b"], "R4") == ["b"]
    assert [tombstone.video_id for tombstone in read_tombstones(filled.root)] == ["c"]
    assert "b" not in read_videos(filled)
    known = ledger.latest(ledger.read_attempts(filled.root))
    plan = ledger.plan([source_of(v) for v in "abc"], known, retry_failed=False, removed=read_tombstones(filled.root))
    assert ([source.video_id for source in plan.work], plan.unchanged, plan.removed) == (["b"], 1, ["c"])
    commit(filled, vectors, "R5", [features("b", 4)])
    assert set(read_videos(filled)) == {"a", "b", "d"}


def test_what_a_removal_left_does_not_come_back_when_it_is_lifted(filled: Gallery, vectors: VectorStore) -> None:
    bury(filled.root, [Tombstone("b", "/videos/b", 1.0)])
    reinstate(filled, ["b"], "R3")
    assert "b" not in ids_in_vectors(vectors) | ids_in_parquet(filled) | set(read_videos(filled))


def test_only_removed_videos_are_reinstated(filled: Gallery) -> None:
    with pytest.raises(CliptraceError) as caught:
        reinstate(filled, ["a"], "R3")
    assert str(caught.value) == f"{filled.root}: no removed video has the id, path or URI 'a'"


# Tombstones


def test_tombstones_are_found_by_their_names_alone(gallery: Gallery) -> None:
    bury(gallery.root, [Tombstone("a\n/../x", "/u", 1.5), Tombstone("b", "", 2.5)])
    assert removed_keys(gallery.root) == {video_key("a\n/../x"), video_key("b")}
    assert is_removed(gallery.root, "a\n/../x")
    assert not is_removed(gallery.root, "c")
    (Path(gallery.root) / "removed" / "readme.json").touch()
    assert len(removed_keys(gallery.root)) == 2


@pytest.mark.parametrize("content", ["", "{}", '{"video_id": "a"}', "[1]"])
def test_a_damaged_tombstone_hides_and_is_named(gallery: Gallery, content: str) -> None:
    commit(gallery, NoVectors(), "R1", [features("a")])  # type: ignore[arg-type]
    path = Path(gallery.root) / tombstone_path("a")
    path.parent.mkdir()
    path.write_text(content)
    assert read_videos(gallery) == {}
    with pytest.raises(CliptraceError) as caught:
        read_tombstones(gallery.root)
    assert str(caught.value).startswith(f"{path}: not readable as a tombstone (")
    assert str(caught.value).endswith("): delete it if no video was removed, else remove the video once more")


# The catalogue


def test_what_is_listed_and_described(filled: Gallery) -> None:
    record_failures([Failure("/videos/x", "x", "probe", "MediaError", "no", time=3.0)], filled.root, "R3")
    remove(filled, ["b"], "R4")
    assert [(entry.video.video_id, entry.video.keyframes) for entry in list_videos(filled)] == [
        ("a", 6), ("c", 5), ("d", 3),
    ]  # fmt: skip
    (described,) = describe_video(filled, "/videos/a")
    assert described.row is not None
    assert (described.row["keyframes"], described.tombstone) == (6, None)
    shard = files.join(filled.root, described.row["frames_file"])
    assert 0 < described.bytes < Path(shard).stat().st_size
    (removed,) = describe_video(filled, "b")
    assert (removed.row, removed.bytes, removed.indexed) == (None, 0, None)
    assert removed.tombstone is not None
    assert describe_video(filled, "x")[0].last.message == "no"
    stats = gallery_stats(filled)
    assert (stats.videos, stats.keyframes, stats.failed, stats.removed) == (3, 14, 1, 1)
    assert (stats.seconds, stats.shards, stats.runs) == (7.0, 2, 4)
    on_disk = sum(path.stat().st_size for path in Path(filled.root).glob("frames/run=*/*.parquet"))
    assert stats.bytes["frames"] == on_disk
    assert stats.bytes["milvus.db"] > 0


def test_a_file_may_be_stored_under_several_ids(gallery: Gallery) -> None:
    failures = [Failure("/same", name, "probe", "MediaError", "no") for name in ("a", "b")]
    record_failures(failures, gallery.root, "R1")
    assert sorted(find_attempts([gallery.root], ["/same"])) == ["a", "b"]
