"""What no live video owns goes: rows of replaced and of removed videos, and what a commit left that was cut off.

Rows go from Milvus first and from Parquet second: those in Parquet are the list of what is yet to be done, so a sweep
that is cut off is finished by the next one.
"""

from __future__ import annotations

import contextlib
from collections.abc import Collection, Container, Mapping, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from cliptrace.schemas.errors import CliptraceError
from cliptrace.schemas.gallery import clips_path, part_path, video_key
from cliptrace.transforms.store import files, ledger
from cliptrace.transforms.store.exact.rows import forget
from cliptrace.transforms.store.gallery import Gallery, part_name
from cliptrace.transforms.store.takedown import removed_keys
from cliptrace.transforms.store.vectors import VectorStore

Vectors = contextlib.AbstractContextManager[VectorStore]
Place = tuple[str, int]
"""Of a video's keyframes: frames_file and row_group."""


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
    # One of the ledger's shards may be empty: all videos of the commit have moved since, and their keyframes have not.
    acknowledged = {attempt.commit for attempt in attempts} | set(map(ledger.commit_of, ledger.shards(gallery.root)))
    kinds = ("frames", "clips", "videos")
    shards = [path for kind in kinds for path in files.find(gallery.root, part_path(kind, "*", "*"))]
    return [path for path in shards if ledger.commit_of(path) not in acknowledged]


def drop_stale(gallery: Gallery, attempts: Sequence[ledger.Attempt], vectors: Vectors, run: str) -> None:
    """Delete the rows of replaced and removed videos from both stores; the ledger is told which were removed."""
    stored = ledger.live(attempts)
    removed = removed_keys(gallery.home)
    gone = {video_id: attempt for video_id, attempt in stored.items() if video_key(video_id) in removed}
    live = {video_id: attempt for video_id, attempt in stored.items() if video_id not in gone}
    stale = stale_rows(gallery, attempts, live)
    if not stale and not gone:
        return
    dead = gone.keys() | {video_id for video_ids in stale.values() for video_id in video_ids - live.keys()}
    commits = ledger.by_commit(attempt for attempt in attempts if attempt.status == ledger.INDEXED)
    replaced = {
        video_id: live[video_id].generation
        for commit, video_ids in stale.items()
        for video_id in video_ids & live.keys()
        if commits[commit][video_id].generation != live[video_id].generation
    }
    if dead or replaced:
        with vectors as store:
            store.delete_videos(sorted(dead))
            for video_id, generation in replaced.items():
                store.delete_older([video_id], generation)
    for commit, video_ids in stale.items():
        drop_rows(gallery, commit, video_ids, live)
    if gone:
        forget(gallery)
        reasons = dict.fromkeys(gone, "removed by cliptrace gallery remove")
        ledger.write_removed(gallery.root, run, part_name(list(gone)), list(gone.values()), reasons)


def stale_rows(
    gallery: Gallery, attempts: Sequence[ledger.Attempt], live: Mapping[str, ledger.Attempt]
) -> dict[ledger.Commit, set[str]]:
    """By commit, the videos whose rows are still there although no live video owns them."""
    found = {commit: present(gallery, commit) & owned.keys() for commit, owned in dead_rows(attempts, live).items()}
    return {commit: video_ids for commit, video_ids in found.items() if video_ids}


def dead_rows(
    attempts: Sequence[ledger.Attempt], live: Mapping[str, ledger.Attempt]
) -> dict[ledger.Commit, dict[str, ledger.Attempt]]:
    """By commit, the videos whose rows no live video owns, whether they are there or not."""
    return ledger.by_commit(a for a in attempts if a.status == ledger.INDEXED and a is not live.get(a.video_id))


def present(gallery: Gallery, commit: ledger.Commit) -> set[str]:
    """Ids of the videos that a commit has rows of."""
    path = files.join(gallery.root, part_path("videos", *commit))
    return set(files.read_table(path, ["video_id"])["video_id"].to_pylist()) if files.exists(path) else set()


def _places(gallery: Gallery, commit: ledger.Commit) -> dict[str, Place]:
    """By id, of all videos that the commit has rows of."""
    path = files.join(gallery.root, part_path("videos", *commit))
    table = files.read_table(path, ["video_id", "frames_file", "row_group"])
    return {row["video_id"]: (row["frames_file"], row["row_group"]) for row in table.to_pylist()}


def drop_rows(
    gallery: Gallery, commit: ledger.Commit, video_ids: Collection[str], live: Mapping[str, ledger.Attempt]
) -> None:
    """Rows that a commit has of these videos; their keyframes and clip features stay where they are those of live ones.

    A row group that goes is emptied, so that its neighbours keep their numbers.
    """
    videos_path = files.join(gallery.root, part_path("videos", *commit))
    videos = files.read_table(videos_path)
    keep = [video_id not in video_ids for video_id in videos["video_id"].to_pylist()]
    kept = videos.filter(pa.array(keep, pa.bool_()))  # typed, since a shard may be empty already
    elsewhere = {live[video_id].commit for video_id in video_ids if video_id in live} - {commit}
    in_use = {place for other in elsewhere for place in _places(gallery, other).values()}
    dropped: dict[str, set[int]] = {}
    for video_id, (frames_file, row_group) in _places(gallery, commit).items():
        if video_id in video_ids and (frames_file, row_group) not in in_use:
            dropped.setdefault(frames_file, set()).add(row_group)
    for frames_file, groups in dropped.items():
        if gallery.manifest.moments:
            _empty(files.join(gallery.root, clips_path(frames_file)), groups)
        _empty(files.join(gallery.root, frames_file), groups)
    files.write_tables(videos_path, kept.schema, [kept])  # an older gallery has fewer columns


def _empty(path: str, dropped: Container[int]) -> None:
    """These row groups of a shard of keyframes or clip features."""
    try:
        shard = pq.ParquetFile(pa.BufferReader(files.read_bytes(path)))
        schema = shard.schema_arrow  # an older gallery has another precision
        groups = range(shard.num_row_groups)
        tables = [schema.empty_table() if group in dropped else shard.read_row_group(group) for group in groups]
    except (OSError, pa.ArrowException) as error:
        raise CliptraceError(f"{path}: cannot be read: {files.reason(error)}") from error
    files.write_tables(path, schema, tables)
