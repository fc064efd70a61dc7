"""The table of clip features: written, replaced, moved, copied, compacted, removed and mended with the videos."""

from __future__ import annotations

import contextlib
import dataclasses
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from cliptrace.schemas.errors import CliptraceError
from cliptrace.schemas.gallery import clips_path, part_path
from cliptrace.schemas.records import VideoSource
from cliptrace.transforms.store import files, ledger
from cliptrace.transforms.store.catalogue import gallery_stats
from cliptrace.transforms.store.clips import read_windows
from cliptrace.transforms.store.compaction import compact
from cliptrace.transforms.store.copying import store_copies
from cliptrace.transforms.store.gallery import FrameReader, Gallery, commit, live_attempts, read_videos
from cliptrace.transforms.store.moving import update
from cliptrace.transforms.store.recognition import Known
from cliptrace.transforms.store.removal import remove
from cliptrace.transforms.store.repairing import repair
from cliptrace.transforms.store.sweeping import unacknowledged
from cliptrace.transforms.store.vectors import VectorStore
from cliptrace.transforms.store.verification import Kind, compare
from tests.unit.transforms.clip_examples import MOMENTS, WITH_MOMENTS, clipped, clips_of
from tests.unit.transforms.store_examples import NoVectors, features, row_groups, swept


@pytest.fixture
def shelf(tmp_path: Path) -> Gallery:
    """a of 20 steps; b of 9 that was 4; c of 3."""
    gallery = Gallery.create(str(tmp_path / "g"), WITH_MOMENTS)
    with gallery.vectors() as vectors:
        commit(gallery, vectors, "R1", [clipped("a", 20), clipped("b", 4)])
        commit(gallery, vectors, "R2", [clipped("b", 9, "2-2"), clipped("c", 3)])
    return gallery


def steps(gallery: Gallery) -> dict[str, int]:
    """Of each live video, whose clip features are those that it came with."""
    reader, found = FrameReader(gallery), {}
    for video_id, video in sorted(read_videos(gallery).items()):
        clips = reader.clips(video)
        origin = video_id.removeprefix("copy of ")
        np.testing.assert_array_equal(clips, clips_of(origin, len(clips)).astype(np.float32))
        found[video_id] = len(clips)
    return found


def shards(gallery: Gallery) -> list[str]:
    """Below the gallery."""
    found = files.find(gallery.root, part_path("clips", "*", "*"))
    return [path.removeprefix(f"{gallery.root}/") for path in found]


def test_each_row_group_is_a_video_and_says_what_made_it(shelf: Gallery) -> None:
    assert steps(shelf) == {"a": 20, "b": 9, "c": 3}
    frames_file = read_videos(shelf)["a"].frames_file
    assert row_groups(shelf, clips_path(frames_file)) == [20, 4]
    assert clips_path(frames_file) == frames_file.replace("frames/", "clips/")
    schema = pq.read_schema(Path(shelf.root, shards(shelf)[0]))
    assert (schema.field("clip").type.list_size, str(schema.field("clip").type.value_type)) == (6, "halffloat")
    assert b'"sha256": "abab' in schema.metadata[b"cliptrace.moments"]
    assert gallery_stats(shelf).bytes["clips"] == sum(Path(shelf.root, path).stat().st_size for path in shards(shelf))


def test_a_gallery_without_moments_has_no_such_table(tmp_path: Path) -> None:
    gallery = Gallery.create(str(tmp_path / "g"), dataclasses.replace(WITH_MOMENTS, moments=None))
    commit(gallery, NoVectors(), "R1", [clipped("a", 4)])
    assert not Path(gallery.root, "clips").exists()
    assert "moments" not in Path(gallery.root, "gallery.json").read_text()
    assert "clips" not in gallery_stats(gallery).bytes


def test_what_says_moments_is_read_again(shelf: Gallery) -> None:
    loaded = Gallery.load(shelf.root)
    assert loaded
    assert loaded.manifest.moments == MOMENTS


def test_rows_of_replaced_and_removed_videos_go(shelf: Gallery) -> None:
    swept(shelf)
    assert row_groups(shelf, clips_path(read_videos(shelf)["a"].frames_file)) == [20, 0]
    remove(shelf, ["a"], "R3")
    assert steps(shelf) == {"b": 9, "c": 3}
    assert [row_groups(shelf, path) for path in shards(shelf)] == [[0, 0], [9, 3]]


def test_what_was_cut_off_before_the_ledger_goes(shelf: Gallery) -> None:
    with pytest.raises(RuntimeError):
        commit(shelf, NoVectors(RuntimeError()), "R3", [clipped("d", 2)])
    assert len(shards(shelf)) == 3
    assert {Path(path).parts[-3] for path in unacknowledged(shelf, ledger.read_attempts(shelf.root))} == {
        "frames",
        "clips",
    }
    swept(shelf)
    assert len(shards(shelf)) == 2


def test_a_moved_video_and_a_compacted_gallery_have_the_same(shelf: Gallery) -> None:
    update(shelf, "R3", [dataclasses.replace(live_attempts(shelf)["a"], uri="/new/a")])
    assert steps(shelf) == {"a": 20, "b": 9, "c": 3}
    compact(shelf, contextlib.nullcontext(NoVectors()), "R9")
    assert steps(shelf) == {"a": 20, "b": 9, "c": 3}
    (shard,) = shards(shelf)
    assert shard.startswith("clips/run=R9/")
    assert sorted(row_groups(shelf, shard)) == [3, 9, 20]


def test_a_shard_is_full_of_clip_features_too(tmp_path: Path) -> None:
    """As a commit is: of videos with few keyframes, which content selection leaves of a lecture."""
    gallery = Gallery.create(str(tmp_path / "g"), WITH_MOMENTS)
    for run, name in (("R1", "a"), ("R2", "b"), ("R3", "c")):
        video = dataclasses.replace(features(name, 2), decoded_s=7.5, clips=clips_of(name, 15))
        commit(gallery, NoVectors(), run, [video])  # type: ignore[arg-type]
    compact(gallery, contextlib.nullcontext(NoVectors()), "R9", shard_keyframes=40)  # type: ignore[arg-type]
    assert sorted(row_groups(gallery, shard) for shard in shards(gallery)) == [[15], [15, 15]]
    assert steps(gallery) == {"a": 15, "b": 15, "c": 15}


def test_a_copy_has_them_too(shelf: Gallery) -> None:
    attempt = live_attempts(shelf)["b"]
    copy = Known(VideoSource("copy of b", "/copies/b", "1-5"), attempt, "5a")
    assert store_copies(shelf, NoVectors(), "R3", [copy]) == []  # type: ignore[arg-type]
    assert steps(shelf)["copy of b"] == 9


def test_what_a_store_refuses_leaves_no_clip_features(shelf: Gallery) -> None:
    class Refusing(NoVectors):
        def replace(self, videos: list[object], generation: int) -> dict[str, str]:
            return {"e": "too long"}

    commit(shelf, Refusing(), "R3", [clipped("d", 2), clipped("e", 5)])  # type: ignore[arg-type]
    assert steps(shelf) == {"a": 20, "b": 9, "c": 3, "d": 2}
    assert row_groups(shelf, clips_path(read_videos(shelf)["d"].frames_file)) == [2, 0]


def test_a_damaged_shard_is_told_and_its_videos_are_to_be_indexed_again(shelf: Gallery) -> None:
    with shelf.vectors() as vectors:
        swept(shelf, vectors)
        damaged = clips_path(read_videos(shelf)["a"].frames_file)
        Path(shelf.root, damaged).write_bytes(b"no")
        with pytest.raises(CliptraceError, match=f"{damaged}: cannot be read: "):
            read_windows(shelf)
        found = list(compare(shelf, vectors))
        assert [(each.kind, each.subject) for each in found] == [(Kind.LOST, "a")]
        repair(shelf, vectors, found, "R9")
        assert list(compare(shelf, vectors)) == []
    assert steps(shelf) == {"b": 9, "c": 3}
    assert not Path(shelf.root, damaged).exists()


def test_clip_features_that_are_no_numbers_are_told(shelf: Gallery, vectors: VectorStore) -> None:
    bad = dataclasses.replace(clipped("d", 2), clips=np.full((2, 6), np.inf, np.float16))
    commit(shelf, NoVectors(), "R3", [bad])  # type: ignore[arg-type]
    video = read_videos(shelf)["d"]
    with pytest.raises(CliptraceError) as told:
        FrameReader(shelf).clips(video)
    assert str(told.value) == f"{clips_path(video.frames_file)}: row group 0 has clips that are not finite"


def test_windows_are_those_of_videos_that_show_something(shelf: Gallery) -> None:
    black = dataclasses.replace(features("black", 30), clips=np.zeros((30, 6), np.float16))
    commit(shelf, NoVectors(), "R3", [black])  # type: ignore[arg-type]
    found = read_windows(shelf)
    assert {video_id: len(found.of(number)) for video_id, number in found.places().items()} == {"a": 4, "b": 2, "c": 1}
    np.testing.assert_allclose(np.linalg.norm(found.values, axis=1), 1, atol=1e-5)


def test_a_step_takes_two_bytes_a_number(tmp_path: Path) -> None:
    gallery = Gallery.create(str(tmp_path / "g"), WITH_MOMENTS)
    commit(gallery, NoVectors(), "R1", [clipped("a", 5000)])  # type: ignore[arg-type]
    assert gallery_stats(gallery).bytes["clips"] < 1.1 * 5000 * 2 * 6
