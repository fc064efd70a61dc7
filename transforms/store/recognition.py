"""Which known video is this file? What was moved, touched or copied is known by its content, and not embedded again.

A file whose id, place, size and time are known is not opened. Of any other one a sample is read, and only where a known
file has as many bytes; all of it is hashed only where the sample agrees and the time does not.
"""

from __future__ import annotations

import dataclasses
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import PurePath

from cliptrace.schemas.records import VideoSource
from cliptrace.schemas.text import text_of
from cliptrace.transforms.contents import content_sample, content_sha256
from cliptrace.transforms.fingerprints import fingerprints, size_of
from cliptrace.transforms.paths import composed
from cliptrace.transforms.store import ledger
from cliptrace.transforms.store.takedown import Tombstone


@dataclasses.dataclass(frozen=True, slots=True)
class Known:
    """A file whose content is stored. source: under the id that it has. attempt: the video with that content.

    content_sample: of the file; "" where that was not read.
    """

    source: VideoSource
    attempt: ledger.Attempt
    content_sample: str = ""

    @property
    def has_moved(self) -> bool:
        return self.source.uri != self.attempt.uri

    @property
    def updated(self) -> ledger.Attempt:
        """The video as it is now."""
        sample = self.content_sample or self.attempt.content_sample
        return dataclasses.replace(
            self.attempt, uri=self.source.uri, fingerprint=self.source.fingerprint, content_sample=sample
        )


@dataclasses.dataclass(frozen=True)
class Recognition:
    """sources: what is left for ``ledger.plan``, under known ids. updates: videos whose files have another place or
    time. copies: of videos that stay. kept_out: ids of files of removed videos, found elsewhere."""

    sources: list[VideoSource]
    updates: list[Known] = dataclasses.field(default_factory=list)
    copies: list[Known] = dataclasses.field(default_factory=list)
    kept_out: list[str] = dataclasses.field(default_factory=list)


def recognise(
    sources: Sequence[VideoSource],
    attempts: Sequence[ledger.Attempt],
    removed: Sequence[Tombstone] = (),
    threads: int = 1,
) -> Recognition:
    """attempts: all of the ledger. threads: files that are read at a time."""
    known = ledger.latest(attempts)
    if all(_is_unchanged(source, known) for source in sources):
        return Recognition(list(sources))
    named = _under_known_ids(sources, known)
    buried = {tombstone.video_id for tombstone in removed}
    stored = ledger.live(attempts)
    odd = [source for source in named if _is_odd(source, known) and source.video_id not in buried]
    removed_last = (known[video_id] for video_id in (buried & known.keys()) - stored.keys())
    contents = _contents(odd, [*stored.values(), *removed_last], threads)
    at_home = _at_home([*(each for same, _ in contents.values() for each in same), *_namesakes(odd, stored)])
    judge = _Judge(stored, known.keys(), buried, at_home, {source.video_id for source in named})
    for source in named:
        judge.judge(source, *contents.get(source.video_id, ([], "")))
    judge.take_along()
    return judge.recognition


def _is_odd(source: VideoSource, known: Mapping[str, ledger.Attempt]) -> bool:
    """Whether its content may tell more than its name: not of a further stream of a file, nor of what has no URI."""
    return not _is_unchanged(source, known) and source.stream is None and text_of(source.uri) == source.uri


def _is_unchanged(source: VideoSource, known: Mapping[str, ledger.Attempt]) -> bool:
    attempt = known.get(source.video_id)
    return attempt is not None and attempt.fingerprint == source.fingerprint and attempt.uri == source.uri


def _under_known_ids(sources: Sequence[VideoSource], known: Mapping[str, ledger.Attempt]) -> list[VideoSource]:
    """An id that follows from a path gives way to the one that the file at this path has. NFC and NFD are one name,
    unless both are there."""
    listed = {source.video_id for source in sources}
    places = {source.uri for source in sources}
    by_uri: defaultdict[str, list[str]] = defaultdict(list)
    respelled: defaultdict[str, list[str]] = defaultdict(list)
    by_name: dict[str, str] = {}
    for video_id, attempt in known.items():
        by_uri[attempt.uri].append(video_id)
        if not attempt.uri.isascii() and attempt.uri not in places:
            respelled[composed(attempt.uri)].append(video_id)
        if not video_id.isascii() and video_id not in listed:
            by_name[composed(video_id)] = video_id
    owners = {source.video_id: source.uri for source in sources if source.id_given}
    at_place: dict[str, str] = {}
    for source in sources:
        here = [] if source.id_given else by_uri.get(source.uri) or respelled.get(composed(source.uri), [])
        video_id = source.video_id if source.video_id in here else min(here, default="")
        if here and owners.setdefault(video_id, source.uri) == source.uri:
            at_place[source.video_id] = video_id
    taken = listed | known.keys()
    named: dict[str, VideoSource] = {}
    for source in sources:
        video_id = at_place.get(source.video_id, source.video_id)
        if video_id not in known:
            video_id = by_name.get(composed(video_id), video_id)
        if owners.setdefault(video_id, source.uri) != source.uri:
            video_id = _longer_id(source, taken)
        named.setdefault(video_id, dataclasses.replace(source, video_id=video_id))
    return list(named.values())


def _longer_id(source: VideoSource, taken: set[str]) -> str:
    """More of its path, where the end of it that was its id is taken; added to ``taken``."""
    parts = text_of(source.uri).strip("/").split("/")
    for start in range(len(parts) - source.video_id.count("/") - 2, -1, -1):
        if (video_id := "/".join(parts[start:])) not in taken:
            taken.add(video_id)
            return video_id
    return source.uri


def _contents(
    sources: Sequence[VideoSource], attempts: Iterable[ledger.Attempt], threads: int
) -> dict[str, tuple[list[ledger.Attempt], str]]:
    """Of each source, by its id: which attempts have its content, and its sample ("" where it was not read)."""
    by_size: dict[str, list[ledger.Attempt]] = {_size(source.fingerprint): [] for source in sources if size_of(source)}
    for attempt in attempts:
        is_file = attempt.content_sha256 and "#" not in attempt.content_sha256  # and not a further stream of one
        if is_file and (alike := by_size.get(_size(attempt.fingerprint))) is not None:
            alike.append(attempt)
    with ThreadPoolExecutor(threads) as pool:
        found = pool.map(_same_content, sources, (by_size.get(_size(source.fingerprint), []) for source in sources))
        return {source.video_id: each for source, each in zip(sources, found, strict=True)}


def _same_content(source: VideoSource, alike: Sequence[ledger.Attempt]) -> tuple[list[ledger.Attempt], str]:
    """Of the attempts, which are of as many bytes, those with the content of the file; none where it cannot be read."""
    namesakes = [a for a in alike if a.video_id == source.video_id and a.fingerprint == source.fingerprint]
    if namesakes or not alike:
        return namesakes, ""
    try:
        sample = content_sample(source.uri, size_of(source))
        alike = [attempt for attempt in alike if attempt.content_sample in ("", sample)]
        digests = {a.content_sha256 for a in alike if a.content_sample and a.fingerprint == source.fingerprint}
        if alike and len(digests) != 1:
            digests = {content_sha256(source.uri)}
    except (OSError, ValueError):  # what it is, its dead letter will say
        return [], ""
    return [attempt for attempt in alike if attempt.content_sha256 in digests], sample


def _namesakes(sources: Iterable[VideoSource], stored: Mapping[str, ledger.Attempt]) -> list[ledger.Attempt]:
    return [stored[source.video_id] for source in sources if source.video_id in stored]


def _at_home(attempts: Iterable[ledger.Attempt]) -> set[str]:
    """Uris of those with a file of the same size where they were: what has another time may have been touched."""
    sizes = {attempt.uri: _size(attempt.fingerprint) for attempt in attempts}
    return {uri for uri, fingerprint in fingerprints(sizes).items() if _size(fingerprint) == sizes[uri]}


def _size(fingerprint: str) -> str:
    return fingerprint.partition("-")[0]


class _Judge:
    """Puts each source where it belongs.

    at_home: uris of videos whose files are where they were. listed: ids of all sources. A video moves to one file, and
    only where no other source has its id.
    """

    def __init__(
        self,
        stored: Mapping[str, ledger.Attempt],
        known: Iterable[str],
        buried: set[str],
        at_home: set[str],
        listed: set[str],
    ) -> None:
        self._stored, self._buried, self._at_home, self._listed = stored, buried, at_home, listed
        self._taken = listed | set(known)
        self.recognition = Recognition([])

    def judge(self, source: VideoSource, same: Sequence[ledger.Attempt], sample: str) -> None:
        """same: what has its content, removed videos among it."""
        found = self.recognition
        live = [attempt for attempt in same if attempt.video_id not in self._buried]
        own = next((attempt for attempt in live if attempt.video_id == source.video_id), None)
        if own is not None:
            if own.fingerprint == source.fingerprint and own.uri in self._at_home:  # one of two copies, as good
                found.sources.append(source)
            else:
                found.updates.append(Known(source, own, sample))
        elif live:
            self._take(source, live, sample)
        elif any(attempt.uri not in self._at_home for attempt in same):
            found.kept_out.append(source.video_id)
        else:
            found.sources.append(self._with_own_id(source))

    def _take(self, source: VideoSource, live: Sequence[ledger.Attempt], sample: str) -> None:
        source = self._with_own_id(source)
        gone = [a for a in live if a.video_id not in self._listed and a.uri not in self._at_home]
        if gone and not source.id_given and source.video_id not in self._stored:
            name = PurePath(source.uri).name
            moved = min(gone, key=lambda attempt: (PurePath(attempt.uri).name != name, attempt.video_id))
            self._listed.add(moved.video_id)
            source = dataclasses.replace(source, video_id=moved.video_id)
            self.recognition.updates.append(Known(source, moved, sample))
        else:
            self.recognition.copies.append(Known(source, live[0], sample))

    def _with_own_id(self, source: VideoSource) -> VideoSource:
        """Where its path gives the id of a video that has moved away, it is called by more of its path."""
        namesake = self._stored.get(source.video_id)
        if (
            namesake is None
            or source.id_given
            or namesake.uri == source.uri
            or namesake.uri not in self._at_home
            or text_of(namesake.uri).endswith("/" + source.video_id)
        ):
            return source
        return dataclasses.replace(source, video_id=_longer_id(source, self._taken))

    def take_along(self) -> None:
        """What else is stored of a file that moves or was touched, under other ids."""
        known_at = {(known.attempt.uri, known.attempt.fingerprint): known for known in self.recognition.updates}
        for video_id, attempt in self._stored.items() if known_at else ():
            known = known_at.get((attempt.uri, attempt.fingerprint))
            if known and video_id not in self._listed:
                source = dataclasses.replace(known.source, video_id=video_id)
                self.recognition.updates.append(Known(source, attempt, known.content_sample))
