"""What tells that a file has changed, of a million files at a time and without opening any."""

from __future__ import annotations

import itertools
import os
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from apache_beam.io.filesystem import BeamIOError
from apache_beam.io.filesystems import FileSystems

from cliptrace.schemas.records import VideoSource

MISSING = "missing"

_THREADS = 32
_CHUNK = 200
_WORTH_LISTING = 16
"""Files of one remote folder from which on the folder is listed: a request lists a thousand, or looks at one."""
_MOST_LISTED = 50
"""Times as many as are asked for: of a folder of other files no more is listed, and they are looked at singly."""


def is_remote(uri: str) -> bool:
    return "://" in uri and not uri.startswith("file://")


def fingerprints(uris: Iterable[str]) -> dict[str, str]:
    """Size and time of the last change of each file; MISSING where there is no such file."""
    folders: defaultdict[str, list[str]] = defaultdict(list)
    single: list[str] = []
    for uri in dict.fromkeys(uris):
        if is_remote(uri):
            folders[uri.rpartition("/")[0]].append(uri)
        else:
            single.append(uri)
    with ThreadPoolExecutor(_THREADS) as pool:
        found: dict[str, str] = {}
        for listed in pool.map(_listed, folders, folders.values()):
            found |= listed
        single += [uri for named in folders.values() for uri in named if uri not in found]
        for chunk in pool.map(_looked_up, _chunks(single)):
            found |= chunk
    return found


def fingerprint_of(uri: str) -> str:
    """That of one file."""
    try:
        if is_remote(uri):
            return remote_fingerprint(FileSystems.get_filesystem(uri).metadata(uri))
        status = os.stat(uri)  # noqa: PTH116 - half the time, and there may be millions
    except (OSError, ValueError):
        return MISSING
    return f"{status.st_size}-{status.st_mtime_ns}"


def remote_fingerprint(metadata: Any) -> str:
    return f"{metadata.size_in_bytes}-{metadata.last_updated_in_seconds}"


def size_of(source: VideoSource) -> int:
    """Bytes of the file, which its fingerprint begins with; 0 where it is missing."""
    size = source.fingerprint.partition("-")[0]
    return int(size) if size.isdigit() else 0


def changed_s(source: VideoSource) -> float | None:
    """When the file was last changed, in seconds since 1970; None where it is missing."""
    if source.fingerprint == MISSING:
        return None
    time = float(source.fingerprint.partition("-")[2])
    return time if is_remote(source.uri) else time / 1e9


def is_older(source: VideoSource, since_s: float | None) -> bool:
    """Whether the file was last changed before a time, in seconds since 1970; None for no such time."""
    return since_s is not None and (when := changed_s(source)) is not None and when < since_s


def _listed(folder: str, uris: Sequence[str]) -> dict[str, str]:
    if len(uris) < _WORTH_LISTING or any(character in folder for character in "*?["):
        return {}
    try:
        (matched,) = FileSystems.match([f"{folder}/**"], [_MOST_LISTED * len(uris)])
    except (BeamIOError, ValueError):  # what it is, the single files will say
        return {}
    wanted = set(uris)
    return {each.path: remote_fingerprint(each) for each in matched.metadata_list if each.path in wanted}


def _looked_up(uris: Sequence[str]) -> dict[str, str]:
    return {uri: fingerprint_of(uri) for uri in uris}


def _chunks(uris: Sequence[str]) -> Iterator[Sequence[str]]:
    """Of local files many a time; a request for a remote one takes longer than handing it to a thread."""
    local = [uri for uri in uris if not is_remote(uri)]
    remote = [uri for uri in uris if is_remote(uri)]
    several = (local[start : start + _CHUNK] for start in range(0, len(local), _CHUNK))
    return itertools.chain(several, ([uri] for uri in remote))
