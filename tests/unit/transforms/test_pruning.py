"""What is gone from a folder, and what only looks so."""

from __future__ import annotations

import contextlib
import dataclasses
import shutil
from pathlib import Path

import pytest

from cliptrace.schemas.errors import UsageError
from cliptrace.schemas.records import Failure, FrameFeatures
from cliptrace.transforms.store import ledger
from cliptrace.transforms.store.gallery import Gallery, commit, live_attempts, read_videos
from cliptrace.transforms.store.pruning import Missing, check_folders, missing_from, outdated_streams, prune
from cliptrace.transforms.store.sweeping import sweep
from cliptrace.transforms.store.vectors import VectorStore
from cliptrace.transforms.store.verification import compare
from cliptrace.transforms.storing import record_failures
from tests.unit.transforms import memory_files
from tests.unit.transforms.store_examples import features

NAMES = ("a.mp4", "disk/b.mp4", "disk/c.mp4")


@pytest.fixture
def lib(gallery: Gallery, vectors: VectorStore, tmp_path: Path) -> Path:
    """A folder of three files, all of which are indexed, and of one that is not."""
    root = tmp_path / "lib"
    (root / "disk").mkdir(parents=True)
    for name in (*NAMES, "readme.txt"):
        (root / name).write_bytes(b"1")
    videos = [features(name) for name in NAMES]
    at = [dataclasses.replace(v, source=dataclasses.replace(v.source, uri=f"{root}/{v.video_id}")) for v in videos]
    commit(gallery, vectors, "R1", at)
    return root


def gone(gallery: Gallery, *folders: Path | str) -> list[str]:
    return sorted(missing(gallery, *folders).gone)


def missing(gallery: Gallery, *folders: Path | str) -> Missing:
    return missing_from([str(folder) for folder in folders], live_attempts(gallery))


def test_a_deleted_file_is_gone_from_its_folder_only(gallery: Gallery, lib: Path) -> None:
    (lib / "a.mp4").unlink()
    (lib / "disk" / "c.mp4").unlink()
    assert gone(gallery, lib) == ["a.mp4", "disk/c.mp4"]
    assert gone(gallery, f"file://{lib}/disk/../disk/") == ["disk/c.mp4"]
    assert gone(gallery, lib.parent / "li", lib.parent / "other") == []


def test_a_deleted_folder_is_gone_an_empty_one_may_be_a_disk(gallery: Gallery, lib: Path) -> None:
    shutil.rmtree(lib / "disk")
    assert gone(gallery, lib) == ["disk/b.mp4", "disk/c.mp4"]
    (lib / "disk").mkdir()
    assert missing(gallery, lib) == Missing({}, ["disk/b.mp4", "disk/c.mp4"])
    (lib / "disk").rmdir()
    (lib / "disk").symlink_to("/mnt/nowhere")
    assert missing(gallery, lib) == Missing({}, ["disk/b.mp4", "disk/c.mp4"])


def test_streams_are_outdated_where_their_file_was_indexed_anew(gallery: Gallery, vectors: VectorStore) -> None:
    def version(video_id: str, content: str, fingerprint: str) -> FrameFeatures:
        video = features(video_id, fingerprint=fingerprint)
        source = dataclasses.replace(video.source, uri="/videos/two.mp4")
        return dataclasses.replace(video, source=source, info=dataclasses.replace(video.info, content_sha256=content))

    def outdated() -> list[str]:
        return sorted(outdated_streams(ledger.read_attempts(gallery.root)))

    streams = [("two.mp4", "x"), ("two.mp4#1", "x#1"), ("two.mp4#2", "x#2"), ("other.mp4#1", "x")]
    commit(gallery, vectors, "R1", [version(video_id, content, "1-1") for video_id, content in streams])
    assert outdated() == []
    commit(gallery, vectors, "R2", [version("two.mp4", "y", "2-2")])
    assert outdated() == ["two.mp4#1", "two.mp4#2"]
    commit(gallery, vectors, "R3", [version("two.mp4#1", "y#1", "2-2")])
    assert outdated() == ["two.mp4#2"]
    failure = Failure("/videos/two.mp4", "two.mp4#2", "probe", "MediaError", "no size", fingerprint="2-2", time=4e9)
    record_failures([failure], gallery.root, "R4")
    assert outdated() == []


def test_nothing_is_gone_from_a_folder_that_is_not_there(gallery: Gallery, lib: Path) -> None:
    lib.rename(lib.parent / "elsewhere")
    with pytest.raises(UsageError) as caught:
        check_folders([str(lib)])
    assert str(caught.value) == f"{lib}: no such folder; is its disk mounted?"
    lib.mkdir()
    with pytest.raises(UsageError) as caught:
        check_folders([str(lib)])
    assert str(caught.value) == f"{lib}: is empty; is its disk mounted?"
    check_folders([str(lib.parent)])
    (lib / "my clips").mkdir()
    (lib / "my clips" / "a.mp4").touch()
    check_folders([f"file://{lib}/my%20clips"])


def test_of_an_object_store(gallery: Gallery, vectors: VectorStore) -> None:
    memory_files.FILES.clear()
    memory_files.FILES["mem://b/lib/a.mp4"] = b"1"
    videos = [features(name) for name in ("a.mp4", "b.mp4")]
    at = [dataclasses.replace(v, source=dataclasses.replace(v.source, uri=f"mem://b/lib/{v.video_id}")) for v in videos]
    commit(gallery, vectors, "R1", at)
    check_folders(["mem://b/lib"])
    assert gone(gallery, "mem://b/lib") == ["b.mp4"]
    with pytest.raises(UsageError) as caught:
        check_folders(["mem://b/other"])
    assert str(caught.value) == "mem://b/other: no such folder"


def test_what_is_pruned_leaves_both_stores_and_may_come_back(gallery: Gallery, vectors: VectorStore, lib: Path) -> None:
    attempts = live_attempts(gallery)
    prune(gallery, contextlib.nullcontext(vectors), "R2", {name: attempts[name] for name in NAMES[:2]})
    assert (set(read_videos(gallery)), vectors.count(), list(compare(gallery, vectors))) == ({"disk/c.mp4"}, 4, [])
    last = ledger.latest(ledger.read_attempts(gallery.root))["a.mp4"]
    assert (last.status, last.message) == ("removed", "pruned: its file is gone")
    commit(gallery, vectors, "R3", [features("a.mp4")])
    assert set(read_videos(gallery)) == {"a.mp4", "disk/c.mp4"}


def test_pruning_that_was_cut_off_is_finished_by_the_next_sweep(
    gallery: Gallery, vectors: VectorStore, lib: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def cut_off(video_ids: list[str]) -> None:
        raise InterruptedError

    gone = {"a.mp4": live_attempts(gallery)["a.mp4"]}
    with monkeypatch.context() as patch:
        patch.setattr(vectors, "delete_videos", cut_off)
        with pytest.raises(InterruptedError):
            prune(gallery, contextlib.nullcontext(vectors), "R2", gone)
    assert set(read_videos(gallery)) == {"disk/b.mp4", "disk/c.mp4"}
    sweep(gallery, ledger.read_attempts(gallery.root), contextlib.nullcontext(vectors), "R3")
    assert (vectors.count(), list(compare(gallery, vectors))) == (8, [])
