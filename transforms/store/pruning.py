"""Videos whose files are gone from a folder: named, and taken out where that is asked for. Further streams of files
that have changed: taken out.

A file is gone where its folder can be looked into and has other files: an empty one may be where a disk is mounted at
other times. Nothing stays out: a file that comes back is indexed as any other.
"""

from __future__ import annotations

import dataclasses
import enum
import functools
import os
from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from cliptrace.schemas.errors import UsageError
from cliptrace.schemas.records import file_id
from cliptrace.transforms.fingerprints import is_remote
from cliptrace.transforms.paths import canonical, composed, is_below, on_disk
from cliptrace.transforms.store import files, ledger
from cliptrace.transforms.store.gallery import Gallery, part_name
from cliptrace.transforms.store.sweeping import Vectors, drop_stale

_THREADS = 16


@dataclasses.dataclass(frozen=True, slots=True)
class Missing:
    """Videos whose files cannot be found. gone: by id. out_of_reach: ids of those of which that cannot be told."""

    gone: Mapping[str, ledger.Attempt]
    out_of_reach: Sequence[str]


def missing_from(
    folders: Sequence[str], attempts: Mapping[str, ledger.Attempt], present: Collection[str] = ()
) -> Missing:
    """Of videos, by id, those whose files were below one of the folders.

    present: uris of files that are known to be there. CliptraceError where a folder on an object store cannot be asked.
    """
    roots = {spelling(folder) for folder in folders for spelling in (composed, canonical)}
    below = [
        attempt
        for attempt in attempts.values()
        if attempt.uri not in present and any(is_below(composed(attempt.uri), root) for root in roots)
    ]
    has_files = functools.cache(_has_files)
    with ThreadPoolExecutor(_THREADS) as pool:
        found = list(zip(below, pool.map(lambda attempt: _look(attempt.uri, has_files), below), strict=True))
    gone = {attempt.video_id: attempt for attempt, state in found if state is _State.GONE}
    return Missing(gone, sorted(attempt.video_id for attempt, state in found if state is _State.OUT_OF_REACH))


def outdated_streams(attempts: Sequence[ledger.Attempt]) -> dict[str, ledger.Attempt]:
    """By id, further video streams of files that were indexed with other content since. Where a stream of the new
    content is a known failure, the gallery keeps what it had.

    attempts: all of the ledger.
    """
    stored, last = ledger.live(attempts), ledger.latest(attempts)

    def is_outdated(stream: ledger.Attempt) -> bool:
        content, _, number = stream.content_sha256.partition("#")
        file = stored.get(file_id(stream.video_id) or "")
        if not number or file is None or file.uri != stream.uri or file.content_sha256 == content:
            return False
        latest = last[stream.video_id]
        return not (latest.status == ledger.FAILED and latest.fingerprint == file.fingerprint)

    return {video_id: attempt for video_id, attempt in stored.items() if is_outdated(attempt)}


def check_folders(folders: Sequence[str]) -> None:
    """UsageError where one is not there, or is empty: it may be on a disk that is not mounted."""
    for folder in folders:
        if is_remote(folder):
            if not files.find(folder, "**"):
                raise UsageError(f"{folder}: no such folder")
        elif not (path := Path(on_disk(files.local_path(folder)))).is_dir():
            raise UsageError(f"{folder}: no such folder; is its disk mounted?")
        elif not _has_files(path):
            raise UsageError(f"{folder}: is empty; is its disk mounted?")


class _State(enum.Enum):
    THERE, GONE, OUT_OF_REACH = range(3)


def _look(uri: str, has_files: Callable[[Path], bool]) -> _State:
    if is_remote(uri):
        return _State.THERE if files.exists(uri) else _State.GONE
    path = Path(uri)
    try:
        path.lstat()
    except (FileNotFoundError, NotADirectoryError):
        folder = next(folder for folder in path.parents if os.path.lexists(folder))
        return _State.GONE if has_files(folder) else _State.OUT_OF_REACH
    except (OSError, ValueError):
        return _State.OUT_OF_REACH
    return _State.THERE


def _has_files(folder: Path) -> bool:
    """Also of what has become a file; not of a link that leads nowhere."""
    try:
        return any(True for _ in os.scandir(folder)) if folder.is_dir() else folder.exists()
    except OSError:
        return False


def prune(
    gallery: Gallery, vectors: Vectors, run: str, gone: Mapping[str, ledger.Attempt], why: str = "its file is gone"
) -> None:
    """Take the videos out of both stores; the ledger first, so that what is cut off the next sweep finishes.

    Only for who holds the gallery.
    """
    for commit, attempts in ledger.by_commit(gone.values()).items():
        reasons = dict.fromkeys(attempts, f"pruned: {why}")
        ledger.write_removed(gallery.root, run, part_name([*commit, *attempts]), list(attempts.values()), reasons)
    if gone:
        drop_stale(gallery, ledger.read_attempts(gallery.root), vectors, run)
