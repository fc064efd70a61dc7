"""New places and times of stored videos: their keyframes stay where they are, in Parquet as in Milvus.

Such a commit has no frames shard: its rows of videos name the frames shards of earlier ones, and its rows of the ledger
keep the generation of the rows in Milvus.
"""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Mapping, Sequence

from cliptrace.schemas.errors import CliptraceError
from cliptrace.transforms.fingerprints import fingerprints
from cliptrace.transforms.paths import canonical, composed, is_below, on_disk
from cliptrace.transforms.store import ledger
from cliptrace.transforms.store.gallery import Gallery, live_attempts, part_name, read_rows, write_videos
from cliptrace.transforms.store.sweeping import Vectors, drop_stale


def update(gallery: Gallery, run: str, attempts: Sequence[ledger.Attempt]) -> None:
    """Say that live videos are where these attempts, made of theirs, say. Only for who holds the gallery."""
    for commit, moved in ledger.by_commit(attempts).items():
        rows = read_rows(gallery, commit)
        stored = [(row, moved[row["video_id"]]) for row in rows if row["video_id"] in moved]
        if not stored:  # all were lost, as verify will say
            continue
        part, now = part_name([row["video_id"] for row, _ in stored]) + "-moved", time.time()
        rows = [{**row, "uri": attempt.uri, "fingerprint": attempt.fingerprint} for row, attempt in stored]
        write_videos(gallery, run, part, rows)
        acknowledged = [{**ledger.row_of(attempt), "time": max(now, attempt.time + 1e-3)} for _, attempt in stored]
        ledger.write_rows(gallery.root, run, part, acknowledged)


@dataclasses.dataclass(frozen=True, slots=True)
class Relocation:
    """Ids of videos below the old folder. not_there: those without a file of the same size in the new one, which keep
    their path."""

    moved: list[str]
    not_there: list[str]


def relocate(gallery: Gallery, vectors: Vectors, old: str, new: str, run: str) -> Relocation:
    """What is known below the folder ``old`` is below ``new`` now. No file is opened; the next ``index`` looks at those
    with another time.

    Only for who holds the gallery. CliptraceError where nothing is known below ``old``, or no file is below ``new``.
    """
    old, new = canonical(old).rstrip("/"), on_disk(canonical(new)).rstrip("/")
    below = [attempt for attempt in live_attempts(gallery).values() if is_below(composed(attempt.uri), old)]
    if not below:
        raise CliptraceError(f"{gallery.home}: no video has a path below {old}")
    there = _places(below, old, new)
    moved = [
        dataclasses.replace(attempt, uri=there[attempt.video_id]) for attempt in below if attempt.video_id in there
    ]
    if not moved:
        raise CliptraceError(f"{new}: has none of the {len(below):,} files that were below {old}: nothing was changed")
    update(gallery, run, moved)
    drop_stale(gallery, ledger.read_attempts(gallery.root), vectors, run)
    not_there = [attempt.video_id for attempt in below if attempt.video_id not in there]
    return Relocation(sorted(attempt.video_id for attempt in moved), sorted(not_there))


def _places(attempts: Sequence[ledger.Attempt], old: str, new: str) -> Mapping[str, str]:
    """Where the files are, by id; without those that are not."""
    above = old.count("/") + 1
    expected = {a.video_id: "/".join([new, *a.uri.split("/")[above:]]) for a in attempts}
    found = fingerprints(expected.values())
    sizes = {attempt.video_id: attempt.fingerprint.partition("-")[0] for attempt in attempts}
    return {video_id: uri for video_id, uri in expected.items() if found[uri].partition("-")[0] == sizes[video_id]}
