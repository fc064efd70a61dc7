"""Videos whose files are elsewhere: new paths in answers, the same keyframes, and nothing is lost at any step."""

from __future__ import annotations

import contextlib
import dataclasses
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from cliptrace.schemas.errors import CliptraceError
from cliptrace.schemas.gallery import part_path
from cliptrace.transforms.store import files, ledger
from cliptrace.transforms.store.compaction import compact
from cliptrace.transforms.store.gallery import FrameReader, Gallery, commit, live_attempts, read_videos
from cliptrace.transforms.store.live import LiveVideos
from cliptrace.transforms.store.moving import relocate, update
from cliptrace.transforms.store.pruning import prune
from cliptrace.transforms.store.removal import remove
from cliptrace.transforms.store.repairing import repair
from cliptrace.transforms.store.sweeping import sweep
from cliptrace.transforms.store.vectors import VectorStore
from cliptrace.transforms.store.verification import Kind, compare
from tests.unit.transforms.store_examples import features, row_groups

VIDEOS = {video_id: features(video_id, frames) for video_id, frames in (("a", 6), ("b", 4), ("c", 5))}


@pytest.fixture
def filled(gallery: Gallery, vectors: VectorStore) -> Gallery:
    commit(gallery, vectors, "R1", list(VIDEOS.values()))
    return gallery


def move(gallery: Gallery, *video_ids: str, run: str = "R2", to: str = "/new") -> None:
    attempts = live_attempts(gallery)
    update(gallery, run, [dataclasses.replace(attempts[v], uri=f"{to}/{v}", fingerprint="1-2") for v in video_ids])


def tidy(gallery: Gallery, vectors: Any) -> None:
    sweep(gallery, ledger.read_attempts(gallery.root), contextlib.nullcontext(vectors), "R8")


def uris(gallery: Gallery) -> dict[str, str]:
    return {video_id: video.uri for video_id, video in sorted(read_videos(gallery).items())}


def content(gallery: Gallery) -> dict[str, list[list[float]]]:
    reader = FrameReader(gallery)
    return {video_id: reader.read(video)[1].tolist() for video_id, video in sorted(read_videos(gallery).items())}


def kinds(gallery: Gallery, vectors: VectorStore) -> list[tuple[Kind, str]]:
    return [(difference.kind, difference.subject) for difference in compare(gallery, vectors)]


def test_answers_have_the_new_path_and_the_same_keyframes(filled: Gallery, vectors: VectorStore) -> None:
    before, searching = content(filled), LiveVideos(filled)
    move(filled, "a", "b")
    assert uris(filled) == {"a": "/new/a", "b": "/new/b", "c": "/videos/c"}
    assert content(filled) == before
    assert [live_attempts(filled)[video_id].fingerprint for video_id in "abc"] == ["1-2", "1-2", "1-1"]
    searching.refresh()
    assert searching.get("a") == read_videos(filled)["a"]


@pytest.mark.parametrize("moved", ["a", "abc"])
def test_a_sweep_leaves_keyframes_where_they_are(filled: Gallery, vectors: VectorStore, moved: str) -> None:
    before = content(filled)
    move(filled, *moved)
    assert kinds(filled, vectors) == [(Kind.STALE, video_id) for video_id in moved]
    tidy(filled, None)  # no row goes from Milvus: the store is not opened
    assert kinds(filled, vectors) == []
    move(filled, *moved, run="R3", to="/newer")
    tidy(filled, None)
    assert (content(filled), kinds(filled, vectors)) == (before, [])
    assert row_groups(filled, read_videos(filled)["a"].frames_file) == [6, 4, 5]
    assert uris(filled)["a"] == "/newer/a"


@pytest.mark.parametrize("first", [True, False], ids=["swept", "not swept"])
def test_a_moved_video_is_replaced_pruned_or_removed_as_any_other(
    filled: Gallery, vectors: VectorStore, first: bool
) -> None:
    frames_file = read_videos(filled)["a"].frames_file
    move(filled, "a", "b", "c")
    if first:
        tidy(filled, vectors)
    commit(filled, vectors, "R3", [features("a", 2, "3-3")])
    tidy(filled, vectors)
    assert row_groups(filled, frames_file) == [0, 4, 5]
    prune(filled, contextlib.nullcontext(vectors), "R4", {"b": live_attempts(filled)["b"]})
    assert row_groups(filled, frames_file) == [0, 0, 5]
    assert remove(filled, ["/new/c"], "R5").video_ids == ["c"]
    assert row_groups(filled, frames_file) == [0, 0, 0]
    assert (uris(filled), vectors.count(), kinds(filled, vectors)) == ({"a": "/videos/a"}, 2, [])


def test_compaction_brings_moved_videos_and_their_keyframes_together(filled: Gallery, vectors: VectorStore) -> None:
    commit(filled, vectors, "R1", [features("d", 3)])
    move(filled, "a", "d")
    tidy(filled, vectors)
    before = content(filled), uris(filled)
    compact(filled, contextlib.nullcontext(vectors), "R9")
    (frames_file,) = files.find(filled.root, part_path("frames", "*", "*"))
    assert {video.frames_file for video in read_videos(filled).values()} == {
        frames_file.removeprefix(f"{filled.root}/")
    }
    assert (content(filled), uris(filled)) == before
    assert kinds(filled, vectors) == []
    assert len(ledger.shards(filled.root)) == 1


def test_compaction_may_be_cut_off_at_any_step(
    filled: Gallery, vectors: VectorStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    move(filled, "a", "b")
    expected = content(filled), uris(filled)
    calls = ("write_tables", "remove")
    for steps in range(40):
        with monkeypatch.context() as patch:
            left = iter(range(steps))
            for name in calls:
                patch.setattr(files, name, cut_off_after(left, getattr(files, name)))
            try:
                compact(filled, contextlib.nullcontext(vectors), f"R{steps + 10}", shard_keyframes=6)
                finished = True
            except InterruptedError:
                finished = False
        assert (content(filled), uris(filled)) == expected
        if finished:
            break
    assert finished
    tidy(filled, vectors)
    assert kinds(filled, vectors) == []


def cut_off_after(left: Iterator[int], call: Callable[..., None]) -> Callable[..., None]:
    def step(*arguments: Any) -> None:
        if next(left, None) is None:
            raise InterruptedError
        call(*arguments)

    return step


@pytest.mark.parametrize("run", ["R1", "R2"])
def test_a_damaged_ledger_shard_loses_no_keyframes(filled: Gallery, vectors: VectorStore, run: str) -> None:
    before = content(filled)
    move(filled, *VIDEOS)
    tidy(filled, vectors)
    (shard,) = Path(filled.root).glob(part_path("ledger", run, "*"))
    shard.write_bytes(b"PAR1")
    for _ in range(3):
        repair(filled, vectors, list(compare(filled, vectors)), "R7")
    assert kinds(filled, vectors) == []
    assert content(filled) == before


def test_lost_keyframes_are_those_of_the_moved_video(filled: Gallery, vectors: VectorStore) -> None:
    frames_file = read_videos(filled)["a"].frames_file
    move(filled, "a")
    tidy(filled, vectors)
    Path(filled.root, frames_file).unlink()
    assert sorted(kinds(filled, vectors)) == [(Kind.LOST, video_id) for video_id in "abc"]
    for _ in range(2):
        repair(filled, vectors, list(compare(filled, vectors)), "R7")
    assert (kinds(filled, vectors), uris(filled), vectors.count()) == ([], {}, 0)


def damage(path: Path) -> None:
    os.truncate(path, path.stat().st_size - 20)


@pytest.mark.parametrize("harm", [Path.unlink, damage])
def test_keyframes_of_moved_videos_outlive_a_lost_videos_shard(
    filled: Gallery, vectors: VectorStore, harm: Callable[[Path], None]
) -> None:
    before = content(filled)
    move(filled, "a")
    tidy(filled, vectors)
    harm(next(Path(filled.root).glob(part_path("videos", "R1", "*"))))
    assert kinds(filled, vectors) == [(Kind.LOST, "b"), (Kind.LOST, "c")]
    for _ in range(3):
        repair(filled, vectors, list(compare(filled, vectors)), "R7")
    assert (content(filled), kinds(filled, vectors), vectors.count()) == ({"a": before["a"]}, [], 6)
    compact(filled, contextlib.nullcontext(vectors), "R9")
    assert (content(filled), kinds(filled, vectors)) == ({"a": before["a"]}, [])


@pytest.mark.parametrize("swept", [True, False])
def test_a_damaged_shard_of_videos_that_have_all_moved_is_told_and_goes(
    filled: Gallery, vectors: VectorStore, swept: bool
) -> None:
    before = content(filled)
    move(filled, *VIDEOS)
    if swept:
        tidy(filled, vectors)
    (shard,) = Path(filled.root).glob(part_path("videos", "R1", "*"))
    damage(shard)
    assert kinds(filled, vectors) == [(Kind.UNREADABLE, str(shard))]
    repair(filled, vectors, list(compare(filled, vectors)), "R7")
    assert (content(filled), kinds(filled, vectors), shard.exists()) == (before, [], False)
    compact(filled, contextlib.nullcontext(vectors), "R9")
    assert (content(filled), kinds(filled, vectors)) == (before, [])


def test_a_damaged_shard_of_replaced_videos_goes_with_their_keyframes(filled: Gallery, vectors: VectorStore) -> None:
    commit(filled, vectors, "R2", [features(video_id, 3, "2-2") for video_id in VIDEOS])
    before = content(filled)
    (shard,) = Path(filled.root).glob(part_path("videos", "R1", "*"))
    damage(shard)
    assert kinds(filled, vectors)[0] == (Kind.UNREADABLE, str(shard))
    repair(filled, vectors, list(compare(filled, vectors)), "R7")
    assert (content(filled), kinds(filled, vectors)) == (before, [])
    assert not list(Path(filled.root).glob(part_path("frames", "R1", "*")))


# gallery relocate


@pytest.fixture
def there(filled: Gallery, tmp_path: Path) -> Path:
    """A folder with files of a and b, of their sizes."""
    folder = tmp_path / "é new"
    folder.mkdir()
    (folder / "a").write_bytes(b"1")
    (folder / "b").write_bytes(b"1")
    return folder


def test_relocated_videos_are_below_the_new_folder(
    filled: Gallery, vectors: VectorStore, there: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(there.parent)
    done = relocate(filled, contextlib.nullcontext(), "file:///videos/", os.path.relpath(there), "R2")
    assert (done.moved, done.not_there) == (["a", "b"], ["c"])
    assert uris(filled) == {"a": f"{there}/a", "b": f"{there}/b", "c": "/videos/c"}
    assert kinds(filled, vectors) == []
    assert live_attempts(filled)["a"].fingerprint == "1-1"  # the next index looks at it


def test_nothing_is_relocated_where_nothing_is(filled: Gallery, there: Path, tmp_path: Path) -> None:
    with pytest.raises(CliptraceError) as caught:
        relocate(filled, contextlib.nullcontext(), "/vid", str(there), "R2")
    assert str(caught.value) == f"{filled.root}: no video has a path below /vid"
    with pytest.raises(CliptraceError) as caught:
        relocate(filled, contextlib.nullcontext(), "/videos", str(tmp_path / "no"), "R2")
    assert str(caught.value) == (f"{tmp_path}/no: has none of the 3 files that were below /videos: nothing was changed")
    assert uris(filled)["a"] == "/videos/a"
