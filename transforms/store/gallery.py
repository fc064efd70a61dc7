"""One gallery: opening it, committing videos to both stores, and reading them back."""

from __future__ import annotations

import contextlib
import dataclasses
import fcntl
import hashlib
import threading
from collections import OrderedDict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from schemas.errors import CliptraceError, UsageError
from schemas.gallery import VIDEOS, GalleryManifest, frames_schema, part_path
from schemas.records import FrameFeatures
from transforms.store import files, ledger
from transforms.store.files import is_local
from transforms.store.vectors import VectorStore

MANIFEST = "gallery.json"


@dataclasses.dataclass(frozen=True, slots=True)
class Gallery:
    """Where a gallery is and what it holds. Small and picklable: workers open the stores themselves."""

    root: str
    manifest: GalleryManifest

    @classmethod
    def load(cls, root: str) -> Gallery | None:
        """The gallery at ``root``, None where there is none."""
        root = root.removeprefix("file://")
        path = files.join(root, MANIFEST)
        if not files.exists(path):
            return None
        try:
            data = files.read_bytes(path)
        except OSError as error:
            raise CliptraceError(f"{path}: cannot be read: {files.reason(error)}") from error
        return cls(root, GalleryManifest.from_json(data.decode(errors="replace"), path))

    @classmethod
    def create(cls, root: str, manifest: GalleryManifest) -> Gallery:
        root = root.removeprefix("file://")
        if not manifest.milvus and not is_local(root):
            raise UsageError(f"{root}: the embedded Milvus needs a local gallery; name a server with --milvus URI")
        files.write_bytes(files.join(root, MANIFEST), manifest.to_json().encode())
        return cls(root, manifest)

    @property
    def vectors_address(self) -> str:
        return self.manifest.milvus or str(Path(self.root).resolve() / "milvus.db")

    def vectors(self) -> contextlib.AbstractContextManager[VectorStore]:
        return VectorStore.open(self.vectors_address, self.manifest)

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Hold a local gallery for this process. One on an object store has no lock: its writers must be scheduled."""
        if not is_local(self.root):
            yield
            return
        with contextlib.ExitStack() as stack:
            try:
                lock = stack.enter_context((Path(self.root) / ".lock").open("w"))
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise CliptraceError(
                    f"{self.root}: another process uses this gallery; "
                    "wait for it, or use a Milvus server (--milvus URI)"
                ) from None
            except OSError as error:
                raise CliptraceError(f"{self.root}: cannot be locked: {files.reason(error)}") from error
            yield


def commit(gallery: Gallery, vectors: VectorStore, run: str, videos: Sequence[FrameFeatures]) -> dict[str, str]:
    """Write videos to Parquet, to Milvus, and only then to the ledger. Returns those that Milvus refuses, and why.

    May run twice with the same videos: names and keys follow from them, so the second time overwrites the first. Of a
    video that is refused the gallery keeps what it had.
    """
    part = part_name([video.video_id for video in videos])
    frames_file = part_path("frames", run, part)
    schema = frames_schema(gallery.manifest)
    tables = [_frames_table(video, schema) for video in videos]
    files.write_tables(files.join(gallery.root, frames_file), schema, tables)
    generation = int.from_bytes(hashlib.blake2b(f"{run}/{part}".encode(), digest_size=8).digest(), "big") >> 1
    refused = vectors.replace(videos, generation)
    if refused:
        _put_back(gallery, vectors, generation, refused)
        kept = [table.slice(0, 0) if v.video_id in refused else table for v, table in zip(videos, tables, strict=True)]
        files.write_tables(files.join(gallery.root, frames_file), schema, kept)
    rows = [_video_row(v, frames_file, row_group) for row_group, v in enumerate(videos) if v.video_id not in refused]
    files.write_tables(
        files.join(gallery.root, part_path("videos", run, part)), VIDEOS, [pa.Table.from_pylist(rows, schema=VIDEOS)]
    )
    ledger.write_indexed(gallery.root, run, part, [video for video in videos if video.video_id not in refused])
    return refused


def _put_back(gallery: Gallery, vectors: VectorStore, generation: int, video_ids: Iterable[str]) -> None:
    """What an earlier run stored of videos, into Milvus: the attempt to replace them may have spoiled it there."""
    stored, reader = read_videos(gallery), FrameReader(gallery)
    earlier = [StoredFrames(each, *reader.read(stored[each])) for each in video_ids if each in stored]
    if again := vectors.replace(earlier, generation):
        video_id, why = next(iter(again.items()))
        raise CliptraceError(f"{gallery.vectors_address}: video {video_id!r} cannot be put back: {why}")


def part_name(video_ids: Sequence[str]) -> str:
    return "part-" + hashlib.sha256("\0".join(sorted(video_ids)).encode()).hexdigest()[:16]


def sweep(gallery: Gallery, attempts: Sequence[ledger.Attempt]) -> None:
    """Drop what no live video owns: rows of replaced videos, and shards of a commit that was cut off.

    Only for who holds the gallery alone. A replaced video's row group is emptied, so that its neighbours keep theirs.
    """
    if is_local(gallery.root):
        for half_written in Path(gallery.root).glob("*/run=*/.*.tmp"):
            half_written.unlink()
    acknowledged = {(attempt.run, attempt.part) for attempt in attempts}
    for kind in ("frames", "videos"):
        for path in files.find(gallery.root, part_path(kind, "*", "*")):
            _, run_folder, name = path.rsplit("/", 2)
            if (run_folder.removeprefix("run="), name.removesuffix(".parquet")) not in acknowledged:
                files.remove([path])
    current = ledger.live(attempts)
    replaced: dict[tuple[str, str], set[str]] = {}
    for attempt in attempts:
        if attempt.status == ledger.INDEXED and attempt is not current[attempt.video_id]:
            replaced.setdefault((attempt.run, attempt.part), set()).add(attempt.video_id)
    for (run, part), video_ids in replaced.items():
        _drop_rows(gallery, run, part, video_ids)


def _drop_rows(gallery: Gallery, run: str, part: str, video_ids: set[str]) -> None:
    videos_path = files.join(gallery.root, part_path("videos", run, part))
    videos = files.read_table(videos_path)
    keep = [video_id not in video_ids for video_id in videos["video_id"].to_pylist()]
    kept = videos.filter(pa.array(keep, pa.bool_()))  # typed, since a shard may be empty already
    if len(kept) == len(videos):
        return  # swept before
    frames_path = files.join(gallery.root, part_path("frames", run, part))
    frames = pq.ParquetFile(pa.BufferReader(files.read_bytes(frames_path)))
    groups = [frames.read_row_group(index) for index in range(frames.num_row_groups)]
    live_groups = set(kept["row_group"].to_pylist())
    tables = [group if index in live_groups else group.slice(0, 0) for index, group in enumerate(groups)]
    files.write_tables(frames_path, frames_schema(gallery.manifest), tables)
    files.write_tables(videos_path, VIDEOS, [kept])


@dataclasses.dataclass(frozen=True, slots=True)
class StoredVideo:
    """A live gallery video and the place of its keyframes."""

    video_id: str
    uri: str
    metadata: Mapping[str, str]
    decoded_s: float
    keyframes: int
    frames_file: str
    row_group: int


def read_videos(gallery: Gallery) -> dict[str, StoredVideo]:
    """Every live video, by id."""
    columns = [field.name for field in dataclasses.fields(StoredVideo)]
    live = ledger.live(ledger.read_attempts(gallery.root))
    videos: dict[str, StoredVideo] = {}
    for run, part in sorted({(attempt.run, attempt.part) for attempt in live.values()}):
        for row in files.read_table(files.join(gallery.root, part_path("videos", run, part)), columns).to_pylist():
            owner = live.get(row["video_id"])
            if owner and (owner.run, owner.part) == (run, part):
                videos[row["video_id"]] = StoredVideo(**{**row, "metadata": dict(row["metadata"])})
    return videos


def check_vectors(gallery: Gallery, vectors: VectorStore, videos: Iterable[StoredVideo]) -> None:
    """CliptraceError where the vector store has lost embeddings. More than ``videos`` have, a commit may leave it."""
    expected = sum(video.keyframes for video in videos)
    missing = expected - vectors.count()
    if missing > 0:
        raise CliptraceError(
            f"{gallery.vectors_address}: {missing:,} of {expected:,} embeddings are missing; "
            "if cliptrace index was cut off, run it again, else index into a new gallery"
        )


@dataclasses.dataclass(frozen=True, slots=True)
class StoredFrames:
    """Keyframes of a stored video: times float64[K] in seconds, embeddings float32[K, D]."""

    video_id: str
    times: NDArray[np.float64]
    embeddings: NDArray[np.float32]


class FrameReader:
    """Keyframes of stored videos, read a row group at a time; the last files stay open. Safe between threads."""

    def __init__(self, gallery: Gallery, open_files: int = 8) -> None:
        self._gallery, self._open_files = gallery, open_files
        self._files: OrderedDict[str, Any] = OrderedDict()
        self._lock = threading.Lock()

    def read(self, video: StoredVideo) -> tuple[NDArray[np.float64], NDArray[np.float32]]:
        """times float64[K] in seconds, embeddings float32[K, D] of a video. CliptraceError where they are damaged."""
        columns = ["video_id", "time", "embedding"]
        try:
            with self._lock:
                table = self._open(video.frames_file).read_row_group(video.row_group, columns=columns)
        except (OSError, pa.ArrowException) as error:
            raise CliptraceError(f"{video.frames_file}: cannot be read: {files.reason(error)}") from error
        if set(table["video_id"].to_pylist()) != {video.video_id}:
            raise CliptraceError(
                f"{video.frames_file}: row group {video.row_group} does not hold video {video.video_id!r}"
            )
        column = table["embedding"].combine_chunks()
        rows = column.flatten().to_numpy().reshape(len(table), self._gallery.manifest.dimension)
        embeddings = rows.astype(np.float32, copy=False)
        if not np.isfinite(embeddings).all():
            raise CliptraceError(f"{video.frames_file}: row group {video.row_group} has embeddings that are not finite")
        return table["time"].to_numpy(), embeddings

    def _open(self, frames_file: str) -> Any:
        if frames_file not in self._files:
            source = files.open_bytes(files.join(self._gallery.root, frames_file))
            self._files[frames_file] = pq.ParquetFile(pa.PythonFile(source, mode="r"))
            if len(self._files) > self._open_files:
                self._files.popitem(last=False)[1].close(force=True)
        self._files.move_to_end(frames_file)
        return self._files[frames_file]


def _frames_table(video: FrameFeatures, schema: pa.Schema) -> pa.Table:
    dimension = video.embeddings.shape[1]
    embeddings = pa.FixedSizeListArray.from_arrays(
        pa.array(video.embeddings.astype(np.float16, copy=False).ravel()), type=schema.field("embedding").type
    )
    assert embeddings.type.list_size == dimension
    columns = [
        pa.array([video.video_id] * len(video.times), pa.string()),
        pa.array(video.times, pa.float64()),
        pa.array(video.scores, pa.float32()),
        embeddings,
    ]
    return pa.Table.from_arrays(columns, schema=schema)


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
    }
