"""A gallery broken in every way: what verify lists, and that repair heals it."""

from __future__ import annotations

import dataclasses
import os
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from cliptrace.schemas.gallery import part_path
from cliptrace.schemas.records import Failure
from cliptrace.transforms.store import files, ledger
from cliptrace.transforms.store.gallery import FrameReader, Gallery, commit, read_videos
from cliptrace.transforms.store.repairing import REMEDIES, repair
from cliptrace.transforms.store.takedown import Tombstone, bury
from cliptrace.transforms.store.vectors import VectorStore
from cliptrace.transforms.store.verification import Difference, Kind, compare
from cliptrace.transforms.storing import record_failures
from tests.unit.transforms.store_examples import features

VIDEOS = {"a": features("a", 6), "b": features("b", 4), "c": features("c", 5), "d": features("d", 3)}


@pytest.fixture
def filled(gallery: Gallery, vectors: VectorStore) -> Gallery:
    commit(gallery, vectors, "R1", [VIDEOS["a"], VIDEOS["b"], VIDEOS["c"]])
    commit(gallery, vectors, "R2", [VIDEOS["d"]])
    record_failures([Failure("/x", "x", "probe", "MediaError", "not a video")], gallery.root, "R2")
    return gallery


def found(gallery: Gallery, vectors: VectorStore) -> list[tuple[Kind, str, int]]:
    root = f"{gallery.root}/"
    return [(d.kind, d.subject.removeprefix(root), d.count) for d in compare(gallery, vectors)]


def shard(gallery: Gallery, kind: str, run: str = "R1", part: str = "part-?*") -> Path:
    return next(Path(gallery.root).glob(part_path(kind, run, part)))


def rows_of(vectors: VectorStore, *video_ids: str) -> list[dict[str, object]]:
    return [row for batch in vectors.rows(video_ids) for row in batch]


def test_a_whole_gallery_has_no_differences(filled: Gallery, vectors: VectorStore) -> None:
    assert found(filled, vectors) == []


def test_an_empty_gallery_has_no_differences(gallery: Gallery, vectors: VectorStore) -> None:
    assert found(gallery, vectors) == []


def lose_rows(gallery: Gallery, vectors: VectorStore) -> None:
    vectors.delete_keys([row["key"] for row in rows_of(vectors, "a") if int(str(row["frame"])) >= 2])  # type: ignore[misc]


def lose_collection(gallery: Gallery, vectors: VectorStore) -> None:
    vectors.drop()
    vectors._prepare()


def change_embedding(gallery: Gallery, vectors: VectorStore) -> None:
    row = rows_of(vectors, "a")[1]
    row["embedding"] = (np.array(row["embedding"]) * 0.99).tolist()
    vectors._client.upsert(vectors._collection, [row])


def change_frame(gallery: Gallery, vectors: VectorStore) -> None:
    vectors._client.upsert(vectors._collection, [{**row, "frame": 7} for row in rows_of(vectors, "b")[:2]])


def change_time_and_generation(gallery: Gallery, vectors: VectorStore) -> None:
    one, other = rows_of(vectors, "b")[:2]
    changed = [{**one, "time": float(str(one["time"])) + 0.01}, {**other, "generation": 5}]
    vectors._client.upsert(vectors._collection, changed)


def add_rows(gallery: Gallery, vectors: VectorStore) -> None:
    (one, *_) = rows_of(vectors, "b")
    vectors._client.upsert(vectors._collection, [{**one, "key": 1}, {**one, "key": 2}])


def add_strangers(gallery: Gallery, vectors: VectorStore) -> None:
    vectors.replace([features("stranger", 1200)], 1)


def cut_off_commit(gallery: Gallery, vectors: VectorStore) -> None:
    """Killed before the ledger."""
    commit(gallery, vectors, "R3", [features("new", 2)])
    shard(gallery, "ledger", "R3").unlink()


def cut_off_replacement(gallery: Gallery, vectors: VectorStore) -> None:
    """Another version of b, with two frames more, killed before the ledger."""
    commit(gallery, vectors, "R3", [features("b", 6, "2-2")])
    shard(gallery, "ledger", "R3").unlink()


def half_written(gallery: Gallery, vectors: VectorStore) -> None:
    (Path(gallery.root) / "frames" / "run=R1" / ".part-1.parquet.0badcafe.tmp").touch()


def unswept_replacement(gallery: Gallery, vectors: VectorStore) -> None:
    """Killed after the ledger, before what is older was deleted: with the two frames that the new version has not."""
    older = [row for row in rows_of(vectors, "b") if int(str(row["frame"])) >= 2]
    commit(gallery, vectors, "R3", [features("b", 2, "2-2")])
    vectors._client.upsert(vectors._collection, older)


def unswept_removal(gallery: Gallery, vectors: VectorStore) -> None:
    bury(gallery.root, [Tombstone("b", "/videos/b", 1.0)])


HEALED: dict[Callable[[Gallery, VectorStore], None], list[tuple[str, str, int]]] = {
    lose_rows: [("MISSING", "a", 4)],
    lose_collection: [("MISSING", "a", 6), ("MISSING", "b", 4), ("MISSING", "c", 5), ("MISSING", "d", 3)],
    change_embedding: [("DIFFERENT", "a", 1)],
    change_frame: [("DIFFERENT", "b", 2)],
    change_time_and_generation: [("DIFFERENT", "b", 2)],
    add_rows: [("SURPLUS", "b", 2)],
    add_strangers: [("SURPLUS", "stranger", 1200)],
    cut_off_commit: [
        ("LEFT_OVER", "frames/run=R3/*.parquet", 1), ("LEFT_OVER", "videos/run=R3/*.parquet", 1),
        ("SURPLUS", "new", 2),
    ],
    cut_off_replacement: [
        ("LEFT_OVER", "frames/run=R3/*.parquet", 1), ("LEFT_OVER", "videos/run=R3/*.parquet", 1),
        ("DIFFERENT", "b", 4), ("SURPLUS", "b", 2),
    ],
    half_written: [("LEFT_OVER", "frames/run=R1/.part-1.parquet.0badcafe.tmp", 1)],
    unswept_replacement: [("STALE", "b", 1), ("SURPLUS", "b", 2)],
    unswept_removal: [("STALE", "b", 1), ("SURPLUS", "b", 4)],
}  # fmt: skip


@pytest.mark.parametrize("damage", HEALED, ids=lambda damage: damage.__name__)
def test_what_is_broken_is_listed_and_healed(
    filled: Gallery, vectors: VectorStore, damage: Callable[[Gallery, VectorStore], None]
) -> None:
    damage(filled, vectors)
    listed = [(kind.name, re.sub(r"part-\w{16}", "*", name), count) for kind, name, count in found(filled, vectors)]
    # Rows of all videos are counted in batches.
    merged = [
        (kind, name, sum(c for k, n, c in listed if (k, n) == (kind, name)))
        for kind, name in dict.fromkeys((kind, name) for kind, name, _ in listed)
    ]
    assert merged == HEALED[damage]
    before = read_videos(filled)
    repair(filled, vectors, compare(filled, vectors), "R9")
    assert found(filled, vectors) == []
    assert read_videos(filled) == before
    assert whole(filled, vectors) == set(before)


def whole(gallery: Gallery, vectors: VectorStore) -> set[str]:
    """Ids of the videos that can be read, after a look whether a search finds each of them with its own frames."""
    reader = FrameReader(gallery)
    for video_id, video in read_videos(gallery).items():
        hits = vectors.search(reader.read(video)[1], 1)
        assert (set(hits.ref_ids), hits.ref_frames.tolist()) == ({video_id}, list(range(video.keyframes)))
    return set(read_videos(gallery))


# Losses: what Parquet has not, nothing else has


def truncate(path: Path) -> None:
    os.truncate(path, path.stat().st_size - 20)


def damage_row_group(path: Path) -> None:
    """Of b, the second of three."""
    column = pq.ParquetFile(path).metadata.row_group(1).column(3)
    start = column.dictionary_page_offset or column.data_page_offset
    data = bytearray(path.read_bytes())
    data[start : start + column.total_compressed_size] = bytes(column.total_compressed_size)
    path.write_bytes(data)


@pytest.mark.parametrize(
    ("kind", "damage", "lost"),
    [
        ("frames", Path.unlink, "abc"),
        ("frames", truncate, "abc"),
        ("frames", damage_row_group, "b"),
        ("videos", Path.unlink, "abc"),
        ("videos", truncate, "abc"),
    ],
)
def test_a_video_that_parquet_lost_is_indexed_again(
    filled: Gallery, vectors: VectorStore, kind: str, damage: Callable[[Path], None], lost: str
) -> None:
    damage(shard(filled, kind))
    differences = list(compare(filled, vectors))
    assert [(d.kind, d.subject) for d in differences] == [(Kind.LOST, video_id) for video_id in lost]
    assert all("cannot be read: " in d.reason for d in differences)
    repair(filled, vectors, compare(filled, vectors), "R9")
    assert found(filled, vectors) == []
    left = set("abcd") - set(lost)
    assert whole(filled, vectors) == left
    assert {str(row["video_id"]) for batch in vectors.rows() for row in batch} == left
    known = ledger.latest(ledger.read_attempts(filled.root))
    plan = ledger.plan([video.source for video in VIDEOS.values()], known, retry_failed=False)
    assert ([source.video_id for source in plan.work], plan.unchanged) == (sorted(lost), len(left))
    assert known["b"].message.startswith("lost: ")
    commit(filled, vectors, "R99", [VIDEOS[video_id] for video_id in lost])
    assert found(filled, vectors) == []
    assert whole(filled, vectors) == set("abcd")


def test_a_video_without_its_row(filled: Gallery, vectors: VectorStore) -> None:
    path = shard(filled, "videos")
    table = files.read_table(str(path))
    pq.write_table(table.filter([video_id != "c" for video_id in table["video_id"].to_pylist()]), path)
    assert list(compare(filled, vectors)) == [
        Difference(Kind.LOST, "c", reason="the videos shard has no row of it"),
    ]
    repair(filled, vectors, compare(filled, vectors), "R9")
    assert found(filled, vectors) == []
    assert whole(filled, vectors) == {"a", "b", "d"}


def test_a_damaged_ledger_is_made_anew(filled: Gallery, vectors: VectorStore) -> None:
    path = shard(filled, "ledger")
    before = {attempt.video_id: attempt for attempt in ledger.read_shard(str(path))}
    path.write_bytes(b"PAR1")
    ((kind, subject, _),) = found(filled, vectors)
    assert (kind, subject) == (Kind.LEDGER_DAMAGED, str(path).removeprefix(f"{filled.root}/"))
    repair(filled, vectors, compare(filled, vectors), "R9")
    assert found(filled, vectors) == []
    after = {attempt.video_id: attempt for attempt in ledger.read_shard(str(path))}
    assert {k: dataclasses.replace(v, time=0) for k, v in after.items()} == {
        k: dataclasses.replace(v, time=0) for k, v in before.items()
    }
    assert whole(filled, vectors) == set("abcd")


def test_damaged_ledgers_of_lost_shards_and_of_dead_letters_go(filled: Gallery, vectors: VectorStore) -> None:
    shard(filled, "videos").unlink()
    for path in (shard(filled, "ledger"), shard(filled, "ledger", "R2", "part-*-failed")):
        path.write_bytes(b"")
    assert [kind for kind, _, _ in found(filled, vectors)] == [Kind.LEDGER_DAMAGED] * 2
    repair(filled, vectors, compare(filled, vectors), "R9")
    assert {kind for kind, _, _ in found(filled, vectors)} == {Kind.LEFT_OVER, Kind.SURPLUS}
    repair(filled, vectors, compare(filled, vectors), "R9")
    assert found(filled, vectors) == []
    assert whole(filled, vectors) == {"d"}
    assert set(ledger.latest(ledger.read_attempts(filled.root))) == {"d"}


def test_every_kind_has_a_remedy() -> None:
    assert set(REMEDIES) == set(Kind)
