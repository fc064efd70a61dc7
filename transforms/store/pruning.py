"""Videos whose files are gone from a folder: named, and taken out where that is asked for.

A file is gone where its folder can be looked into and has other files: an empty one may be where a disk is mounted at
other times. Nothing stays out: a file that comes back is indexed as any other.
"""

from __future__ import annotations

import functools
import os
from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from cliptrace.schemas.errors import UsageError
from cliptrace.transforms.fingerprints import is_remote
from cliptrace.transforms.paths import canonical, composed, is_below, on_disk
from cliptrace.transforms.store import files, ledger
from cliptrace.transforms.store.gallery import Gallery, part_name
from cliptrace.transforms.store.sweeping import Vectors, drop_stale

_THREADS = 16


def gone_from(
    folders: Sequence[str], attempts: Mapping[str, ledger.Attempt], present: Collection[str] = ()
) -> dict[str, ledger.Attempt]:
    """Of videos, by id, those whose files were below one of the folders and are no more.

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
        gone = pool.map(lambda attempt: _is_gone(attempt.uri, has_files), below)
        return {attempt.video_id: attempt for attempt, is_gone in zip(below, gone, strict=True) if is_gone}


def check_folders(folders: Sequence[str]) -> None:
    """UsageError where one is not there, or is empty: it may be on a disk that is not mounted."""
    for folder in folders:
        if is_remote(folder):
            if not files.find(folder, "**"):
                raise UsageError(f"{folder}: no such folder")
        elif not (path := Path(on_disk(folder.removeprefix("file://")))).is_dir():
            raise UsageError(f"{folder}: no such folder; is its disk mounted?")
        elif not _has_files(path):
            raise UsageError(f"{folder}: is empty; is its disk mounted?")


def _is_gone(uri: str, has_files: Callable[[Path], bool]) -> bool:
    """What cannot be told, as of a folder that may not be looked into, is no."""
    if is_remote(uri):
        return not files.exists(uri)
    path = Path(uri)
    try:
        path.lstat()
    except (FileNotFoundError, NotADirectoryError):
        return has_files(next(folder for folder in path.parents if os.path.lexists(folder)))
    except (OSError, ValueError):
        pass
    return False


def _has_files(folder: Path) -> bool:
    """Also of what has become a file; not of a link that leads nowhere."""
    try:
        return any(True for _ in os.scandir(folder)) if folder.is_dir() else folder.exists()
    except OSError:
        return False


def prune(gallery: Gallery, vectors: Vectors, run: str, gone: Mapping[str, ledger.Attempt]) -> None:
    """Take the videos out of both stores; the ledger first, so that what is cut off the next sweep finishes.

    Only for who holds the gallery.
    """
    for commit, attempts in ledger.by_commit(gone.values()).items():
        reasons = dict.fromkeys(attempts, "pruned: its file is gone")
        ledger.write_removed(gallery.root, run, part_name([*commit, *attempts]), list(attempts.values()), reasons)
    if gone:
        drop_stale(gallery, ledger.read_attempts(gallery.root), vectors, run)
