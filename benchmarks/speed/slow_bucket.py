"""slow://: a local folder that answers like an object store, where every request takes its time."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from apache_beam.io.filesystem import BeamIOError, FileMetadata, FileSystem

LATENCY_S = 0.02
"""Of one request. Object stores take 10 to 50 ms."""
PAGE = 1000
"""Objects that one request lists."""


class SlowBucket(FileSystem):
    """slow://a/b is the local file /a/b. There are no folders, only names with slashes."""

    @classmethod
    def scheme(cls) -> str:
        return "slow"

    def join(self, basepath: str, *paths: str) -> str:
        return "/".join([basepath.rstrip("/"), *(path.strip("/") for path in paths)])

    def split(self, path: str) -> tuple[str, str]:
        folder, _, name = path.rpartition("/")
        return folder, name

    def mkdirs(self, path: str) -> None:
        raise OSError("object stores have no folders")

    def has_dirs(self) -> bool:
        return False

    def _list(self, dir_or_prefix: str) -> Iterator[FileMetadata]:
        prefix = _local(dir_or_prefix)
        number = 0
        for root, _, names in os.walk(Path(prefix).parent if not prefix.endswith("/") else prefix):
            for name in names:
                path = os.path.join(root, name)  # noqa: PTH118 - of a million names
                if path.startswith(prefix):
                    if number % PAGE == 0:
                        time.sleep(LATENCY_S)
                    number += 1
                    yield _metadata(path)

    def create(self, path: str, mime_type: str = "", compression_type: str = "") -> Any:
        time.sleep(LATENCY_S)
        local = Path(_local(path))
        local.parent.mkdir(parents=True, exist_ok=True)
        return local.open("wb")

    def open(self, path: str, mime_type: str = "", compression_type: str = "") -> Any:
        time.sleep(LATENCY_S)
        return Path(_local(path)).open("rb")

    def copy(self, source_file_names: list[str], destination_file_names: list[str]) -> None:
        raise NotImplementedError

    def rename(self, source_file_names: list[str], destination_file_names: list[str]) -> None:
        for source, destination in zip(source_file_names, destination_file_names, strict=True):
            time.sleep(LATENCY_S)
            Path(_local(source)).rename(_local(destination))

    def exists(self, path: str) -> bool:
        time.sleep(LATENCY_S)
        return Path(_local(path)).is_file()

    def size(self, path: str) -> int:
        return int(self.metadata(path).size_in_bytes)

    def last_updated(self, path: str) -> float:
        return float(self.metadata(path).last_updated_in_seconds)

    def checksum(self, path: str) -> str:
        return str(self.size(path))

    def metadata(self, path: str) -> FileMetadata:
        time.sleep(LATENCY_S)
        try:
            return _metadata(_local(path))
        except OSError as error:
            raise BeamIOError("no such object", {path: error}) from error

    def delete(self, paths: list[str]) -> None:
        for path in paths:
            time.sleep(LATENCY_S)
            Path(_local(path)).unlink()


def _local(path: str) -> str:
    return "/" + path.removeprefix("slow://")


def _metadata(path: str) -> FileMetadata:
    status = os.stat(path)  # noqa: PTH116 - of a million names
    return FileMetadata("slow://" + path.removeprefix("/"), status.st_size, status.st_mtime)
