"""Remote files on bounded scratch."""

from __future__ import annotations

import io
import os
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import IO

import pytest

from cliptrace.schemas.config import Limits
from cliptrace.schemas.errors import MediaError
from cliptrace.transforms.media.staging import Scratch


class Bucket:
    """Remote files in memory; remembers what was opened."""

    def __init__(self, **files: bytes) -> None:
        self.files = files
        self.opened: list[str] = []

    def open(self, uri: str) -> IO[bytes]:
        self.opened.append(uri)
        return io.BytesIO(self.files[uri.removeprefix("gs://b/").partition(".")[0]])


def scratch(bucket: Bucket, capacity_bytes: int = 100, **limits: int) -> Scratch:
    return Scratch(bucket.open, Limits(**limits), capacity_bytes=capacity_bytes)  # type: ignore[arg-type]


def test_local_paths_are_left_alone() -> None:
    bucket = Bucket()
    with scratch(bucket).stage("/videos/a b.mp4") as path:
        assert path == "/videos/a b.mp4"
    assert bucket.opened == []


def test_a_remote_file_is_downloaded_once_a_fingerprint() -> None:
    bucket = Bucket(a=b"content")
    cache = scratch(bucket)
    for fingerprint, downloads in [("1", 1), ("1", 1), ("2", 2)]:
        with cache.stage("gs://b/a.mp4", fingerprint) as path:
            assert Path(path).read_bytes() == b"content"
            assert Path(path).suffix == ".mp4"
        assert len(bucket.opened) == downloads


def test_threads_share_one_download() -> None:
    bucket = Bucket(a=b"content")
    cache = scratch(bucket)

    def read(_: int) -> bytes:
        with cache.stage("gs://b/a") as path:
            return Path(path).read_bytes()

    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(read, range(50))) == {b"content"}
    assert len(bucket.opened) == 1


def test_the_least_recently_used_copy_goes_first() -> None:
    bucket = Bucket(a=b"a" * 40, b=b"b" * 40, c=b"c" * 40)
    cache = scratch(bucket)
    for name in "abac":
        with cache.stage(f"gs://b/{name}"):
            pass
    bucket.opened.clear()
    for name in "acb":
        with cache.stage(f"gs://b/{name}"):
            pass
    assert bucket.opened == ["gs://b/b"]


def test_a_file_in_use_stays_and_others_wait_for_it() -> None:
    bucket = Bucket(a=b"a" * 60, b=b"b" * 60)
    cache = scratch(bucket)
    done = threading.Event()

    def use_b() -> None:
        with cache.stage("gs://b/b"):
            done.set()

    with cache.stage("gs://b/a") as path:
        waiter = threading.Thread(target=use_b)
        waiter.start()
        assert not done.wait(0.2)
        assert Path(path).read_bytes() == b"a" * 60
    waiter.join(5)
    assert done.is_set()
    assert not Path(path).exists()


def test_downloads_that_would_wait_for_each_other_fail() -> None:
    bucket = Bucket(a=b"a" * 100, b=b"b" * 100)
    cache = scratch(bucket)
    both = threading.Barrier(2, timeout=5)

    class Slow(io.BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            if self.tell() == 50:
                both.wait()
                time.sleep(0.05)
            return super().read(50)

    cache._open_uri = lambda uri: Slow(bucket.open(uri).read())

    def stage(name: str) -> str:
        try:
            with cache.stage(f"gs://b/{name}"):
                return "staged"
        except MediaError as error:
            return str(error)

    with ThreadPoolExecutor(2) as pool:
        outcomes = sorted(pool.map(stage, "ab"))
    assert outcomes == [
        "scratch space of 100 bytes is full of unfinished downloads: enlarge it or use fewer threads",
        "staged",
    ]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"max_file_bytes": 6}, "file is too big: more than 6 bytes"),
        ({"capacity_bytes": 6}, "file does not fit into the scratch space of 6 bytes"),
    ],
)
def test_what_is_too_big_is_refused_and_leaves_nothing(options: dict[str, int], message: str, tmp_path: Path) -> None:
    capacity_bytes = options.pop("capacity_bytes", 100)
    cache = Scratch(Bucket(a=b"content").open, Limits(**options), capacity_bytes=capacity_bytes, folder=str(tmp_path))  # type: ignore[arg-type]
    with pytest.raises(MediaError) as error, cache.stage("gs://b/a"):
        pass
    assert str(error.value) == message
    assert [path for path in tmp_path.rglob("[!.]*") if path.is_file()] == []


def test_a_failed_download_is_tried_again() -> None:
    bucket = Bucket()
    cache = scratch(bucket)
    with pytest.raises(KeyError), cache.stage("gs://b/a"):
        pass
    bucket.files["a"] = b"content"
    with cache.stage("gs://b/a") as path:
        assert Path(path).read_bytes() == b"content"


def test_close_removes_everything(tmp_path: Path) -> None:
    cache = Scratch(Bucket(a=b"content").open, Limits(), capacity_bytes=100, folder=str(tmp_path))
    with cache.stage("gs://b/a"):
        assert len(list(tmp_path.iterdir())) == 1
    cache.close()
    assert list(tmp_path.iterdir()) == []


def test_what_a_killed_process_left_is_removed_by_the_next(tmp_path: Path) -> None:
    script = (
        "import sys; from cliptrace.schemas.config import Limits\n"
        "from cliptrace.transforms.media.staging import Scratch\n"
        "scratch = Scratch(None, Limits(), capacity_bytes=1, folder=sys.argv[1])\n"
        "print('made', flush=True); sys.stdin.read()"
    )
    command = [sys.executable, "-c", script, str(tmp_path)]
    root = Path(__file__).parents[4]
    (tmp_path / "cliptrace-mine").mkdir()
    with subprocess.Popen(command, cwd=root, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "made\n"
        for alive, folders in ((True, 3), (False, 2)):
            if not alive:
                other.kill()
                other.wait()
            cache = Scratch(Bucket().open, Limits(), capacity_bytes=1, folder=str(tmp_path))
            assert len(list(tmp_path.iterdir())) == folders
            cache.close()
    assert [path.name for path in tmp_path.iterdir()] == ["cliptrace-mine"]


def test_what_others_link_to_is_left_alone(tmp_path: Path) -> None:
    ours, theirs = tmp_path / "documents", tmp_path / "scratch"
    ours.mkdir()
    theirs.mkdir()
    ours.joinpath(".in-use").write_text("kept")
    ours.joinpath("letter.txt").write_text("kept")
    theirs.joinpath("cliptrace-link").symlink_to(ours)
    Scratch(Bucket().open, Limits(), capacity_bytes=1, folder=str(theirs)).close()
    assert {path.name: path.read_text() for path in ours.iterdir()} == {".in-use": "kept", "letter.txt": "kept"}


@pytest.mark.skipif(os.getuid() != 0, reason="only root can give a folder to somebody else")
def test_a_folder_of_another_user_is_left_alone(tmp_path: Path) -> None:
    target, folder = tmp_path / "target", tmp_path / "cliptrace-theirs"
    target.write_text("kept")
    folder.mkdir()
    folder.joinpath(".in-use").symlink_to(target)
    os.chown(folder, 12345, 12345)
    Scratch(Bucket().open, Limits(), capacity_bytes=1, folder=str(tmp_path)).close()
    assert target.read_text() == "kept"
    assert folder.is_dir()
