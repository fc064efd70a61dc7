"""The embeddings of a local gallery, or other rows of its videos, as one file that is mapped into memory. It is made
from the shards, grows by what is new, and may be thrown away at any time: Parquet stays the truth."""

from __future__ import annotations

import contextlib
import dataclasses
import fcntl
import operator
import os
import secrets
import tempfile
from collections.abc import Callable, Container, Iterable, Mapping, Sequence
from pathlib import Path
from typing import IO

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from cliptrace.schemas.errors import CliptraceError
from cliptrace.schemas.gallery import video_key
from cliptrace.transforms.store import files
from cliptrace.transforms.store.gallery import FrameReader, Gallery, StoredVideo, read_videos
from cliptrace.transforms.store.takedown import removed_keys

FOLDER = "exact"
_INDEX, _LOCK, _ROWS = "index.parquet", ".lock", "rows-*.f32"
_VERSION = b"2"
_PLACES = {"frames_file": pa.string(), "row_group": pa.int32(), "start": pa.int64(), "count": pa.int64()}
_SAMPLED = 3
"""Videos that are compared with Parquet whenever the file is opened."""
_OPENINGS = 5
"""Tries to open a file that others make anew meanwhile."""

Place = tuple[str, int]
"""Where Parquet has a video's keyframes: shard and row group. What is there stays what it is."""


@dataclasses.dataclass(frozen=True)
class Rows:
    """What is mapped of a gallery's videos. folder: of the file, below the gallery. dimension: of a row. read: the rows
    of a video, float32[N, D] of unit length; N may be 0. about: how many these are, or somewhat more. otherwise: what
    else a person may do who has no room for them."""

    gallery: Gallery
    folder: str
    dimension: int
    read: Callable[[FrameReader, StoredVideo], NDArray[np.float32]]
    about: Callable[[StoredVideo], int]
    otherwise: str = ""


@dataclasses.dataclass(frozen=True)
class MappedRows:
    """values: float32[N, D], of unit length, read from the file as they are needed. video_ids: of V videos, in the
    order of their rows; starts, counts: int64[V], which rows those are. The others are of videos that are gone."""

    values: NDArray[np.float32]
    video_ids: NDArray[np.str_]
    starts: NDArray[np.int64]
    counts: NDArray[np.int64]

    def places(self) -> dict[str, int]:
        """Number of each video, by id."""
        return {video_id: number for number, video_id in enumerate(self.video_ids.tolist())}

    def of(self, number: int) -> NDArray[np.float32]:
        """The rows of a video."""
        return self.values[self.starts[number] : self.starts[number] + self.counts[number]]

    def only(self, video_ids: Container[str]) -> MappedRows:
        """The rows of some of the videos."""
        some = [number for number, video_id in enumerate(self.video_ids.tolist()) if video_id in video_ids]
        return MappedRows(self.values, self.video_ids[some], self.starts[some], self.counts[some])


@dataclasses.dataclass(frozen=True)
class _Index:
    """What a file holds: where the rows of each place start, and how many there are. rows: in all."""

    path: Path
    places: Mapping[Place, tuple[int, int]]
    rows: int

    def lacks(self, videos: Iterable[StoredVideo]) -> list[StoredVideo]:
        return [video for video in videos if _place(video) not in self.places]


def map_rows(gallery: Gallery) -> MappedRows:
    """The keyframes of all live videos of a gallery, as of now; as ``map_all`` has them."""
    about, otherwise = operator.attrgetter("keyframes"), ", or use --engine milvus"
    return map_all(Rows(gallery, FOLDER, gallery.manifest.dimension, _keyframes, about, otherwise))


def _keyframes(reader: FrameReader, video: StoredVideo) -> NDArray[np.float32]:
    if not video.keyframes:
        return np.empty((0, 1), np.float32)
    rows = reader.read(video)[1]
    if len(rows) != video.keyframes:
        raise CliptraceError(f"{video.frames_file}: row group {video.row_group} has {len(rows)} keyframes")
    return of_unit_length(rows)


def map_all(rows: Rows) -> MappedRows:
    """Those of all live videos of a gallery that have any, as of now.

    Waits while another process adds to the file. Where the gallery cannot be written to, or is on an object store, the
    file is a temporary one.
    CliptraceError where Parquet cannot be read, or no file can be made at all.
    """
    gallery = rows.gallery
    if not files.is_local(gallery.root):
        return _temporary(rows, _live(gallery))
    before: list[StoredVideo] | None = None
    for _ in range(_OPENINGS):
        videos = _live(gallery)
        try:
            if mapped := _opened(rows, videos):
                return mapped
        except CliptraceError:
            if videos == before:
                raise
        before = videos  # shards may have been rewritten since they were listed
    return _temporary(rows, _live(gallery))


def forget(gallery: Gallery) -> None:
    """Delete the files: they have rows of videos that were taken out. A search makes them anew."""
    if files.is_local(gallery.root):
        files.remove_folder(files.join(gallery.root, FOLDER))


def _live(gallery: Gallery) -> list[StoredVideo]:
    return sorted(read_videos(gallery).values(), key=_place)


def _opened(rows: Rows, videos: Sequence[StoredVideo]) -> MappedRows | None:
    """None where others have made the file anew meanwhile, or it is not what Parquet says."""
    try:
        index = _read(rows)
        if index is None or index.lacks(videos):
            index = _updated(rows, videos)
        mapped = _mapped(_values(index.path, rows, index.rows), index.places, videos)
    except FileNotFoundError:
        return None
    except OSError:
        return _temporary(rows, videos)
    if _agrees(mapped, rows, videos):
        return mapped
    index.path.unlink(missing_ok=True)
    return None


def _place(video: StoredVideo) -> Place:
    return video.frames_file, video.row_group


def _bytes(rows: Rows, count: int) -> int:
    return count * rows.dimension * np.dtype(np.float32).itemsize


def _values(file: Path | IO[bytes], rows: Rows, count: int) -> NDArray[np.float32]:
    shape = count, rows.dimension
    return np.memmap(file, np.float32, "r", shape=shape) if count else np.empty(shape, np.float32)


def _folder(rows: Rows) -> Path:
    return Path(rows.gallery.root) / rows.folder


def _origin(rows: Rows) -> dict[bytes, bytes]:
    """Of which gallery, and of which shape, a file is."""
    name = rows.gallery.manifest.name
    return {b"version": _VERSION, b"gallery": name.encode(), b"dimension": str(rows.dimension).encode()}


def _read(rows: Rows) -> _Index | None:
    """None where there is none, or it is damaged or another gallery's, or its file is cut off."""
    try:
        table = pq.read_table(_folder(rows) / _INDEX)
        told = table.schema.metadata
        columns = [table[name].to_pylist() for name in _PLACES]
        path, count = _folder(rows) / told[b"file"].decode(), int(told[b"rows"])
        whole = path.parent == _folder(rows) and path.stat().st_size >= _bytes(rows, count)
    except (OSError, LookupError, ValueError, TypeError, pa.ArrowException):
        return None
    if not whole or {name: told.get(name) for name in _origin(rows)} != _origin(rows):
        return None
    places = {(shard, group): (start, length) for shard, group, start, length in zip(*columns, strict=True)}
    return _Index(path, places, count)


def _updated(rows: Rows, videos: Sequence[StoredVideo]) -> _Index:
    """With all of the videos. OSError where it cannot be written; FileNotFoundError where some were removed since they
    were listed."""
    folder = _folder(rows)
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / _LOCK).open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        removed = removed_keys(rows.gallery.home)
        if any(video_key(video.video_id) in removed for video in videos):
            raise FileNotFoundError
        index = _read(rows)
        if index and not index.lacks(videos):
            return index
        if index is None or _mostly_gone(index, videos):
            index = _Index(folder / _ROWS.replace("*", secrets.token_hex(4)), {}, 0)
        for other in set(folder.glob(_ROWS)) - {index.path}:  # also what a writer that was killed has left
            other.unlink(missing_ok=True)
        written = _written(index, rows, index.lacks(videos))
        count = index.rows + sum(length for _, length in written.values())
        index = _Index(index.path, {**index.places, **written}, count)
        _write(rows, index)
        return index


def _mostly_gone(index: _Index, videos: Sequence[StoredVideo]) -> bool:
    kept = sum(index.places[_place(video)][1] for video in videos if _place(video) in index.places)
    return index.rows - kept > index.rows // 2 or not index.rows


def _written(index: _Index, rows: Rows, videos: Sequence[StoredVideo]) -> dict[Place, tuple[int, int]]:
    """Adds the rows of the videos, or nothing: on a full disk, what was written is in the way."""
    end = _bytes(rows, index.rows)
    try:
        with index.path.open("r+b" if index.rows else "xb") as file:
            file.truncate(end)
            file.seek(end)
            places = _append(file, index.rows, rows, videos)
            file.flush()
            os.fsync(file.fileno())
    except BaseException:
        with contextlib.suppress(OSError):
            os.truncate(index.path, end)
        if not index.rows:
            index.path.unlink(missing_ok=True)
        raise
    return places


def _append(file: IO[bytes], start: int, rows: Rows, videos: Sequence[StoredVideo]) -> dict[Place, tuple[int, int]]:
    """Where the rows of each video start, which are written behind ``start`` others, and how many there are."""
    reader, places = FrameReader(rows.gallery), {}
    for video in videos:
        found = rows.read(reader, video)
        file.write(found.tobytes())
        places[_place(video)] = (start, len(found))
        start += len(found)
    return places


def of_unit_length(rows: NDArray[np.float32]) -> NDArray[np.float32]:
    """Of float32[N, D]; what is zero stays so."""
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    return rows / np.maximum(lengths, np.finfo(np.float32).tiny)


def _write(rows: Rows, index: _Index) -> None:
    columns = zip(*(place + where for place, where in index.places.items()), strict=True) if index.places else [()] * 4
    table = pa.table([*columns], pa.schema(_PLACES))
    told = {**_origin(rows), b"file": index.path.name.encode(), b"rows": str(index.rows).encode()}
    beside = _folder(rows) / f".{secrets.token_hex(4)}.tmp"
    try:
        pq.write_table(table.replace_schema_metadata(told), beside)
        beside.replace(_folder(rows) / _INDEX)
    finally:
        beside.unlink(missing_ok=True)


def _mapped(
    values: NDArray[np.float32], places: Mapping[Place, tuple[int, int]], videos: Sequence[StoredVideo]
) -> MappedRows:
    inside = sorted((*places[_place(video)], video.video_id) for video in videos if places[_place(video)][1])
    return MappedRows(
        values,
        np.array([video_id for _, _, video_id in inside], np.str_),
        np.array([start for start, _, _ in inside], np.int64),
        np.array([count for _, count, _ in inside], np.int64),
    )


def _agrees(mapped: MappedRows, rows: Rows, videos: Sequence[StoredVideo]) -> bool:
    """Whether a few of the videos are as Parquet has them."""
    by_id, reader, last = {video.video_id: video for video in videos}, FrameReader(rows.gallery), len(mapped.starts) - 1
    for position in np.unique(np.linspace(0, last, _SAMPLED).astype(int)) if last >= 0 else ():
        stored = rows.read(reader, by_id[str(mapped.video_ids[position])])
        if not np.array_equal(mapped.of(position), stored):
            return False
    return True


def _temporary(rows: Rows, videos: Sequence[StoredVideo]) -> MappedRows:
    """In a file that is gone with this process."""
    try:
        with tempfile.TemporaryFile(prefix="cliptrace-") as file:
            places = _append(file, 0, rows, videos)
            file.flush()
            return _mapped(_values(file, rows, sum(count for _, count in places.values())), places, videos)
    except OSError as error:
        raise CliptraceError(
            f"{rows.gallery.root}: the file of an exact search can be written neither there nor in "
            f"{tempfile.gettempdir()}: {files.reason(error)}; make room for "
            f"{_bytes(rows, sum(map(rows.about, videos))):,} bytes{rows.otherwise}"
        ) from error
