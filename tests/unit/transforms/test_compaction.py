"""Compaction: fewer shards, the same gallery; at whatever step it is cut off."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from cliptrace.schemas.config import BackboneConfig
from cliptrace.schemas.errors import CliptraceError
from cliptrace.schemas.gallery import generation_of, part_path
from cliptrace.schemas.records import Failure
from cliptrace.transforms.aligning import Align
from cliptrace.transforms.contents import content_sha256
from cliptrace.transforms.matching import Find, MatchConfig
from cliptrace.transforms.sources import list_sources
from cliptrace.transforms.store import files, ledger
from cliptrace.transforms.store.compaction import Compaction, compact
from cliptrace.transforms.store.gallery import FrameReader, Gallery, commit, read_videos
from cliptrace.transforms.store.live import SharedVideos
from cliptrace.transforms.store.recognition import recognise
from cliptrace.transforms.store.removal import reinstate, remove
from cliptrace.transforms.store.repairing import repair
from cliptrace.transforms.store.sweeping import stale_rows, unacknowledged
from cliptrace.transforms.store.takedown import read_tombstones
from cliptrace.transforms.store.vectors import VectorStore
from cliptrace.transforms.store.verification import compare
from cliptrace.transforms.storing import record_failures
from tests.unit.transforms.store_examples import (
    DIMENSION,
    MANIFEST,
    NoVectors,
    features,
    row_groups,
    stored_precision,
    swept,
)

BACKBONE = BackboneConfig("tiny", "onnx", "", "", 8, (0, 0, 0), (1, 1, 1), "vector", DIMENSION)


def fill(gallery: Gallery, vectors: Any) -> None:
    """Five runs of a video or two; c was replaced, e is half removed, x failed twice, y failed and came."""
    commit(gallery, vectors, "R1", [features("a", 6), features("b", 4)])
    commit(gallery, vectors, "R2", [features("c", 5)])
    record_failures([Failure("/x", "x", "probe", "E", "no", time=1.0)], gallery.root, "R2")
    record_failures([Failure("/y", "y", "probe", "E", "no", time=1.0)], gallery.root, "R2")
    commit(gallery, vectors, "R3", [features("c", 3, "2-2"), features("d", 2)])
    record_failures([Failure("/x", "x", "probe", "E", "still no", attempt=2, time=2e10)], gallery.root, "R3")
    commit(gallery, vectors, "R4", [features("e", 3)])
    commit(gallery, vectors, "R5", [features("y", 7)])


@pytest.fixture
def filled(gallery: Gallery, vectors: VectorStore) -> Gallery:
    fill(gallery, vectors)
    return gallery


def compacted(gallery: Gallery, vectors: Any, run: str = "R9", **options: int) -> Compaction:
    return compact(gallery, contextlib.nullcontext(vectors), run, **options)


def content(gallery: Gallery) -> dict[str, tuple[str, list[float], list[list[float]]]]:
    reader = FrameReader(gallery)
    frames = {video_id: reader.read(video) for video_id, video in read_videos(gallery).items()}
    return {v: (read_videos(gallery)[v].uri, t.tolist(), e.tolist()) for v, (t, e) in frames.items()}


def shards(gallery: Gallery, kind: str) -> list[str]:
    return [path.removeprefix(f"{gallery.root}/") for path in files.find(gallery.root, part_path(kind, "*", "*"))]


def test_small_shards_become_one_with_the_same_videos(filled: Gallery, vectors: VectorStore) -> None:
    before, generations = content(filled), generations_of(vectors)
    swept(filled, vectors)
    live = ledger.live(ledger.read_attempts(filled.root))
    assert compacted(filled, vectors) == Compaction(before=18, after=4)
    assert content(filled) == before
    (frames,) = shards(filled, "frames")
    assert row_groups(filled, frames) == [6, 4, 3, 2, 3, 7]
    assert (len(shards(filled, "videos")), len(shards(filled, "ledger"))) == (1, 2)
    assert list(compare(filled, vectors)) == []
    assert generations_of(vectors) == {k: v for k, v in generations.items() if k != ("c", generation_of("R2", "?"))}
    attempts = ledger.read_attempts(filled.root)
    moved = {video_id: (attempt.run, attempt.part) for video_id, attempt in ledger.live(attempts).items()}
    assert {run for run, _ in moved.values()} == {"R9"}
    again = {video_id: dataclasses.replace(a, run="", part="") for video_id, a in ledger.live(attempts).items()}
    assert again == {video_id: dataclasses.replace(a, run="", part="") for video_id, a in live.items()}
    assert sorted(path.name for path in Path(filled.root).glob("*/run=*")) == ["run=R2", "run=R3", *["run=R9"] * 3]


def generations_of(vectors: VectorStore) -> dict[tuple[str, int], int]:
    rows = [(row["video_id"], row["generation"]) for batch in vectors.rows(embeddings=False) for row in batch]
    return {row: rows.count(row) for row in rows}


def test_what_failed_stays_known(filled: Gallery, vectors: VectorStore) -> None:
    compacted(filled, vectors)
    history = [attempt for attempt in ledger.read_attempts(filled.root) if attempt.status != ledger.INDEXED]
    assert [(attempt.video_id, attempt.attempt, attempt.message) for attempt in history] == [("x", 2, "still no")]
    letters = sorted(path.parent.name for path in Path(filled.root).glob("failures/run=*/*.jsonl"))
    assert letters == ["run=R2", "run=R2", "run=R3"]


def test_a_second_time_there_is_nothing_to_do(filled: Gallery, vectors: VectorStore) -> None:
    compacted(filled, vectors)
    before = {path: path.stat().st_mtime_ns for path in Path(filled.root).rglob("*.parquet")}
    assert compacted(filled, vectors, "R10") == Compaction(before=4, after=4)
    assert {path: path.stat().st_mtime_ns for path in Path(filled.root).rglob("*.parquet")} == before


def test_whole_shards_are_left_alone_and_groups_have_a_bound(gallery: Gallery) -> None:
    for number, keyframes in enumerate((10, 3, 3, 3, 3, 12, 4)):
        commit(gallery, NoVectors(), f"R{number}", [features(f"v{number}", keyframes)])  # type: ignore[arg-type]
    compacted(gallery, NoVectors(), shard_keyframes=10)
    counts = [row_groups(gallery, path) for path in shards(gallery, "frames")]
    assert sorted(counts) == [[3, 3, 3], [3, 4], [10], [12]]


def test_removed_videos_leave_no_row(filled: Gallery, vectors: VectorStore) -> None:
    remove(filled, ["a", "e"], "R6")
    compacted(filled, vectors)
    assert set(content(filled)) == {"b", "c", "d", "y"}
    (frames,) = shards(filled, "frames")
    assert row_groups(filled, frames) == [4, 3, 2, 7]
    assert [a.video_id for a in ledger.read_attempts(filled.root) if a.status == ledger.REMOVED] == ["a", "e"]
    assert list(compare(filled, vectors)) == []
    reinstate(filled, ["a"], "R10")
    compacted(filled, vectors, "R11")
    assert ledger.latest(ledger.read_attempts(filled.root)).keys() & {"a", "e"} == {"e"}


def test_a_removed_file_that_moves_stays_out_after_a_compaction(
    gallery: Gallery, vectors: VectorStore, tmp_path: Path
) -> None:
    moved = tmp_path / "y.mp4"
    moved.write_bytes(b"x" * 10)
    video = features("x.mp4", 2, "10-1")
    video = dataclasses.replace(video, info=dataclasses.replace(video.info, content_sha256=content_sha256(str(moved))))
    commit(gallery, vectors, "R1", [video])
    remove(gallery, ["x.mp4"], "R2")
    compacted(gallery, vectors)
    sources = list_sources([str(moved)]).sources
    found = recognise(sources, ledger.read_attempts(gallery.root), read_tombstones(gallery.home))
    assert (found.kept_out, found.sources) == (["y.mp4"], [])


def test_a_large_shard_with_holes_is_written_anew(gallery: Gallery, vectors: VectorStore) -> None:
    commit(gallery, vectors, "R1", [features("a", 30), features("b", 30)])
    commit(gallery, vectors, "R2", [features("b", 20, "2-2")])
    compacted(gallery, vectors, shard_keyframes=10)
    assert [row_groups(gallery, path) for path in shards(gallery, "frames")] == [[20], [30]]
    assert list(compare(gallery, vectors)) == []


def test_a_gallery_of_dead_letters_alone(gallery: Gallery) -> None:
    for number in range(3):
        record_failures([Failure("/x", f"x{number}", "probe", "E", "no")], gallery.root, f"R{number}")
    assert compacted(gallery, NoVectors()) == Compaction(before=3, after=1)
    assert sorted(ledger.latest(ledger.read_attempts(gallery.root))) == ["x0", "x1", "x2"]


def test_rows_of_an_older_gallery_become_what_is_written_now(gallery: Gallery) -> None:
    for name in ("a", "b"):
        commit(gallery, NoVectors(), f"R{name}", [features(name)])  # type: ignore[arg-type]
    path = files.join(gallery.root, read_videos(gallery)["a"].frames_file)
    table = pq.read_table(path)
    single = pa.list_(pa.field("item", pa.float32(), nullable=False), DIMENSION)
    older = pa.FixedSizeListArray.from_arrays(pa.array(features("a").embeddings.ravel()), type=single)
    older_table = table.set_column(3, pa.field("embedding", single, nullable=False), older)
    pq.write_table(older_table.drop_columns(["picture"]), path)
    compacted(gallery, NoVectors())
    assert FrameReader(gallery).pictures(read_videos(gallery)["a"]) == ()
    _, embeddings = FrameReader(gallery).read(read_videos(gallery)["a"])
    np.testing.assert_array_equal(embeddings, stored_precision(features("a").embeddings))


def test_a_damaged_shard_is_told_and_nothing_is_lost(filled: Gallery, vectors: VectorStore) -> None:
    path = Path(files.join(filled.root, read_videos(filled)["a"].frames_file))
    whole = path.read_bytes()
    path.write_bytes(whole[:-20])
    with pytest.raises(CliptraceError) as caught:
        compacted(filled, vectors)
    assert str(caught.value).startswith(f"{path}: cannot be read: ")
    assert str(caught.value).endswith(
        "; nothing is lost by this command: "
        f"mend the gallery with cliptrace gallery verify --repair --gallery {filled.root}"
    )
    path.write_bytes(whole)
    assert set(content(filled)) == {"a", "b", "c", "d", "e", "y"}


# Cut off


class CutError(Exception):
    pass


def cutting(monkeypatch: pytest.MonkeyPatch, after: int) -> None:
    """Let so many files be written or removed, and no more."""
    left = [after]

    def limited(work: Callable[..., None]) -> Callable[..., None]:
        def call(*arguments: Any) -> None:
            if left[0] == 0:
                raise CutError
            left[0] -= 1
            work(*arguments)

        return call

    remove_one = limited(files.remove)
    monkeypatch.setattr(files, "write_bytes", limited(files.write_bytes))
    monkeypatch.setattr(files, "remove", lambda paths: [remove_one([path]) for path in paths])


@pytest.mark.parametrize("goes_on", [swept, compacted])
def test_cut_off_at_any_step_nothing_is_lost_and_it_may_go_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, goes_on: Callable[..., None]
) -> None:
    store = NoVectors()
    for steps in range(100):
        gallery = Gallery.create(str(tmp_path / str(steps)), MANIFEST)
        fill(gallery, store)
        before = content(gallery)
        with monkeypatch.context() as patch:
            cutting(patch, steps)
            try:
                compacted(gallery, store, "R8")
                break
            except CutError:
                pass
        assert content(gallery) == before
        goes_on(gallery, store)
        assert content(gallery) == before
        attempts = ledger.read_attempts(gallery.root)
        assert unacknowledged(gallery, attempts) == []
        assert stale_rows(gallery, attempts, ledger.live(attempts)) == {}
        assert ledger.latest(attempts)["x"].message == "still no"
    assert 20 < steps < 99


def test_a_run_of_the_same_name_does_no_harm(gallery: Gallery) -> None:
    fill(gallery, NoVectors())
    before = content(gallery)
    for _ in range(2):
        compacted(gallery, NoVectors(), "R8")
        assert content(gallery) == before
        for video_id, frames in (("a", 6), ("b", 4)):
            commit(gallery, NoVectors(), f"S-{video_id}", [features(video_id, frames)])  # type: ignore[arg-type]


def test_a_search_follows_videos_that_are_moved_meanwhile(filled: Gallery, vectors: VectorStore) -> None:
    config = MatchConfig(min_score=0.0)
    find, aligned = Find(filled, config, BACKBONE), Align(filled, config, SharedVideos(filled))
    find.open()
    aligned.open()
    query = features("a", 6)
    before = [match for found in find(query) for pair in found.pairs() for match in aligned(pair)]
    compacted(filled, vectors)
    assert [match for found in find(query) for pair in found.pairs() for match in aligned(pair)] == before
    find.close()


def test_a_ledger_made_anew_after_a_compaction(filled: Gallery, vectors: VectorStore) -> None:
    """Which commit its rows in Milvus are of, it cannot tell: they are written again."""
    compacted(filled, vectors)
    before = content(filled)
    for path in ledger.shards(filled.root):
        Path(path).write_bytes(b"")
    for _ in range(2):
        repair(filled, vectors, compare(filled, vectors), "R10")
    assert list(compare(filled, vectors)) == []
    assert content(filled) == before
