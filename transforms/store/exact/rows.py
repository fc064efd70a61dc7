"""The embeddings of a local gallery as one file that is mapped into memory. It is made from the shards, grows by what
is new, and may be thrown away at any time: Parquet stays the truth."""

from __future__ import annotations

import contextlib
import dataclasses
import fcntl
import os
import secrets
import tempfile
from collections.abc import Container, Iterable, Mapping, Sequence
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
_VERSION = b"1"
_PLACES = {"frames_file": pa.string(), "row_group": pa.int32(), "start": pa.int64()}
_SAMPLED = 3
"""Videos that are compared with Parquet whenever the file is opened."""
_OPENINGS = 5
"""Tries to open a file that others make anew meanwhile."""

Place = tuple[str, int]
"""Where Parquet has a video's keyframes: shard and row group. What is there stays what it is."""


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
    """What a file holds: where the rows of each place start. rows: in all."""

    path: Path
    starts: Mapping[Place, int]
    rows: int

    def lacks(self, videos: Iterable[StoredVideo]) -> list[StoredVideo]:
        return [video for video in videos if _place(video) not in self.starts]


def map_rows(gallery: Gallery) -> MappedRows:
    """The keyframes of all live videos of a gallery, as of now.

    Waits while another process adds to the file. Where the gallery cannot be written to, or is on an object store, the
    file is a temporary one.
    CliptraceError where Parquet cannot be read, or no file can be made at all.
    """
    if not files.is_local(gallery.root):
        return _temporary(gallery, _live(gallery))
    before: list[StoredVideo] | None = None
    for _ in range(_OPENINGS):
        videos = _live(gallery)
        try:
            if mapped := _opened(gallery, videos):
                return mapped
        except CliptraceError:
            if videos == before:
                raise
        before = videos  # shards may have been rewritten since they were listed
    return _temporary(gallery, _live(gallery))


def forget(gallery: Gallery) -> None:
    """Delete the file: it has rows of videos that were taken out. A search makes it anew."""
    if files.is_local(gallery.root):
        files.remove_folder(files.join(gallery.root, FOLDER))


def _live(gallery: Gallery) -> list[StoredVideo]:
    return sorted((video for video in read_videos(gallery).values() if video.keyframes), key=_place)


def _opened(gallery: Gallery, videos: Sequence[StoredVideo]) -> MappedRows | None:
    """None where others have made the file anew meanwhile, or it is not what Parquet says."""
    try:
        index = _read(gallery)
        if index is None or index.lacks(videos):
            index = _updated(gallery, videos)
        mapped = _mapped(_values(index.path, gallery, index.rows), index.starts, videos)
    except FileNotFoundError:
        return None
    except OSError:
        return _temporary(gallery, videos)
    if _agrees(mapped, gallery, videos):
        return mapped
    index.path.unlink(missing_ok=True)
    return None


def _place(video: StoredVideo) -> Place:
    return video.frames_file, video.row_group


def _bytes(gallery: Gallery, rows: int) -> int:
    return rows * gallery.manifest.dimension * np.dtype(np.float32).itemsize


def _values(file: Path | IO[bytes], gallery: Gallery, rows: int) -> NDArray[np.float32]:
    shape = rows, gallery.manifest.dimension
    return np.memmap(file, np.float32, "r", shape=shape) if rows else np.empty(shape, np.float32)


def _folder(gallery: Gallery) -> Path:
    return Path(gallery.root) / FOLDER


def _origin(gallery: Gallery) -> dict[bytes, bytes]:
    """Of which gallery, and of which shape, a file is."""
    manifest = gallery.manifest
    return {b"version": _VERSION, b"gallery": manifest.name.encode(), b"dimension": str(manifest.dimension).encode()}


def _read(gallery: Gallery) -> _Index | None:
    """None where there is none, or it is damaged or another gallery's, or its file is cut off."""
    try:
        table = pq.read_table(_folder(gallery) / _INDEX)
        told = table.schema.metadata
        columns = [table[name].to_pylist() for name in _PLACES]
        path, rows = _folder(gallery) / told[b"file"].decode(), int(told[b"rows"])
        whole = path.parent == _folder(gallery) and path.stat().st_size >= _bytes(gallery, rows)
    except (OSError, LookupError, ValueError, TypeError, pa.ArrowException):
        return None
    if not whole or {name: told.get(name) for name in _origin(gallery)} != _origin(gallery):
        return None
    return _Index(path, {(shard, group): start for shard, group, start in zip(*columns, strict=True)}, rows)


def _updated(gallery: Gallery, videos: Sequence[StoredVideo]) -> _Index:
    """With all of the videos. OSError where it cannot be written; FileNotFoundError where some were removed since they
    were listed."""
    folder = _folder(gallery)
    folder.mkdir(exist_ok=True)
    with (folder / _LOCK).open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        removed = removed_keys(gallery.home)
        if any(video_key(video.video_id) in removed for video in videos):
            raise FileNotFoundError
        index = _read(gallery)
        if index and not index.lacks(videos):
            return index
        if index is None or _mostly_gone(index, videos):
            index = _Index(folder / _ROWS.replace("*", secrets.token_hex(4)), {}, 0)
        for other in set(folder.glob(_ROWS)) - {index.path}:  # also what a writer that was killed has left
            other.unlink(missing_ok=True)
        missing = index.lacks(videos)
        starts = {**index.starts, **_written(index, gallery, missing)}
        index = _Index(index.path, starts, index.rows + sum(video.keyframes for video in missing))
        _write(gallery, index)
        return index


def _mostly_gone(index: _Index, videos: Sequence[StoredVideo]) -> bool:
    kept = sum(video.keyframes for video in videos if _place(video) in index.starts)
    return index.rows - kept > index.rows // 2 or not index.rows


def _written(index: _Index, gallery: Gallery, videos: Sequence[StoredVideo]) -> dict[Place, int]:
    """Adds the rows of the videos, or nothing: on a full disk, what was written is in the way."""
    end = _bytes(gallery, index.rows)
    try:
        with index.path.open("r+b" if index.rows else "xb") as file:
            file.truncate(end)
            file.seek(end)
            starts = _append(file, index.rows, gallery, videos)
            file.flush()
            os.fsync(file.fileno())
    except BaseException:
        with contextlib.suppress(OSError):
            os.truncate(index.path, end)
        if not index.rows:
            index.path.unlink(missing_ok=True)
        raise
    return starts


def _append(file: IO[bytes], start: int, gallery: Gallery, videos: Sequence[StoredVideo]) -> dict[Place, int]:
    """Where the rows of each video start, which are written behind ``start`` others."""
    reader, starts = FrameReader(gallery), {}
    for video in videos:
        rows = reader.read(video)[1]
        if len(rows) != video.keyframes:
            raise CliptraceError(f"{video.frames_file}: row group {video.row_group} has {len(rows)} keyframes")
        file.write(of_unit_length(rows).tobytes())
        starts[_place(video)] = start
        start += len(rows)
    return starts


def of_unit_length(rows: NDArray[np.float32]) -> NDArray[np.float32]:
    """Of float32[N, D]; what is zero stays so."""
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    return rows / np.maximum(lengths, np.finfo(np.float32).tiny)


def _write(gallery: Gallery, index: _Index) -> None:
    shards, groups = zip(*index.starts, strict=True) if index.starts else ((), ())
    columns = [
        pa.array(each, kind)
        for each, kind in zip((shards, groups, index.starts.values()), _PLACES.values(), strict=True)
    ]
    told = {**_origin(gallery), b"file": index.path.name.encode(), b"rows": str(index.rows).encode()}
    beside = _folder(gallery) / f".{secrets.token_hex(4)}.tmp"
    try:
        pq.write_table(pa.table(columns, list(_PLACES)).replace_schema_metadata(told), beside)
        beside.replace(_folder(gallery) / _INDEX)
    finally:
        beside.unlink(missing_ok=True)


def _mapped(values: NDArray[np.float32], starts: Mapping[Place, int], videos: Sequence[StoredVideo]) -> MappedRows:
    inside = sorted((starts[_place(video)], video.video_id, video.keyframes) for video in videos)
    return MappedRows(
        values,
        np.array([video_id for _, video_id, _ in inside], np.str_),
        np.array([start for start, _, _ in inside], np.int64),
        np.array([count for _, _, count in inside], np.int64),
    )


def _agrees(mapped: MappedRows, gallery: Gallery, videos: Sequence[StoredVideo]) -> bool:
    """Whether a few of the videos are as Parquet has them."""
    by_id, reader = {video.video_id: video for video in videos}, FrameReader(gallery)
    for position in np.unique(np.linspace(0, len(videos) - 1, _SAMPLED).astype(int)) if videos else ():
        start, count = mapped.starts[position], mapped.counts[position]
        stored = reader.read(by_id[str(mapped.video_ids[position])])[1]
        if not np.array_equal(mapped.values[start : start + count], of_unit_length(stored)):
            return False
    return True


def _temporary(gallery: Gallery, videos: Sequence[StoredVideo]) -> MappedRows:
    """In a file that is gone with this process."""
    rows = sum(video.keyframes for video in videos)
    try:
        with tempfile.TemporaryFile(prefix="cliptrace-") as file:
            starts = _append(file, 0, gallery, videos)
            file.flush()
            return _mapped(_values(file, gallery, rows), starts, videos)
    except OSError as error:
        raise CliptraceError(
            f"{gallery.root}: the file of an exact search can be written neither there nor in {tempfile.gettempdir()}: "
            f"{files.reason(error)}; make room for {_bytes(gallery, rows):,} bytes, or use --engine milvus"
        ) from error
