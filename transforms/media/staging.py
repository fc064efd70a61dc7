"""Remote files on bounded local scratch, because ffmpeg seeks and a stream cannot."""

from __future__ import annotations

import contextlib
import dataclasses
import fcntl
import hashlib
import os
import re
import shutil
import stat
import tempfile
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO

from cliptrace.schemas.config import Limits
from cliptrace.schemas.errors import MediaError

_CHUNK_BYTES = 4 << 20
_PREFIX = "cliptrace-"
_LOCK = ".in-use"
_REMOTE = re.compile(r"[a-zA-Z][-a-zA-Z0-9+.]*://")


@dataclasses.dataclass(slots=True)
class _Copy:
    """A staged file. size: bytes written so far. users: threads that read or write it. A copy without users may go."""

    path: Path
    size: int = 0
    users: int = 1
    complete: bool = False


class Scratch:
    """Local copies of remote files, the least recently used ones removed when there is no room; safe between threads.

    open_uri: opens a remote file for reading bytes. capacity_bytes: what all copies together may take. folder: where
    the scratch folder is made, by default the system's temporary folder; it is removed at exit, and that of a process
    that was killed by the next one.
    """

    def __init__(
        self, open_uri: Callable[[str], IO[bytes]], limits: Limits, *, capacity_bytes: int, folder: str | None = None
    ) -> None:
        self._open_uri = open_uri
        self._max_file_bytes = limits.max_file_bytes
        self._capacity_bytes = capacity_bytes
        self._folder = tempfile.TemporaryDirectory(prefix=_PREFIX, dir=folder)
        self._lock = _lock(Path(self._folder.name))
        _remove_left_over(Path(self._folder.name).parent)
        self._copies: OrderedDict[str, _Copy] = OrderedDict()
        self._changed = threading.Condition()
        self._waiting = 0

    def close(self) -> None:
        """Remove every copy."""
        self._folder.cleanup()
        self._lock.close()

    @contextlib.contextmanager
    def stage(self, uri: str, fingerprint: str = "") -> Iterator[str]:
        """The local path of ``uri``, valid inside the ``with``: the path itself where it is local, else a copy.

        The copy is shared by all who ask for the same ``uri`` and ``fingerprint``, at once or later. Do not nest: who
        holds one file while it asks for another may wait for itself.
        """
        if not _REMOTE.match(uri):
            yield uri
            return
        key = hashlib.sha256(f"{fingerprint} {uri}".encode()).hexdigest()
        copy, is_new = self._take(key, uri)
        try:
            if is_new:
                self._download(uri, copy)
            yield str(copy.path)
        finally:
            self._release(key, copy)

    def _take(self, key: str, uri: str) -> tuple[_Copy, bool]:
        """The copy of ``key``, with one user more, and whether it is yet to be downloaded by the caller."""
        with self._changed:
            while (copy := self._copies.get(key)) and not copy.complete:
                self._changed.wait()
            if copy:
                copy.users += 1
                self._copies.move_to_end(key)
                return copy, False
            # The suffix is kept: of raw streams it is all that tells the format.
            suffix = Path(uri).suffix if re.fullmatch(r"\.\w{1,8}", Path(uri).suffix) else ""
            copy = self._copies[key] = _Copy(Path(self._folder.name, key + suffix))
            return copy, True

    def _release(self, key: str, copy: _Copy) -> None:
        with self._changed:
            copy.users -= 1
            if not copy.complete:
                self._remove(key)
            self._changed.notify_all()

    def _download(self, uri: str, copy: _Copy) -> None:
        with self._open_uri(uri) as remote, copy.path.open("wb") as local:
            while chunk := remote.read(_CHUNK_BYTES):
                if copy.size + len(chunk) > self._max_file_bytes:
                    raise MediaError(f"file is too big: more than {self._max_file_bytes} bytes")
                self._make_room(copy, len(chunk))
                local.write(chunk)
        with self._changed:
            copy.complete = True
            self._changed.notify_all()

    def _make_room(self, copy: _Copy, size: int) -> None:
        """Count ``size`` bytes more for ``copy``: remove copies that nobody uses, then wait for those in use."""
        if copy.size + size > self._capacity_bytes:
            raise MediaError(f"file does not fit into the scratch space of {self._capacity_bytes} bytes")
        with self._changed:
            while sum(c.size for c in self._copies.values()) + size > self._capacity_bytes:
                idle = next((key for key, c in self._copies.items() if not c.users), None)
                if idle is not None:
                    self._remove(idle)
                    continue
                self._waiting += 1
                try:
                    if self._waiting == len(self._copies):
                        raise MediaError(
                            f"scratch space of {self._capacity_bytes} bytes is full of unfinished downloads: "
                            "enlarge it or use fewer threads"
                        )
                    self._changed.wait()
                finally:
                    self._waiting -= 1
            copy.size += size

    def _remove(self, key: str) -> None:
        self._copies.pop(key).path.unlink(missing_ok=True)


def _lock(folder: Path) -> IO[str]:
    """A file in the folder that is locked from when it has its name until this process closes it or ends."""
    file = (folder / f"{_LOCK}.new").open("w")
    with contextlib.suppress(OSError):  # a filesystem without locks, where nobody gets one
        fcntl.flock(file, fcntl.LOCK_EX)
    (folder / f"{_LOCK}.new").rename(folder / _LOCK)
    return file


def _remove_left_over(beside: Path) -> None:
    """Only real folders of this user: in a shared temporary folder others may lay links for us to follow."""
    for lock in beside.glob(f"{_PREFIX}*/{_LOCK}"):
        with contextlib.suppress(OSError):
            folder = lock.parent.lstat()
            if not stat.S_ISDIR(folder.st_mode) or folder.st_uid != os.getuid():
                continue
            with lock.open("r+") as file:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(lock.parent, ignore_errors=True)
