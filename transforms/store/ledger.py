"""The ledger: one row per attempt at a video. What makes a second run skip, resume or retry."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TypeVar

import pyarrow as pa

from schemas.errors import CliptraceError
from schemas.gallery import LEDGER, generation_of, part_path
from schemas.records import Failure, FrameFeatures, VideoSource
from transforms.store import files
from transforms.store.takedown import Tombstone

Commit = tuple[str, str]
"""Run and part: what the shards of one commit are named by."""
T = TypeVar("T")

INDEXED, FAILED, REMOVED = "indexed", "failed", "removed"


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
    run: str
    part: str

    @property
    def commit(self) -> Commit:
        return self.run, self.part


def read_attempts(gallery: str, run: str = "*") -> list[Attempt]:
    """Every attempt of the run, oldest first."""

    def read() -> list[Attempt]:
        return sorted((attempt for path in shards(gallery, run) for attempt in read_shard(path)), key=order)

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
    run, part = commit_of(path)
    # A gallery of format 1 has no generations, since they followed from where the rows were.
    generation = {"generation": generation_of(run, part)}
    return [Attempt(**{**generation, **row}, run=run, part=part) for row in files.read_table(path).to_pylist()]


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
    unchanged: int
    known_failures: int
    removed: list[str]


def plan(
    sources: Sequence[VideoSource], known: Mapping[str, Attempt], retry_failed: bool, removed: Iterable[Tombstone] = ()
) -> Plan:
    """New and changed sources are work; a known failure only where ``retry_failed``, or where the file has changed.

    removed: what stays out, by its id and by its file.
    """
    tombstones = list(removed)
    ids = {tombstone.video_id for tombstone in tombstones}
    uris = {tombstone.uri for tombstone in tombstones if tombstone.uri}
    work, unchanged, known_failures, kept_out = [], 0, 0, []
    for source in sources:
        attempt = known.get(source.video_id)
        if source.video_id in ids or source.uri in uris:
            kept_out.append(source.video_id)
        elif attempt is None or attempt.status == REMOVED or attempt.fingerprint != source.fingerprint:
            work.append(source)
        elif attempt.status == INDEXED:
            unchanged += 1
        elif retry_failed:
            work.append(dataclasses.replace(source, attempt=attempt.attempt + 1))
        else:
            known_failures += 1
    return Plan(work, unchanged, known_failures, kept_out)


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
        }
        for video in videos
    ]
    write_rows(gallery, run, part, rows)


def write_failed(gallery: str, run: str, part: str, failures: Sequence[Failure]) -> None:
    keys = ("video_id", "uri", "fingerprint", "stage", "error", "message", "attempt", "time")
    others = {"status": FAILED, "content_sha256": "", "generation": 0}
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
