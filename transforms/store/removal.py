"""Takedown: videos go from both stores and from every later answer, and stay out until they are reinstated."""

from __future__ import annotations

import contextlib
import dataclasses
import time
from collections.abc import Mapping, Sequence

from cliptrace.schemas.errors import CliptraceError
from cliptrace.schemas.gallery import video_key
from cliptrace.schemas.records import file_id
from cliptrace.transforms.store import ledger
from cliptrace.transforms.store.builds import list_builds, root_of
from cliptrace.transforms.store.catalogue import Names, find_attempts, latest_of
from cliptrace.transforms.store.exact.rows import forget
from cliptrace.transforms.store.files import is_local
from cliptrace.transforms.store.gallery import Gallery, locked, part_name
from cliptrace.transforms.store.sweeping import drop_stale, sweep
from cliptrace.transforms.store.takedown import Tombstone, bury, is_removed, lift, read_tombstones, removed_keys


@dataclasses.dataclass(frozen=True, slots=True)
class Removal:
    """video_ids: what was asked for, with other streams of its files. same_content: live videos whose files have the
    same content, which stay."""

    video_ids: list[str]
    same_content: list[str]


def remove(gallery: Gallery, names: Sequence[str], run: str) -> Removal:
    """Remove the videos with these ids, paths or uris, and with a file its other streams. When it returns, neither
    store has a row of them.

    The tombstones come first and need no lock: from then on no answer names the videos, whoever writes or searches.
    CliptraceError where a name means no video, and then nothing is removed; or where another process holds the gallery.
    """
    builds = [root_of(gallery.home, build) for build in list_builds(gallery.home)]
    known = latest_of([*builds, gallery.root])
    attempts = find_attempts([*builds, gallery.root], names)
    stored = (last for last in known.values() if last.status != ledger.REMOVED)
    attempts |= {a.video_id: a for a in stored if _is_stream(a, attempts) and not is_removed(gallery.home, a.video_id)}
    now = time.time()
    stay = {video_id: last for video_id, last in known.items() if video_id not in attempts}
    bury(
        gallery.home,
        [Tombstone(a.video_id, "" if _is_stream(a, stay) else a.uri, now) for a in attempts.values()],
    )
    try:
        _delete_removed(gallery, list(attempts), run)
    except CliptraceError as error:
        raise CliptraceError(
            f"{error}; from now on no answer names what was to be removed, "
            "but it is still stored: run the same command again"
        ) from error
    contents = {attempt.content_sha256 for attempt in attempts.values()} - {""}
    left = ledger.live(ledger.read_attempts(gallery.root)).values()
    return Removal(sorted(attempts), sorted(other.video_id for other in left if other.content_sha256 in contents))


def reinstate(gallery: Gallery, names: Sequence[str], run: str) -> list[str]:
    """Lift the tombstones with these ids, paths or uris, so that ``cliptrace index`` may take the videos in again; with
    that of a file those of the streams that went with it."""
    tombstones = {tombstone.video_id: tombstone for tombstone in read_tombstones(gallery.home)}
    known = Names((tombstone.video_id, tombstone.uri) for tombstone in tombstones.values())
    found = {name: known.meant(name) for name in names}
    if unknown := [name for name, video_ids in found.items() if not video_ids]:
        raise CliptraceError(
            f"{gallery.home}: no removed video has the id, path or URI {', '.join(map(repr, unknown))}"
        )
    lifted = {video_id: tombstones[video_id] for group in found.values() for video_id in group}
    video_ids = sorted(v for v, tombstone in tombstones.items() if v in lifted or _is_stream(tombstone, lifted))
    _delete_removed(gallery, video_ids, run)  # what a removal that was cut off has left must not come back
    for video_id in video_ids:
        lift(gallery.home, video_id)
    return video_ids


def _is_stream(video: ledger.Attempt | Tombstone, files: Mapping[str, ledger.Attempt | Tombstone]) -> bool:
    """Whether it is another stream of one of these files, by id."""
    file = files.get(file_id(video.video_id) or "")
    return file is not None and file.uri == video.uri


def tell_removed(gallery: Gallery, build: str, run: str) -> None:
    """Give another build, by its folder, the ledger's rows of removed videos: by their content it knows their files
    elsewhere."""
    buried, known = removed_keys(gallery.home), ledger.latest(ledger.read_attempts(build))
    removed = [
        attempt
        for video_id, attempt in ledger.latest(ledger.read_attempts(gallery.root)).items()
        if attempt.status == ledger.REMOVED and video_key(video_id) in buried and video_id not in known
    ]
    if removed:
        part = part_name([attempt.video_id for attempt in removed]) + "-removed"
        ledger.write_rows(build, run, part, [ledger.row_of(attempt) for attempt in removed])


def _delete_removed(gallery: Gallery, video_ids: Sequence[str], run: str) -> None:
    """From every build: also from the one before, and from one that is being made."""
    with contextlib.ExitStack() as locks:
        locks.enter_context(locked(gallery.home))
        for build in list_builds(gallery.home):
            root = root_of(gallery.home, build)
            if root != gallery.home:
                locks.enter_context(locked(root))
            one = Gallery.at(root, gallery.home).migrated()
            finish = sweep if is_local(root) else drop_stale
            finish(one, ledger.read_attempts(root), one.vectors(), run)
            forget(one)
            with one.vectors() as vectors:
                vectors.delete_videos(video_ids)  # also what the ledger does not know, of a commit that was cut off
                if any(True for _ in vectors.rows(video_ids, embeddings=False)):
                    raise CliptraceError(f"{one.vectors_address}: still has rows of videos that were deleted")
