"""From what a person names (file, folder, glob, manifest; on any filesystem that Beam knows) to a list of videos."""

from __future__ import annotations

import dataclasses
import json
import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import apache_beam as beam
from apache_beam.io.filesystem import BeamIOError
from apache_beam.io.filesystems import FileSystems

from cliptrace.schemas.errors import UsageError
from cliptrace.schemas.gallery import MAX_ID_BYTES
from cliptrace.schemas.records import VideoSource
from cliptrace.schemas.text import public, text_of
from cliptrace.transforms.contents import content_sha256
from cliptrace.transforms.fingerprints import MISSING, fingerprints, is_remote, remote_fingerprint
from cliptrace.transforms.folders import Walk, is_animation, is_hidden, is_video, kind_of
from cliptrace.transforms.manifests import MANIFEST_SUFFIXES, URI_COLUMNS, place_of, read_rows
from cliptrace.transforms.naming import told_apart
from cliptrace.transforms.paths import on_disk
from cliptrace.transforms.store import files
from cliptrace.transforms.store.gallery import StoredVideo

STREAM_COLUMN = "video_stream"
_STREAM = re.compile(r"[0-9]{1,4}")


@dataclasses.dataclass(frozen=True, slots=True)
class Listing:
    """ignored: files of folders whose names are not those of videos, each with its kind. loops: links to folders that
    were listed already. folders: that were named."""

    sources: list[VideoSource]
    ignored: Mapping[str, str] = dataclasses.field(default_factory=dict)
    loops: tuple[str, ...] = ()
    folders: tuple[str, ...] = ()


class ReadVideos(beam.PTransform):
    """The videos that ``sources`` name → VideoSource. They are listed when the pipeline is built.

    sources: one, or several, as ``list_sources`` takes them. UsageError where one names nothing.
    """

    def __init__(self, sources: str | Sequence[str]) -> None:
        super().__init__()
        self._listing = list_sources([sources] if isinstance(sources, str) else sources)

    def expand(self, begin: beam.pvalue.PBegin) -> beam.PCollection:
        return begin | "Videos" >> beam.Create(self._listing.sources) | "Spread" >> beam.Reshuffle()


@dataclasses.dataclass(frozen=True, slots=True)
class _Named:
    """A video and where it was named, for the error message: an argument, or a row of the manifest ``origin``."""

    video_id: str
    uri: str
    origin: str
    fingerprint: str | None = None
    metadata: Mapping[str, str] = dataclasses.field(default_factory=dict)
    row: int | None = None
    id_given: bool = False

    @property
    def place(self) -> str:
        return self.origin if self.row is None else place_of(self.origin, self.row)

    @property
    def is_listed(self) -> bool:
        """Whether a manifest names it, so that its id is what is written there."""
        return self.row is not None


@dataclasses.dataclass(slots=True)
class _Found:
    """What one argument names; the others as in Listing."""

    named: list[_Named] = dataclasses.field(default_factory=list)
    ignored: dict[str, str] = dataclasses.field(default_factory=dict)
    loops: list[str] = dataclasses.field(default_factory=list)
    folders: list[str] = dataclasses.field(default_factory=list)

    def __iadd__(self, other: _Found) -> _Found:
        self.named += other.named
        self.ignored |= other.ignored
        self.loops += other.loops
        self.folders += other.folders
        return self


def list_sources(arguments: Sequence[str]) -> Listing:
    """Every video that the arguments name, once, in their order. UsageError where an argument cannot be understood, and
    where they name none."""
    found = _Found()
    for argument in arguments:
        found += _resolve(argument)
    if not found.named:
        others = f" ({len(found.ignored):,} other files)" if found.ignored else ""
        raise UsageError(f"no video found in {', '.join(arguments)}{others}")
    distinct = _distinct(found.named)
    looked_up = fingerprints([item.uri for item in distinct.values() if item.fingerprint is None])
    sources = [_source(video_id, item, looked_up) for video_id, item in distinct.items()]
    return Listing(sources, found.ignored, tuple(found.loops), tuple(found.folders))


def of_streams(listing: Listing) -> Listing:
    """With the queries of which a manifest's column STREAM_COLUMN names the video stream as that stream."""

    def asked(source: VideoSource) -> VideoSource:
        stream = source.metadata.get(STREAM_COLUMN, "")
        return dataclasses.replace(source, stream=int(stream)) if _STREAM.fullmatch(stream) else source

    return dataclasses.replace(listing, sources=[asked(source) for source in listing.sources])


def list_stored(videos: Iterable[StoredVideo]) -> Listing:
    """The files of a gallery's videos, under the ids that they have."""
    stored = list(videos)
    looked_up = fingerprints(video.uri for video in stored)

    def source(video: StoredVideo) -> VideoSource:
        found = looked_up[video.uri]
        return VideoSource(video.video_id, video.uri, found, video.metadata, id_given=True, stream=video.own_stream)

    return Listing([source(video) for video in stored])


def list_watched(pattern: str) -> list[VideoSource]:
    """The videos that a folder or a glob names right now; none is no error, and neither is a folder yet to be made. A
    file that goes while it is looked at is left out."""
    try:
        named = _resolve(pattern).named
    except UsageError:
        if not is_remote(pattern) and Path(files.local_path(pattern)).is_dir():
            raise
        return []
    looked_up = fingerprints([item.uri for item in named if item.fingerprint is None])
    return [
        source
        for item in named
        if len(text_of(item.video_id).encode()) <= MAX_ID_BYTES
        and (source := _source(text_of(item.video_id), item, looked_up)).fingerprint != MISSING
    ]


def _resolve(argument: str) -> _Found:
    name = public(files.local_path(argument))
    if is_remote(name):
        return _resolve_remote(name)
    if not name:
        raise UsageError("an empty SOURCE names nothing")
    path = Path(on_disk(name))
    if path.is_dir():
        return _folder(path)
    if path.suffix.lower() in MANIFEST_SUFFIXES and path.is_file():
        return _Found(list(_manifest(str(path))))
    if path.exists() or path.is_symlink():
        return _Found([_Named(path.name, str(path), argument)])
    if _is_glob(name):
        return _Found(_glob(path, argument))
    raise UsageError(f"{argument}: no such file or folder")


def _resolve_remote(argument: str) -> _Found:
    try:
        if Path(argument).suffix.lower() in MANIFEST_SUFFIXES:
            return _Found(list(_manifest(argument)))
        if _is_glob(argument) and not FileSystems.exists(argument):
            root = argument[: min(argument.index(c) for c in "*?[" if c in argument)].rsplit("/", 1)[0]
            matches = _match(argument)
            if not matches:
                raise UsageError(f"{argument}: no such file or folder")
            return _Found([_Named(m.path[len(root) + 1 :], m.path, argument, remote_fingerprint(m)) for m in matches])
        if FileSystems.exists(argument):
            return _Found([_Named(argument.rsplit("/", 1)[1], argument, argument)])
        root = argument.rstrip("/")
        matches = _match(root + "/**")
    except (BeamIOError, ValueError) as error:
        raise UsageError(f"{argument}: cannot be listed: {files.reason(error)}") from error
    if not matches:
        raise UsageError(f"{argument}: no such file or folder")
    found = _Found(folders=[argument])
    for match in matches:
        if is_video(below := match.path[len(root) + 1 :]):
            found.named.append(_Named(below, match.path, argument, remote_fingerprint(match)))
        else:
            found.ignored[match.path] = kind_of(below)
    return found


def _match(pattern: str) -> list[Any]:
    return sorted(FileSystems.match([pattern])[0].metadata_list, key=lambda metadata: str(metadata.path))


def _glob(path: Path, argument: str) -> list[_Named]:
    """As in a shell: names with a leading dot only where the pattern has one, too."""
    root = _fixed_part(path)
    pattern = path.relative_to(root)
    try:
        found = root.glob(str(pattern / "*" if pattern.name == "**" else pattern))
        files_found = [match for match in found if not match.is_dir()]
    except ValueError as error:
        raise UsageError(f"{argument}: {error}") from error
    matches = sorted(str(m) for m in files_found if pattern.name.startswith(".") or not m.name.startswith("."))
    if not matches:
        raise UsageError(f"{argument}: no such file or folder")
    return [_Named(os.path.relpath(match, root), match, argument) for match in matches]


def _folder(path: Path) -> _Found:
    walk, found = Walk(path), _Found(folders=[files.absolute(str(path))])
    for each in sorted(walk):
        below = os.path.relpath(each, path)
        if is_video(below) or (is_animation(Path(each)) and not is_hidden(Path(below))):
            found.named.append(_Named(below, each, each))
        else:
            found.ignored[each] = kind_of(below)
    found.loops += walk.loops
    return found


def _is_glob(argument: str) -> bool:
    return any(character in argument for character in "*?[")


def _fixed_part(path: Path) -> Path:
    """The folder above the first part with a wildcard; a folder that is really called so has none."""
    fixed = Path(path.anchor) if path.is_absolute() else Path()
    for part in path.parts[len(fixed.parts) : -1]:
        if _is_glob(part) and not (fixed / part).exists():
            break
        fixed /= part
    return fixed


# Manifests


def _manifest(path: str) -> Iterator[_Named]:
    """Videos of a manifest. A relative uri is taken from its folder; the uri, as written, is the default id."""
    folder = FileSystems.split(path)[0]
    empty = True
    for number, row in read_rows(path):
        uri = next((text for column in URI_COLUMNS if (text := _text(row, column, path, number)).strip()), "")
        if not uri:
            raise UsageError(f"{place_of(path, number)}: no uri (nor url, nor file_name)")
        uri = public(uri)
        full = files.local_path(uri)
        given = _text(row, "id", path, number)
        video_id = given or uri
        if "\0" in video_id:
            raise UsageError(f"{place_of(path, number)}: id holds a NUL character")
        metadata = {
            text_of(key): text_of(value if isinstance(value, str) else json.dumps(value, default=str))
            for key, value in row.items()
            if key not in ("id", *URI_COLUMNS) and value is not None
        }
        empty = False
        whole = full if is_remote(full) or full.startswith("/") else files.join(folder, full)
        whole = whole if is_remote(whole) else on_disk(whole)
        yield _Named(video_id, whole, path, metadata=metadata, row=number, id_given=bool(given))
    if empty:
        raise UsageError(f"{path}: names no video")


def _text(row: Mapping[str, Any], column: str, path: str, number: int) -> str:
    """A number is taken as it is written; a list or an object names nothing."""
    value = row.get(column)
    if isinstance(value, str) or value is None:
        return value or ""
    if not isinstance(value, int | float) or isinstance(value, bool):
        raise UsageError(f"{place_of(path, number)}: {column} must be a text, not {type(value).__name__}")
    return str(value)


# Ids


def _distinct(named: Sequence[_Named]) -> dict[str, _Named]:
    """Each file once, by ids that tell them apart. An id that a manifest gives twice is no harm where it means the same
    content, and a UsageError otherwise."""
    given = [item for item in named if item.is_listed]
    paths: dict[str, _Named] = {}
    for item in named:
        if not item.is_listed:
            paths.setdefault(files.absolute(item.uri), item)
    names = [(item.video_id, uri) for uri, item in paths.items()]
    ids = dict(zip(paths, told_apart(names, {item.video_id for item in given}), strict=True))
    by_id: dict[str, _Named] = {}
    for item in named:
        # A file name need not be UTF-8, an id must.
        video_id = text_of(item.video_id if item.is_listed else ids[files.absolute(item.uri)])
        if len(video_id.encode()) > MAX_ID_BYTES:
            raise UsageError(f"{item.place}: id is longer than {MAX_ID_BYTES} bytes")
        first = by_id.setdefault(video_id, item)
        if first is not item and first.uri != item.uri and _content(first.uri) != _content(item.uri):
            raise UsageError(
                f"id {video_id!r} names different content at {first.place} ({first.uri}) "
                f"and at {item.place} ({item.uri})"
            )
    return by_id


def _content(uri: str) -> str:
    """SHA-256 of a file; the uri itself where it cannot be read, which equals nothing else."""
    try:
        return content_sha256(uri)
    except (OSError, ValueError):
        return uri


def _source(video_id: str, item: _Named, looked_up: Mapping[str, str]) -> VideoSource:
    fingerprint = item.fingerprint or looked_up[item.uri]
    return VideoSource(video_id, files.absolute(item.uri), fingerprint, item.metadata, id_given=item.id_given)
