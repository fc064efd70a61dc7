"""The mapped file holds what Parquet holds, grows by what is new, and is made anew whenever it is not to be trusted."""

from __future__ import annotations

import contextlib
import dataclasses
import shutil
import threading
from pathlib import Path
from typing import IO, Any

import numpy as np
import pytest

from cliptrace.schemas.errors import CliptraceError
from cliptrace.schemas.records import FrameFeatures
from cliptrace.transforms.store.catalogue import gallery_stats
from cliptrace.transforms.store.compaction import compact
from cliptrace.transforms.store.exact import rows
from cliptrace.transforms.store.exact.rows import FOLDER, MappedRows, map_rows
from cliptrace.transforms.store.gallery import Gallery, StoredVideo, commit
from cliptrace.transforms.store.takedown import Tombstone, bury
from tests.unit.transforms.store_examples import NoVectors, features, stored_precision, swept

FIRST = [features("a", 6), features("b", 4), features("c", 5)]


def add(gallery: Gallery, run: str, *videos: FrameFeatures) -> None:
    commit(gallery, NoVectors(), run, videos)  # type: ignore[arg-type]


def by_video(mapped: MappedRows) -> dict[str, np.ndarray]:
    places = zip(mapped.video_ids, mapped.starts, mapped.counts, strict=True)
    return {str(video_id): np.array(mapped.values[start : start + count]) for video_id, start, count in places}


def check(mapped: MappedRows, *videos: FrameFeatures) -> None:
    found = by_video(mapped)
    assert set(found) == {video.video_id for video in videos}
    for video in videos:
        assert found[video.video_id] == pytest.approx(stored_precision(video.embeddings), abs=1e-3)
        assert np.linalg.norm(found[video.video_id], axis=1) == pytest.approx(1.0)


def rows_file(gallery: Gallery) -> Path:
    (path,) = (Path(gallery.root) / FOLDER).glob("rows-*.f32")
    return path


@pytest.fixture
def filled(gallery: Gallery) -> Gallery:
    add(gallery, "R1", *FIRST)
    return gallery


def test_it_holds_every_live_video(filled: Gallery) -> None:
    check(map_rows(filled), *FIRST)


def test_its_size_is_told(filled: Gallery) -> None:
    assert FOLDER not in gallery_stats(filled).bytes
    map_rows(filled)
    assert gallery_stats(filled).bytes[FOLDER] > rows_file(filled).stat().st_size == 15 * 8 * 4


def test_an_empty_gallery_has_no_rows(gallery: Gallery) -> None:
    check(map_rows(gallery))


def test_it_grows_by_what_is_new_and_readers_keep_what_they_have(filled: Gallery) -> None:
    before, path = map_rows(filled), rows_file(filled)
    add(filled, "R2", features("d", 3))
    check(map_rows(filled), *FIRST, features("d", 3))
    assert rows_file(filled) == path
    check(before, *FIRST)


def test_what_is_removed_or_replaced_is_left_out(filled: Gallery) -> None:
    map_rows(filled)
    bury(filled.home, [Tombstone("b", "/videos/b", 0.0)])
    add(filled, "R2", features("a", 7, "2-2"))
    check(map_rows(filled), features("a", 7, "2-2"), features("c", 5))


def test_with_more_that_is_gone_than_not_it_is_made_anew(filled: Gallery) -> None:
    map_rows(filled)
    path = rows_file(filled)
    for run in ("R2", "R3", "R4", "R5"):
        add(filled, run, features("a", 6, run))
        map_rows(filled)
    assert rows_file(filled) != path
    assert rows_file(filled).stat().st_size <= 2 * 15 * 8 * 4
    check(map_rows(filled), features("a", 6, "R5"), *FIRST[1:])


def _cut_off(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1])


def _changed(path: Path) -> None:
    path.write_bytes(bytes(len(path.read_bytes())))


def _index_gone(path: Path) -> None:
    path.with_name("index.parquet").unlink()


def _index_damaged(path: Path) -> None:
    path.with_name("index.parquet").write_bytes(b"PAR1")


@pytest.mark.parametrize("damage", [_cut_off, _changed, Path.unlink, _index_gone, _index_damaged])
def test_what_is_damaged_is_made_anew(filled: Gallery, damage: object) -> None:
    map_rows(filled)
    damage(rows_file(filled))  # type: ignore[operator]
    check(map_rows(filled), *FIRST)
    rows_file(filled)


def test_another_gallerys_file_is_not_taken(filled: Gallery, tmp_path: Path) -> None:
    other = Gallery.create(str(tmp_path / "other"), dataclasses.replace(filled.manifest, name="others"))
    add(other, "R1", *(features(video.video_id, len(video.times), "9-9") for video in FIRST))
    map_rows(other)
    shutil.copytree(Path(other.root) / FOLDER, Path(filled.root) / FOLDER)
    check(map_rows(filled), *FIRST)


def test_a_killed_writers_rows_are_written_over(filled: Gallery) -> None:
    map_rows(filled)
    with rows_file(filled).open("ab") as file:
        file.write(b"half of a row")
    add(filled, "R2", features("d", 3))
    check(map_rows(filled), *FIRST, features("d", 3))


def test_where_the_gallery_cannot_be_written_to_the_file_is_a_temporary_one(filled: Gallery) -> None:
    (Path(filled.root) / FOLDER).write_text("no folder")
    check(map_rows(filled), *FIRST)


def test_where_nothing_can_be_written_the_error_says_how_much_room_is_missing(
    filled: Gallery, monkeypatch: pytest.MonkeyPatch
) -> None:
    (Path(filled.root) / FOLDER).write_text("no folder")

    def full(**_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(rows.tempfile, "TemporaryFile", full)
    monkeypatch.setattr(rows.tempfile, "gettempdir", lambda: "/tmp")
    with pytest.raises(CliptraceError) as raised:
        map_rows(filled)
    assert str(raised.value) == (
        f"{filled.root}: the file of an exact search can be written neither there nor in /tmp: "
        "No space left on device; make room for 480 bytes, or use --engine milvus"
    )


def test_shards_that_are_rewritten_meanwhile_are_looked_up_again(
    filled: Gallery, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A video is replaced, and the old shard swept, after the search has listed what there is."""
    map_rows(filled)
    listed = rows.read_videos

    def then_replaced(gallery: Gallery) -> dict[str, StoredVideo]:
        videos = listed(gallery)
        monkeypatch.setattr(rows, "read_videos", listed)
        add(gallery, "R2", features("a", 7, "2-2"), features("b", 5, "2-2"), features("c", 3, "2-2"))
        swept(gallery)
        return videos

    monkeypatch.setattr(rows, "read_videos", then_replaced)
    check(map_rows(filled), features("a", 7, "2-2"), features("b", 5, "2-2"), features("c", 3, "2-2"))


def test_what_is_damaged_in_parquet_is_an_error(filled: Gallery) -> None:
    (shard,) = Path(filled.root).glob("frames/run=R1/*.parquet")
    shard.unlink()
    with pytest.raises(CliptraceError, match="cannot be read: No such file or directory"):
        map_rows(filled)


def test_a_full_disk_is_left_as_it_was(filled: Gallery, monkeypatch: pytest.MonkeyPatch) -> None:
    map_rows(filled)
    size = rows_file(filled).stat().st_size
    add(filled, "R2", features("d", 3))
    append = rows._append

    def full(file: IO[bytes], *more: Any) -> Any:
        starts = append(file, *more)
        if FOLDER in str(file.name):
            raise OSError(28, "No space left on device")
        return starts

    monkeypatch.setattr(rows, "_append", full)
    check(map_rows(filled), *FIRST, features("d", 3))  # from a temporary file
    assert rows_file(filled).stat().st_size == size


def test_a_gallery_that_was_empty_gets_its_file(gallery: Gallery) -> None:
    check(map_rows(gallery))
    add(gallery, "R1", *FIRST)
    check(map_rows(gallery), *FIRST)
    assert rows_file(gallery).stat().st_size == 15 * 8 * 4


def test_after_a_compaction_it_is_made_anew(filled: Gallery) -> None:
    map_rows(filled)
    add(filled, "R2", features("d", 3))
    compact(filled, contextlib.nullcontext(NoVectors()), "R3")  # type: ignore[arg-type]
    check(map_rows(filled), *FIRST, features("d", 3))
    assert rows_file(filled).stat().st_size == 18 * 8 * 4


def test_many_may_open_it_while_it_grows(filled: Gallery) -> None:
    failed: list[Exception] = []

    def open_it() -> None:
        try:
            for _ in range(10):
                found = by_video(map_rows(filled))
                assert {"a", "b", "c"} <= set(found)
        except Exception as error:
            failed.append(error)

    threads = [threading.Thread(target=open_it) for _ in range(4)]
    for thread in threads:
        thread.start()
    for number in range(5):
        add(filled, f"R{number + 2}", features(f"new{number}", 3))
    for thread in threads:
        thread.join()
    assert not failed
    assert len(map_rows(filled).video_ids) == 8


def test_a_sweep_of_what_was_removed_takes_its_rows_away(filled: Gallery) -> None:
    map_rows(filled)
    bury(filled.home, [Tombstone("b", "/videos/b", 0.0)])
    swept(filled)
    assert not (Path(filled.root) / FOLDER).exists()
    check(map_rows(filled), FIRST[0], FIRST[2])
