"""What no live video owns goes: rows of replaced and of removed videos, and what a commit left that was cut off.

Rows go from Milvus first and from Parquet second: those in Parquet are the list of what is yet to be done, so a sweep
that is cut off is finished by the next one.
"""

from __future__ import annotations

import contextlib
from collections.abc import Container, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from cliptrace.schemas.errors import CliptraceError
from cliptrace.schemas.gallery import VIDEOS, part_path, video_key
from cliptrace.transforms.store import files, ledger
from cliptrace.transforms.store.exact.rows import FOLDER
from cliptrace.transforms.store.gallery import Gallery, part_name
from cliptrace.transforms.store.takedown import removed_keys
from cliptrace.transforms.store.vectors import VectorStore

Vectors = contextlib.AbstractContextManager[VectorStore]


def sweep(gallery: Gallery, attempts: Sequence[ledger.Attempt], vectors: Vectors, run: str) -> None:
    """Only for who holds a local gallery: on an object store, what looks left over may be acknowledged in a moment.

    vectors: opened only if there is something to delete. run: writes into the ledger what was removed.
    """
    files.remove([*half_written(gallery), *unacknowledged(gallery, attempts)])
    drop_stale(gallery, attempts, vectors, run)


def half_written(gallery: Gallery) -> list[str]:
    if not files.is_local(gallery.root):  # an object is there as a whole or not at all
        return []
    return [str(path) for path in Path(gallery.root).glob("*/run=*/.*.tmp")]


def unacknowledged(gallery: Gallery, attempts: Sequence[ledger.Attempt]) -> list[str]:
    """Shards of which the ledger says nothing."""
    acknowledged = {attempt.commit for attempt in attempts}
    shards = [path for kind in ("frames", "videos") for path in files.find(gallery.root, part_path(kind, "*", "*"))]
    return [path for path in shards if ledger.commit_of(path) not in acknowledged]


def drop_stale(gallery: Gallery, attempts: Sequence[ledger.Attempt], vectors: Vectors, run: str) -> None:
    """Delete the rows of replaced and removed videos from both stores; the ledger is told which were removed."""
    stored = ledger.live(attempts)
    removed = removed_keys(gallery.home)
    gone = {video_id: attempt for video_id, attempt in stored.items() if video_key(video_id) in removed}
    live = {video_id: attempt for video_id, attempt in stored.items() if video_id not in gone}
    with contextlib.ExitStack() as stack:
        stale = stale_rows(gallery, attempts, live)
        if not stale and not gone:
            return
        store = stack.enter_context(vectors)
        store.delete_videos(list(gone))
        for commit, video_ids in stale.items():
            for video_id in video_ids & live.keys():
                store.delete_older([video_id], live[video_id].generation)
            drop_rows(gallery, commit, video_ids)
    if gone:
        files.remove_folder(files.join(gallery.root, FOLDER))  # its file has their rows; a search makes it anew
        reasons = dict.fromkeys(gone, "removed by cliptrace gallery remove")
        ledger.write_removed(gallery.root, run, part_name(list(gone)), list(gone.values()), reasons)


def stale_rows(
    gallery: Gallery, attempts: Sequence[ledger.Attempt], live: dict[str, ledger.Attempt]
) -> dict[ledger.Commit, set[str]]:
    """By commit, the videos whose rows are still there although no live video owns them."""
    dead = ledger.by_commit(a for a in attempts if a.status == ledger.INDEXED and a is not live.get(a.video_id))
    present = {commit: _present(gallery, commit) & attempts_of.keys() for commit, attempts_of in dead.items()}
    return {commit: video_ids for commit, video_ids in present.items() if video_ids}


def _present(gallery: Gallery, commit: ledger.Commit) -> set[str]:
    path = files.join(gallery.root, part_path("videos", *commit))
    return set(files.read_table(path, ["video_id"])["video_id"].to_pylist()) if files.exists(path) else set()


def drop_rows(gallery: Gallery, commit: ledger.Commit, video_ids: Container[str]) -> None:
    """A row group that goes is emptied, so that its neighbours keep their numbers."""
    videos_path = files.join(gallery.root, part_path("videos", *commit))
    videos = files.read_table(videos_path)
    keep = [video_id not in video_ids for video_id in videos["video_id"].to_pylist()]
    kept = videos.filter(pa.array(keep, pa.bool_()))  # typed, since a shard may be empty already
    live = set(kept["row_group"].to_pylist())
    frames_path = files.join(gallery.root, part_path("frames", *commit))
    try:
        frames = pq.ParquetFile(pa.BufferReader(files.read_bytes(frames_path)))
        schema = frames.schema_arrow  # an older gallery has another precision
        groups = range(frames.num_row_groups)
        tables = [frames.read_row_group(group) if group in live else schema.empty_table() for group in groups]
    except (OSError, pa.ArrowException) as error:
        raise CliptraceError(f"{frames_path}: cannot be read: {files.reason(error)}") from error
    files.write_tables(frames_path, schema, tables)
    files.write_tables(videos_path, VIDEOS, [kept])
