"""One gallery: opening it, committing videos to both stores, and reading them back."""

from __future__ import annotations

import contextlib
import dataclasses
import fcntl
import hashlib
import threading
from collections import OrderedDict
from collections.abc import Container, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from cliptrace.schemas.errors import CliptraceError, UsageError
from cliptrace.schemas.gallery import (
    DESCRIPTOR,
    FORMAT_VERSION,
    VIDEOS,
    GalleryManifest,
    clips_path,
    clips_schema,
    described_by,
    frames_schema,
    generation_of,
    part_path,
    video_key,
    videos_schema,
)
from cliptrace.schemas.records import FrameFeatures
from cliptrace.transforms.store import files, ledger
from cliptrace.transforms.store.builds import home_of, read_pointer, root_of
from cliptrace.transforms.store.embedded import StoredFrames
from cliptrace.transforms.store.files import is_local
from cliptrace.transforms.store.takedown import removed_keys
from cliptrace.transforms.store.vectors import VectorStore

MANIFEST = "gallery.json"


@dataclasses.dataclass(frozen=True, slots=True)
class Gallery:
    """Where a gallery is and what it holds. Small and picklable: workers open the stores themselves.

    root: the folder of the build that answers. home: the folder of the gallery, with its lock and its tombstones; the
    same until the gallery is made anew with other models (transforms/store/builds.py).
    """

    root: str
    manifest: GalleryManifest
    home: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "root", files.absolute(self.root))
        object.__setattr__(self, "home", files.absolute(self.home or self.root))

    @classmethod
    def load(cls, root: str) -> Gallery | None:
        """The gallery at ``root``, None where there is none."""
        root = files.local_path(root)
        if not files.exists(files.join(root, MANIFEST)):
            return None
        return cls.at(root_of(root, read_pointer(root).build), home_of(root, MANIFEST))

    @classmethod
    def at(cls, root: str, home: str) -> Gallery:
        """The build in the folder ``root`` of the gallery ``home``."""
        path = files.join(root, MANIFEST)
        try:
            data = files.read_bytes(path)
        except OSError as error:
            raise CliptraceError(f"{path}: cannot be read: {files.reason(error)}") from error
        return cls(root, GalleryManifest.from_json(data.decode(errors="replace"), path), home)

    @classmethod
    def create(cls, root: str, manifest: GalleryManifest) -> Gallery:
        root = files.local_path(root)
        if not manifest.milvus and not is_local(root):
            raise UsageError(f"{root}: the embedded Milvus needs a local gallery; name a server with --milvus URI")
        files.write_bytes(files.join(root, MANIFEST), manifest.to_json().encode())
        return cls(root, manifest)

    @property
    def vectors_address(self) -> str:
        return self.manifest.milvus or str(Path(self.root).resolve() / "milvus.db")

    def vectors(self) -> contextlib.AbstractContextManager[VectorStore]:
        return VectorStore.open(self.vectors_address, self.manifest)

    def migrated(self) -> Gallery:
        """In the current format. Only for who holds the gallery, and before anything is written that an older cliptrace
        would misread."""
        if self.manifest.format_version == FORMAT_VERSION:
            return self
        manifest = dataclasses.replace(self.manifest, format_version=FORMAT_VERSION)
        return dataclasses.replace(Gallery.create(self.root, manifest), home=self.home)


@contextlib.contextmanager
def locked(root: str) -> Iterator[None]:
    """Hold a local gallery, made or yet to be made, for this process. CliptraceError at once where another one does.

    One on an object store has no lock: its writers must be scheduled.
    """
    root = files.local_path(root)
    if not is_local(root):
        yield
        return
    with contextlib.ExitStack() as stack:
        try:
            Path(root).mkdir(parents=True, exist_ok=True)
            lock = stack.enter_context((Path(root) / ".lock").open("w"))
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise CliptraceError(
                f"{root}: another process uses this gallery; wait for it (with a Milvus server, searches need not)"
            ) from None
        except OSError as error:
            raise CliptraceError(f"{root}: cannot be locked: {files.reason(error)}") from error
        yield


def commit(gallery: Gallery, vectors: VectorStore, run: str, videos: Sequence[FrameFeatures]) -> dict[str, str]:
    """Write videos to Parquet, to Milvus, and only then to the ledger. Returns those that Milvus refuses, and why.

    May run twice with the same videos: names and keys follow from them, so the second time overwrites the first. What
    an earlier version of a video left in Milvus goes last: whoever counts never misses a row that the ledger names.
    Of a video that is refused the gallery keeps what it had.
    """
    part = part_name([video.video_id for video in videos])
    frames_file = part_path("frames", run, part)
    _write_frames(gallery, frames_file, videos, ())
    generation = generation_of(run, part)
    refused = vectors.replace(videos, generation)
    if refused:
        rewrite(gallery, vectors, refused)  # the attempt to replace them may have spoiled what was there
        _write_frames(gallery, frames_file, videos, refused)
    rows = [_video_row(v, frames_file, row_group) for row_group, v in enumerate(videos) if v.video_id not in refused]
    write_videos(gallery, run, part, rows)
    stored = [video for video in videos if video.video_id not in refused]
    ledger.write_indexed(gallery.root, run, part, stored, generation)
    vectors.delete_older([video.video_id for video in stored], generation)
    return refused


def weight_of(video: FrameFeatures) -> int:
    """What of a commit a video fills: its keyframes or its clip features, whichever are more."""
    return max(len(video.times), 0 if video.clips is None else len(video.clips))


def read_rows(gallery: Gallery, commit: ledger.Commit, columns: list[str] | None = None) -> list[dict[str, Any]]:
    """Of the videos that a commit has stored, all columns of ``videos_schema`` or some; descriptors only where they are
    those that the gallery has now."""
    schema = videos_schema(gallery.manifest)
    table = files.read_table(files.join(gallery.root, part_path("videos", *commit)), columns, schema)
    rows: list[dict[str, Any]] = table.to_pylist()
    if described_by(table.schema) != gallery.manifest.descriptor:
        return [{**row, DESCRIPTOR.name: None} for row in rows]
    return rows


def write_videos(gallery: Gallery, run: str, part: str, rows: Sequence[Mapping[str, Any]]) -> None:
    """The shard of a commit, of rows as ``read_rows`` has them."""
    schema = videos_schema(gallery.manifest)
    table = pa.Table.from_pylist(rows, schema=schema)
    files.write_tables(files.join(gallery.root, part_path("videos", run, part)), schema, [table])


def rewrite(gallery: Gallery, vectors: VectorStore, video_ids: Container[str]) -> None:
    """Upsert keyframes of live videos from Parquet. CliptraceError where Milvus refuses them."""
    live, reader = live_attempts(gallery), FrameReader(gallery)
    for commit, owners in ledger.by_commit(live[video_id] for video_id in live if video_id in video_ids).items():
        descriptors = stored_descriptors(gallery, commit)
        for video in read_shard(gallery, *commit, owners):
            clips = reader.clips(video) if gallery.manifest.clips_collection else None
            stored = StoredFrames(video.video_id, *reader.read(video), descriptors.get(video.video_id), clips)
            if refused := vectors.replace([stored], live[video.video_id].generation):
                raise CliptraceError(f"{gallery.vectors_address}: video {video.video_id!r}: {refused[video.video_id]}")


def stored_descriptors(gallery: Gallery, commit: ledger.Commit) -> dict[str, NDArray[np.float32]]:
    """Of the videos that a commit has stored, by id; where the gallery has none, without a look."""
    if gallery.manifest.descriptor is None:
        return {}
    rows = read_rows(gallery, commit, ["video_id", DESCRIPTOR.name])
    return {row["video_id"]: np.array(found, np.float32) for row in rows if (found := row[DESCRIPTOR.name])}


def part_name(video_ids: Sequence[str]) -> str:
    return "part-" + hashlib.sha256("\0".join(sorted(video_ids)).encode()).hexdigest()[:16]


@dataclasses.dataclass(frozen=True, slots=True)
class StoredVideo:
    """A live gallery video and the place of its keyframes. streams: as in ``schemas.gallery.VIDEOS``; () for null."""

    video_id: str
    uri: str
    metadata: Mapping[str, str]
    decoded_s: float
    keyframes: int
    frames_file: str
    row_group: int
    size_bytes: int
    content_sha256: str
    streams: tuple[int, ...] = ()
    width: int = 0
    height: int = 0

    @classmethod
    def of(cls, row: Mapping[str, Any]) -> StoredVideo:
        """row: of ``schemas.gallery.VIDEOS``, which may have more."""
        values = {field.name: row[field.name] for field in dataclasses.fields(cls)}
        return cls(**{**values, "metadata": dict(row["metadata"]), "streams": tuple(row["streams"] or ())})

    @property
    def stream(self) -> int | None:
        """Which video stream it is of a file that has several; else None."""
        return self.streams[0] if self.streams else None

    @property
    def own_stream(self) -> int | None:
        """The same where it is not the one that players show, whose content is the file's."""
        return self.stream if "#" in self.content_sha256 else None


def live_attempts(gallery: Gallery) -> dict[str, ledger.Attempt]:
    """Every video that answers may name, by id: stored, and not removed."""
    removed = removed_keys(gallery.home)
    stored = ledger.live(ledger.read_attempts(gallery.root))
    return {video_id: attempt for video_id, attempt in stored.items() if video_key(video_id) not in removed}


def read_videos(gallery: Gallery) -> dict[str, StoredVideo]:
    """Every live video, by id."""

    def read() -> dict[str, StoredVideo]:
        commits = ledger.by_commit(live_attempts(gallery).values())
        videos = (video for commit, owners in sorted(commits.items()) for video in read_shard(gallery, *commit, owners))
        return {video.video_id: video for video in videos}

    return ledger.steadily(gallery.root, read)


def read_shard(gallery: Gallery, run: str, part: str, video_ids: Container[str]) -> list[StoredVideo]:
    """Those of the videos that this commit has stored."""
    columns = [field.name for field in dataclasses.fields(StoredVideo)]
    rows = files.read_table(files.join(gallery.root, part_path("videos", run, part)), columns, VIDEOS).to_pylist()
    return [StoredVideo.of(row) for row in rows if row["video_id"] in video_ids]


def check_vectors(gallery: Gallery, vectors: VectorStore, others: Container[str] = ()) -> None:
    """CliptraceError where the vector store has lost embeddings of live videos, those of ``others`` aside.

    It may hold more than the ledger names: a commit goes to it first.
    """
    videos: dict[str, StoredVideo] = {}
    while True:
        before, videos = videos, read_videos(gallery)
        expected = sum(video.keyframes for video in videos.values() if video.video_id not in others)
        missing = expected - vectors.count()
        if missing <= 0:
            return
        if videos == before:  # else a video may have been removed between the two looks
            raise CliptraceError(
                f"{gallery.vectors_address}: {missing:,} of {expected:,} embeddings are missing; "
                f"mend it with cliptrace gallery verify --repair --gallery {gallery.home}"
            )


class FrameReader:
    """Keyframes and clip features of stored videos, read a row group at a time; the last files stay open. Safe between
    threads."""

    def __init__(self, gallery: Gallery, open_files: int = 8) -> None:
        self._gallery, self._open_files = gallery, open_files
        self._files: OrderedDict[str, Any] = OrderedDict()
        self._lock = threading.Lock()

    def read(self, video: StoredVideo) -> tuple[NDArray[np.float64], NDArray[np.float32]]:
        """times float64[K] in seconds, embeddings float32[K, D] of a video. CliptraceError where they are damaged."""
        table = self._table(video, video.frames_file, ["video_id", "time", "embedding"])
        embeddings = _vectors(table, "embedding", self._gallery.manifest.dimension, video.frames_file, video)
        return _numbers(table, "time", np.dtype(np.float64), video.frames_file), embeddings

    def clips(self, video: StoredVideo) -> NDArray[np.float32]:
        """Clip features of a video, float32[S, D], where the gallery has any. CliptraceError where they are damaged."""
        assert self._gallery.manifest.moments
        path = clips_path(video.frames_file)
        table = self._table(video, path, ["video_id", "clip"])
        return _vectors(table, "clip", self._gallery.manifest.moments.dimension, path, video)

    def pictures(self, video: StoredVideo) -> tuple[bytes, ...]:
        """Of a video's keyframes, as ``FrameFeatures`` has them; none where the gallery is older than they are."""
        table = self._table(video, video.frames_file, ["video_id", "picture"])
        found: list[bytes | None] = table["picture"].to_pylist() if "picture" in table.column_names else []
        pictures = tuple(picture for picture in found if picture is not None)
        return pictures if len(pictures) == len(found) else ()

    def scores(self, video: StoredVideo) -> NDArray[np.float32]:
        """Of a video's keyframes, float32[K]."""
        table = self._table(video, video.frames_file, ["video_id", "score"])
        return _numbers(table, "score", np.dtype(np.float32), video.frames_file)

    def _table(self, video: StoredVideo, path: str, columns: list[str]) -> pa.Table:
        """Columns of the rows of a video, of which "video_id" is one. path: below the gallery."""
        try:
            with self._lock:
                table = self._row_group(path, video.row_group, columns)
            table.validate(full=True)
            owners = set(table["video_id"].to_pylist())
        except (OSError, ValueError, LookupError, TypeError, pa.ArrowException) as error:
            raise CliptraceError(f"{path}: cannot be read: {files.reason(error)}") from error
        if owners != {video.video_id}:
            raise CliptraceError(f"{path}: row group {video.row_group} does not hold video {video.video_id!r}")
        return table

    def _row_group(self, path: str, number: int, columns: list[str]) -> pa.Table:
        with contextlib.suppress(OSError, LookupError, pa.ArrowException):
            return self._open(path).read_row_group(number, columns=columns)
        if stale := self._files.pop(path, None):  # the file may have been rewritten since it was opened
            stale.close(force=True)
        return self._open(path).read_row_group(number, columns=columns)

    def _open(self, path: str) -> Any:
        if path not in self._files:
            source = files.open_bytes(files.join(self._gallery.root, path))
            self._files[path] = pq.ParquetFile(pa.PythonFile(source, mode="r"))
            if len(self._files) > self._open_files:
                self._files.popitem(last=False)[1].close(force=True)
        self._files.move_to_end(path)
        return self._files[path]


def _numbers(table: pa.Table, name: str, dtype: np.dtype[Any], path: str) -> NDArray[Any]:
    """dtype[N] of a column. path: of the table, for the error message."""
    try:
        return np.asarray(table[name].to_numpy(), dtype)
    except (ValueError, LookupError, TypeError) as error:
        raise CliptraceError(f"{path}: cannot be read: {files.reason(error)}") from error


def _vectors(table: pa.Table, name: str, dimension: int, path: str, video: StoredVideo) -> NDArray[np.float32]:
    """float32[N, D] of a column. path: of the table, for the error message."""
    try:
        column = table[name].combine_chunks()
        if not pa.types.is_fixed_size_list(column.type):
            raise ValueError(f"its {name}s are {column.type}")
        numbers = column.flatten().to_numpy().astype(np.float32, copy=False)
        vectors = numbers.reshape(len(table), dimension)
    except (ValueError, LookupError, pa.ArrowException) as error:
        raise CliptraceError(f"{path}: cannot be read: {files.reason(error)}") from error
    if not np.isfinite(vectors).all():
        raise CliptraceError(f"{path}: row group {video.row_group} has {name}s that are not finite")
    return vectors


def _write_frames(gallery: Gallery, frames_file: str, videos: Sequence[FrameFeatures], without: Container[str]) -> None:
    """The shards of keyframes, and of clip features where the gallery has them; nothing of the videos ``without``."""
    shards = [(frames_file, frames_schema(gallery.manifest), _frames_table)]
    if gallery.manifest.moments:
        shards.append((clips_path(frames_file), clips_schema(gallery.manifest.moments), _clips_table))
    for path, schema, table_of in shards:
        tables = [schema.empty_table() if v.video_id in without else table_of(v, schema) for v in videos]
        files.write_tables(files.join(gallery.root, path), schema, tables)


def _frames_table(video: FrameFeatures, schema: pa.Schema) -> pa.Table:
    columns = [
        pa.array([video.video_id] * len(video.times), pa.string()),
        pa.array(video.times, pa.float64()),
        pa.array(video.scores, pa.float32()),
        _lists(video.embeddings, schema.field("embedding")),
        pa.array(video.pictures or [None] * len(video.times), pa.binary()),
    ]
    return pa.Table.from_arrays(columns, schema=schema)


def _clips_table(video: FrameFeatures, schema: pa.Schema) -> pa.Table:
    assert video.clips is not None
    ids = pa.array([video.video_id] * len(video.clips), pa.string())
    return pa.Table.from_arrays([ids, _lists(video.clips, schema.field("clip"))], schema=schema)


def _lists(rows: NDArray[Any], field: pa.Field) -> pa.Array:
    """float[N, D] as float16."""
    lists = pa.FixedSizeListArray.from_arrays(pa.array(rows.astype(np.float16, copy=False).ravel()), type=field.type)
    assert lists.type.list_size == rows.shape[1]
    return lists


def _video_row(video: FrameFeatures, frames_file: str, row_group: int) -> dict[str, Any]:
    return {
        **dataclasses.asdict(video.info),
        "video_id": video.video_id,
        "uri": video.source.uri,
        "metadata": list(video.source.metadata.items()),
        "decoded_s": video.decoded_s,
        "partial": video.partial,
        "warning": video.warning,
        "fingerprint": video.source.fingerprint,
        "keyframes": len(video.times),
        "frames_file": frames_file,
        "row_group": row_group,
        "streams": [video.info.stream, *video.info.others] if video.info.others else None,
        "descriptor": None if video.descriptor is None else list(video.descriptor.astype(np.float16)),
    }
