"""The ledger: one row per attempt at a video. What makes a second run skip, resume or retry."""

from __future__ import annotations

import dataclasses
import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor

import pyarrow as pa

from schemas.gallery import LEDGER, part_path
from schemas.records import Failure, FrameFeatures, VideoSource
from transforms.fingerprints import changed_s
from transforms.store import files

INDEXED, FAILED = "indexed", "failed"
_STATUS = LEDGER.get_field_index("status")
_THREADS = 16
"""Shards that are read at a time: of a bucket each takes a request, of which nearly all is waiting."""


@dataclasses.dataclass(frozen=True, slots=True)
class Attempt:
    """The last attempt at a video. ``run`` and ``part`` name the shards that it wrote."""

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
    run: str
    part: str


def read_attempts(gallery: str, run: str = "*") -> list[Attempt]:
    """Every attempt of the run, oldest first."""
    with ThreadPoolExecutor(_THREADS) as pool:
        shards = pool.map(_read, files.find(gallery, part_path("ledger", run, "*")))
        attempts = [attempt for shard in shards for attempt in shard]
    attempts.sort(key=lambda attempt: (attempt.time, attempt.run))
    return attempts


def _read(path: str) -> list[Attempt]:
    _, run_folder, name = path.rsplit("/", 2)
    run, part = sys.intern(run_folder.removeprefix("run=")), name.removesuffix(".parquet")
    table = files.read_table(path, schema=LEDGER)
    columns = [table.column(field.name).to_pylist() for field in dataclasses.fields(Attempt)[: len(LEDGER)]]
    columns[_STATUS] = list(map(sys.intern, columns[_STATUS]))  # of a million rows there are two
    columns += [[run] * len(table), [part] * len(table)]
    return [Attempt(*row) for row in zip(*columns, strict=True)]


def latest(attempts: Iterable[Attempt]) -> dict[str, Attempt]:
    """State of every video: its last attempt."""
    return {attempt.video_id: attempt for attempt in attempts}


def live(attempts: Iterable[Attempt]) -> dict[str, Attempt]:
    """Videos that are in the gallery, by the attempt that indexed them: a later failure does not take a video out."""
    return {attempt.video_id: attempt for attempt in attempts if attempt.status == INDEXED}


@dataclasses.dataclass(frozen=True, slots=True)
class Plan:
    """What a run will do with its sources."""

    work: list[VideoSource]
    unchanged: int = 0
    known_failures: int = 0
    older: int = 0
    left: int = 0


def plan(
    sources: Sequence[VideoSource],
    known: Mapping[str, Attempt],
    retry_failed: bool = False,
    since_s: float | None = None,
    limit: int | None = None,
) -> Plan:
    """New and changed sources are work; a known failure only where ``retry_failed``, or where the file has changed.

    since_s: in seconds since 1970; of the work, files that were last changed before are left out as ``older``.
    limit: most videos of the work; the others are ``left`` for the next run.
    """
    work: list[VideoSource] = []
    counts = dict.fromkeys(("unchanged", "known_failures", "older", "left"), 0)
    for source in sources:
        attempt = known.get(source.video_id)
        changed = attempt is None or attempt.fingerprint != source.fingerprint
        if attempt and not changed and attempt.status == INDEXED:
            counts["unchanged"] += 1
        elif not changed and not retry_failed:
            counts["known_failures"] += 1
        elif since_s is not None and (when := changed_s(source)) is not None and when < since_s:
            counts["older"] += 1
        elif limit is not None and len(work) == limit:
            counts["left"] += 1
        else:
            again = attempt.attempt + 1 if attempt and not changed else 1
            work.append(dataclasses.replace(source, attempt=again) if again > 1 else source)
    return Plan(work, **counts)


def write_indexed(gallery: str, run: str, part: str, videos: Sequence[FrameFeatures]) -> None:
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
        }
        for video in videos
    ]
    _write(gallery, run, part, rows)


def write_failed(gallery: str, run: str, part: str, failures: Sequence[Failure]) -> None:
    keys = ("video_id", "uri", "fingerprint", "stage", "error", "message", "attempt", "time")
    rows = [{**{key: getattr(f, key) for key in keys}, "status": FAILED, "content_sha256": ""} for f in failures]
    _write(gallery, run, part, rows)


def _write(gallery: str, run: str, part: str, rows: list[dict[str, object]]) -> None:
    files.write_tables(
        files.join(gallery, part_path("ledger", run, part)), LEDGER, [pa.Table.from_pylist(rows, schema=LEDGER)]
    )
