"""The ledger: one row per attempt at a video. What makes a second run skip, resume or retry."""

from __future__ import annotations

import dataclasses
import secrets
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import pyarrow as pa

from cliptrace.schemas.errors import CliptraceError
from cliptrace.schemas.gallery import LEDGER, generation_of, part_path
from cliptrace.schemas.records import Failure, FrameFeatures, VideoSource
from cliptrace.transforms.fingerprints import is_older
from cliptrace.transforms.store import files
from cliptrace.transforms.store.takedown import Tombstone

Commit = tuple[str, str]
"""Run and part: what the shards of one commit are named by."""
T = TypeVar("T")

INDEXED, FAILED, REMOVED = "indexed", "failed", "removed"
_STATUS = LEDGER.get_field_index("status")
_THREADS = 16
"""Shards that are read at a time: of a bucket each takes a request, of which nearly all is waiting."""


@dataclasses.dataclass(frozen=True, slots=True)
class Attempt:
    """One attempt at a video. ``run`` and ``part`` name the shards that it wrote."""

    video_id: str
    uri: str
    fingerprint: str
    status: str
    stage: str
    error: str
    message: str
    attempt: int
    content_sha256: str
    time: float
    generation: int
    content_sample: str
    run: str
    part: str

    @property
    def commit(self) -> Commit:
        return self.run, self.part


def new_run() -> str:
    """Name of a run: sorts by time, and two that start together differ."""
    return time.strftime("%Y%m%dT%H%M%SZ", time.gmtime()) + "-" + secrets.token_hex(3)


def read_attempts(gallery: str, run: str = "*") -> list[Attempt]:
    """Every attempt of the run, oldest first."""

    def read() -> list[Attempt]:
        with ThreadPoolExecutor(_THREADS) as pool:
            attempts = [attempt for shard in pool.map(read_shard, shards(gallery, run)) for attempt in shard]
        return sorted(attempts, key=order)

    return steadily(gallery, read)


def steadily(gallery: str, read: Callable[[], T]) -> T:
    """What ``read`` returns; called again where it failed because shards were merged into others meanwhile."""
    while True:
        before = shards(gallery)
        try:
            return read()
        except CliptraceError:
            if shards(gallery) == before:
                raise


def order(attempt: Attempt) -> tuple[float, str]:
    """Oldest first."""
    return attempt.time, attempt.run


def shards(gallery: str, run: str = "*") -> list[str]:
    return files.find(gallery, part_path("ledger", run, "*"))


def read_shard(path: str) -> list[Attempt]:
    run, part = map(sys.intern, commit_of(path))
    table = files.read_table(path)
    if "generation" not in table.column_names:  # of format 1: it followed from where the rows were
        table = table.append_column(
            LEDGER.field("generation"), pa.array([generation_of(run, part)] * len(table), pa.int64())
        )
    if "content_sample" not in table.column_names:  # of format 3 and before
        table = table.append_column(LEDGER.field("content_sample"), pa.array([""] * len(table), pa.string()))
    table = files.in_schema(table, LEDGER, path)
    columns = [table.column(field.name).to_pylist() for field in dataclasses.fields(Attempt)[: len(LEDGER)]]
    columns[_STATUS] = list(map(sys.intern, columns[_STATUS]))  # of a million rows there are three
    columns += [[run] * len(table), [part] * len(table)]
    return [Attempt(*row) for row in zip(*columns, strict=True)]


def commit_of(path: str) -> Commit:
    """Run and part of a shard, by its path."""
    _, run_folder, name = path.rsplit("/", 2)
    return run_folder.removeprefix("run="), name.removesuffix(".parquet")


def latest(attempts: Iterable[Attempt]) -> dict[str, Attempt]:
    """State of every video: its last attempt."""
    return {attempt.video_id: attempt for attempt in attempts}


def live(attempts: Iterable[Attempt]) -> dict[str, Attempt]:
    """Videos that are stored, by the attempt that indexed them: a later failure does not take a video out."""
    stored = {}
    for attempt in attempts:
        if attempt.status == INDEXED:
            stored[attempt.video_id] = attempt
        elif attempt.status == REMOVED:
            stored.pop(attempt.video_id, None)
    return stored


def by_commit(attempts: Iterable[Attempt]) -> dict[Commit, dict[str, Attempt]]:
    """Attempts by id, by the shards that they wrote."""
    commits: dict[Commit, dict[str, Attempt]] = {}
    for attempt in attempts:
        commits.setdefault(attempt.commit, {})[attempt.video_id] = attempt
    return commits


@dataclasses.dataclass(frozen=True, slots=True)
class Plan:
    """What a run will do with its sources."""

    work: list[VideoSource]
    unchanged: int = 0
    known_failures: int = 0
    older: int = 0
    left: int = 0
    removed: list[str] = dataclasses.field(default_factory=list)


def plan(
    sources: Sequence[VideoSource],
    known: Mapping[str, Attempt],
    removed: Iterable[Tombstone] = (),
    retry_failed: bool = False,
    since_s: float | None = None,
    limit: int | None = None,
) -> Plan:
    """New and changed sources are work; a known failure only where ``retry_failed``, or where the file has changed.

    removed: what stays out, by its id and by its file. since_s: in seconds since 1970; of the work, files that were
    last changed before are left out as ``older``. limit: most videos of the work; the others are ``left`` for the next
    run.
    """
    tombstones = list(removed)
    ids = {tombstone.video_id for tombstone in tombstones}
    uris = {tombstone.uri for tombstone in tombstones if tombstone.uri}
    work: list[VideoSource] = []
    kept_out: list[str] = []
    counts = dict.fromkeys(("unchanged", "known_failures", "older", "left"), 0)
    for source in sources:
        attempt = known.get(source.video_id)
        changed = attempt is None or attempt.status == REMOVED or attempt.fingerprint != source.fingerprint
        if source.video_id in ids or source.uri in uris:
            kept_out.append(source.video_id)
        elif attempt and not changed and attempt.status == INDEXED:
            counts["unchanged"] += 1
        elif not changed and not retry_failed:
            counts["known_failures"] += 1
        elif is_older(source, since_s):
            counts["older"] += 1
        elif limit is not None and len(work) == limit:
            counts["left"] += 1
        else:
            again = attempt.attempt + 1 if attempt and not changed else 1
            work.append(dataclasses.replace(source, attempt=again) if again > 1 else source)
    return Plan(work, **counts, removed=kept_out)


def write_indexed(gallery: str, run: str, part: str, videos: Sequence[FrameFeatures], generation: int) -> None:
    rows = [
        {
            "video_id": video.video_id,
            "uri": video.source.uri,
            "fingerprint": video.source.fingerprint,
            "status": INDEXED,
            "stage": "",
            "error": "",
            "message": video.warning,
            "attempt": video.source.attempt,
            "content_sha256": video.info.content_sha256,
            "time": time.time(),
            "generation": generation,
            "content_sample": video.info.content_sample,
        }
        for video in videos
    ]
    write_rows(gallery, run, part, rows)


def write_failed(gallery: str, run: str, part: str, failures: Sequence[Failure]) -> None:
    keys = ("video_id", "uri", "fingerprint", "stage", "error", "message", "attempt", "time")
    others = {"status": FAILED, "content_sha256": "", "generation": 0, "content_sample": ""}
    write_rows(gallery, run, part, [{**{key: getattr(f, key) for key in keys}, **others} for f in failures])


def write_removed(gallery: str, run: str, part: str, attempts: Sequence[Attempt], reasons: Mapping[str, str]) -> None:
    """That these videos are stored no more, and why."""
    now = time.time()
    rows = [
        {
            **row_of(attempt),
            "status": REMOVED,
            "message": reasons[attempt.video_id],
            "time": max(now, attempt.time + 1e-3),  # after what it takes back, also where clocks differ
            "generation": 0,
        }
        for attempt in attempts
    ]
    write_rows(gallery, run, f"{part}-removed", rows)


def row_of(attempt: Attempt) -> dict[str, object]:
    """As the ledger stores it."""
    return {name: getattr(attempt, name) for name in LEDGER.names}


def write_rows(gallery: str, run: str, part: str, rows: Sequence[Mapping[str, object]]) -> None:
    files.write_tables(
        files.join(gallery, part_path("ledger", run, part)), LEDGER, [pa.Table.from_pylist(rows, schema=LEDGER)]
    )
