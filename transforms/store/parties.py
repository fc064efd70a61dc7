"""Which two videos a decision is about: names, as people and files of matches write them, to contents."""

from __future__ import annotations

from pathlib import PurePath

from cliptrace.schemas.decisions import Party
from cliptrace.schemas.errors import UsageError
from cliptrace.schemas.records import stream_id
from cliptrace.transforms.contents import content_sha256
from cliptrace.transforms.fingerprints import fingerprint_of
from cliptrace.transforms.paths import canonical
from cliptrace.transforms.store import files, ledger
from cliptrace.transforms.store.catalogue import Names
from cliptrace.transforms.store.gallery import Gallery, live_attempts


class Parties:
    """The videos of a gallery, and files. A file is read once."""

    def __init__(self, gallery: Gallery) -> None:
        self._home = gallery.home
        self._live = live_attempts(gallery)
        self._names = Names((attempt.video_id, attempt.uri) for attempt in self._live.values())
        self._files: dict[tuple[str, int | None], Party] = {}

    def named(self, name: str) -> Party:
        """A video of the gallery by id, path or URI; else a file. UsageError where it is neither, or several videos."""
        if not name:
            raise UsageError("the name of a video is empty")
        found = self._stored(name)
        if len({attempt.content_sha256 for attempt in found}) > 1:
            ids = ", ".join(attempt.video_id for attempt in found)
            raise UsageError(f"{name}: several videos of {self._home} have this path: name one by its id: {ids}")
        return _party(found[0]) if found else self._file(name)

    def query(self, video_id: str, uri: str, stream: int | None) -> Party:
        """The query of a match: as its file is; where that is gone, as the gallery has it.

        stream: which video stream its segments lie in, of a file that has several.
        """
        if not uri:
            return self.named(_given(video_id, "query"))
        further = stream if stream is not None and video_id.endswith(f"#{stream}") else None
        suffix = "" if further is None else f"{further}"
        alike = [a for a in self._stored(uri) if a.content_sha256.partition("#")[2] == suffix]
        fingerprint = fingerprint_of(uri) if alike else ""
        if known := next((attempt for attempt in alike if attempt.fingerprint == fingerprint), None):
            return _party(known)
        try:
            return self._file(uri, further)
        except UsageError:
            if not alike:
                raise
            return _party(alike[0])

    def reference(self, video_id: str, uri: str) -> Party:
        """The gallery's video of a match."""
        if attempt := self._live.get(video_id):
            return _party(attempt)
        name = uri or _given(video_id, "ref")
        if not self._stored(name):
            raise UsageError(f"{video_id or uri}: no video of {self._home} has this id or URI")
        return self.named(name)

    def _stored(self, name: str) -> list[ledger.Attempt]:
        return [self._live[video_id] for video_id in self._names.meant(name)]

    def _file(self, name: str, further: int | None = None) -> Party:
        """further: which stream is meant, if not the one that players show."""
        if (name, further) not in self._files:
            uri = canonical(name)
            try:
                content = content_sha256(uri)
            except (OSError, ValueError) as error:
                raise UsageError(
                    f"{name}: no video of {self._home} has this id, path or URI, "
                    f"and as a file it cannot be read: {files.reason(error)}"
                ) from error
            video_id = PurePath(uri).name
            if further is not None:
                content, video_id = stream_id(content, further), stream_id(video_id, further)
            self._files[name, further] = Party(content, video_id, uri)
        return self._files[name, further]


def _given(video_id: str, side: str) -> str:
    if not video_id:
        raise UsageError(f"{side}_id and {side}_uri are missing")
    return video_id


def _party(attempt: ledger.Attempt) -> Party:
    return Party(attempt.content_sha256, attempt.video_id, attempt.uri)
