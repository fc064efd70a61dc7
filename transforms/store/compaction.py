"""Fewer, larger shards: what many small runs, replaced and removed videos have left is written anew, then deleted.

A compacted commit is one more commit: its shards are written, and the ledger names them, before the old ledger shards
go, and these go before the shards that they name. So at any moment the ledger names whole shards, a search that meets a
moved video finds it by the ledger, and what a cut leaves is swept as after any other run. Milvus is not touched.
"""

from __future__ import annotations

import contextlib
import dataclasses
import itertools
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from cliptrace.schemas.errors import CliptraceError
from cliptrace.schemas.gallery import clips_path, clips_schema, frames_schema, part_path, video_key
from cliptrace.transforms.store import files, ledger
from cliptrace.transforms.store.gallery import Gallery, part_name, read_rows, write_videos
from cliptrace.transforms.store.sweeping import Place, Vectors, sweep
from cliptrace.transforms.store.takedown import removed_keys

SHARD_KEYFRAMES = 20_000
"""Keyframes of a whole shard, or clip features, of each video whichever are more, as commits have them. One with at
least half as many is left alone, unless rows of it were deleted."""


@dataclasses.dataclass(frozen=True, slots=True)
class Compaction:
    """Files of frames, clip features, videos and ledger, before and after."""

    before: int
    after: int


def compact(gallery: Gallery, vectors: Vectors, run: str, shard_keyframes: int = SHARD_KEYFRAMES) -> Compaction:
    """Only for who holds the gallery. May be cut off at any point, and run again."""
    before = _count(gallery)
    sweep(gallery, ledger.read_attempts(gallery.root), vectors, run)
    live = ledger.live(ledger.read_attempts(gallery.root))
    shards = [_Shard.of(gallery, commit, owners) for commit, owners in sorted(ledger.by_commit(live.values()).items())]
    worth = [s for s in shards if s.has_holes or s.is_moved or s.weight < shard_keyframes // 2]
    worth.sort(key=lambda shard: not shard.is_moved)  # first, since the commits that they lean on go when merged
    for group in _groups(worth, shard_keyframes):
        if len(group) > 1 or group[0].has_holes or group[0].is_moved:
            _merge(gallery, run, group)
    _drop_stale_commits(gallery)
    _merge_history(gallery, run)
    if files.is_local(gallery.root):
        _remove_empty_folders(gallery.root)
    return Compaction(before, _count(gallery))


@dataclasses.dataclass(frozen=True, slots=True)
class _Shard:
    """A commit with live videos. frames_file: with their keyframes; that of an earlier commit, where they have moved
    since. weight: as SHARD_KEYFRAMES counts. has_holes: whether row groups of it are of none of them."""

    commit: ledger.Commit
    attempts: Mapping[str, ledger.Attempt]
    frames_file: str
    weight: int
    has_holes: bool

    @classmethod
    def of(cls, gallery: Gallery, commit: ledger.Commit, attempts: Mapping[str, ledger.Attempt]) -> _Shard:
        rows = _rows(gallery, commit, attempts, ["video_id", "keyframes", "decoded_s", "frames_file"])
        (frames_file,) = {row["frames_file"] for row in rows}
        with _shard(gallery, frames_file) as frames:
            has_holes = frames.num_row_groups > len(rows)
        steps = 1 / gallery.manifest.moments.step_s if gallery.manifest.moments else 0.0
        weight = sum(max(row["keyframes"], math.ceil(steps * row["decoded_s"])) for row in rows)
        return cls(commit, attempts, frames_file, weight, has_holes)

    @property
    def is_moved(self) -> bool:
        return self.frames_file != part_path("frames", *self.commit)


def _groups(shards: Iterable[_Shard], most: int) -> Iterator[list[_Shard]]:
    """Neighbours that weigh ``most`` together; one that weighs more alone."""
    group: list[_Shard] = []
    for shard in shards:
        if group and sum(each.weight for each in group) + shard.weight > most:
            yield group
            group = []
        group.append(shard)
    if group:
        yield group


def _merge(gallery: Gallery, run: str, group: Sequence[_Shard]) -> None:
    attempts = {video_id: attempt for shard in group for video_id, attempt in shard.attempts.items()}
    commit = (run, part_name(list(attempts)))
    schema, frames_file = frames_schema(gallery.manifest), part_path("frames", *commit)
    places: list[Place] = []
    rows = []
    for shard in group:
        for row in _rows(gallery, shard.commit, shard.attempts):
            rows.append({**row, "frames_file": frames_file, "row_group": len(places)})
            places.append((row["frames_file"], row["row_group"]))
    tables = [_in_format(table, schema) for table in _row_groups(gallery, places)]
    files.write_tables(files.join(gallery.root, frames_file), schema, tables)
    if moments := gallery.manifest.moments:
        tables = list(_row_groups(gallery, [(clips_path(shard), number) for shard, number in places]))
        files.write_tables(files.join(gallery.root, clips_path(frames_file)), clips_schema(moments), tables)
    write_videos(gallery, *commit, rows)
    ledger.write_rows(gallery.root, *commit, [ledger.row_of(attempt) for attempt in attempts.values()])
    for shard in group:
        if shard.commit != commit:  # which a run of the same name would have written over
            _delete_commit(gallery, shard.commit)


def _row_groups(gallery: Gallery, places: Sequence[Place]) -> Iterator[pa.Table]:
    """Those of one shard after another; places: shard, and number in it."""
    for path, numbers in itertools.groupby(places, key=lambda place: place[0]):
        with _shard(gallery, path) as shard:
            yield from (shard.read_row_group(number) for _, number in numbers)


def _in_format(table: pa.Table, schema: pa.Schema) -> pa.Table:
    """Rows of a gallery of any age as they are written now."""
    if "picture" not in table.column_names:
        table = table.append_column(schema.field("picture"), pa.nulls(len(table), pa.binary()))
    return table.cast(schema)


def _drop_stale_commits(gallery: Gallery) -> None:
    """Those of which every video was replaced or removed."""
    attempts = ledger.read_attempts(gallery.root)
    live = {attempt.commit for attempt in ledger.live(attempts).values()}
    for commit in ledger.by_commit(attempt for attempt in attempts if attempt.status == ledger.INDEXED):
        if commit not in live:
            _delete_commit(gallery, commit)


def _merge_history(gallery: Gallery, run: str) -> None:
    """One ledger shard for all attempts that stored nothing, of each video the last one where it still says something:
    a failure, until the video is indexed; a removal, as long as the ledger names what was removed, or the video is kept
    out: by the content in that row its file is known elsewhere."""
    attempts = ledger.read_attempts(gallery.root)
    indexed = {attempt.video_id for attempt in attempts if attempt.status == ledger.INDEXED}
    history = ledger.by_commit(attempt for attempt in attempts if attempt.status != ledger.INDEXED)
    buried = removed_keys(gallery.home)
    kept = [
        attempt
        for attempt in ledger.latest(attempts).values()
        if attempt.status == ledger.FAILED
        or (attempt.status == ledger.REMOVED and (attempt.video_id in indexed or video_key(attempt.video_id) in buried))
    ]
    if len(history) <= 1 and len(kept) == sum(map(len, history.values())):
        return
    if kept:
        part = part_name([attempt.video_id for attempt in kept]) + "-history"
        ledger.write_rows(gallery.root, run, part, [ledger.row_of(attempt) for attempt in kept])
    files.remove([files.join(gallery.root, part_path("ledger", *commit)) for commit in history])


def _delete_commit(gallery: Gallery, commit: ledger.Commit) -> None:
    """The ledger shard first: without it, the others are what a sweep removes."""
    shards = [files.join(gallery.root, part_path(kind, *commit)) for kind in ("ledger", "videos", "clips", "frames")]
    files.remove([path for path in shards if files.exists(path)])


@contextlib.contextmanager
def _shard(gallery: Gallery, path: str) -> Iterator[Any]:
    """path: below the gallery."""
    path = files.join(gallery.root, path)
    try:
        with files.open_bytes(path) as file:
            yield pq.ParquetFile(pa.PythonFile(file, mode="r"))
    except (OSError, pa.ArrowException) as error:
        raise _damaged(gallery, path, files.reason(error)) from error


def _rows(
    gallery: Gallery, commit: ledger.Commit, video_ids: Mapping[str, object], columns: list[str] | None = None
) -> list[dict[str, Any]]:
    """Of these videos. columns: None for all."""
    rows = [row for row in read_rows(gallery, commit, columns) if row["video_id"] in video_ids]
    if len(rows) != len(video_ids):
        path = files.join(gallery.root, part_path("videos", *commit))
        raise _damaged(gallery, path, f"{len(rows)} of {len(video_ids)} videos")
    return rows


def _damaged(gallery: Gallery, path: str, why: str) -> CliptraceError:
    return CliptraceError(
        f"{path}: cannot be read: {why}; nothing is lost by this command: "
        f"mend the gallery with cliptrace gallery verify --repair --gallery {gallery.home}"
    )


def _count(gallery: Gallery) -> int:
    kinds = ("frames", "clips", "videos", "ledger")
    return sum(len(files.find(gallery.root, part_path(kind, "*", "*"))) for kind in kinds)


def _remove_empty_folders(root: str) -> None:
    for folder in Path(root).glob("*/run=*"):
        with contextlib.suppress(OSError):  # one that is not empty stays
            folder.rmdir()
