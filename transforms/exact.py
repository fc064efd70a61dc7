"""Exact copies: what a gallery holds of a query byte for byte. Told from size and hash, before anything is decoded."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import apache_beam as beam

from cliptrace.schemas.records import Match, Rejected, Segment, VideoSource
from cliptrace.transforms.answers import Answers
from cliptrace.transforms.contents import content_sha256
from cliptrace.transforms.features import FeatureConfig, content_of, open_scratch
from cliptrace.transforms.fingerprints import size_of
from cliptrace.transforms.isolation import RunIsolated
from cliptrace.transforms.store.decisions import Rejections, honoured
from cliptrace.transforms.store.gallery import Gallery, StoredVideo
from cliptrace.transforms.store.live import SharedVideos
from cliptrace.transforms.store.takedown import is_removed
from cliptrace.transforms.stored import Recent


class FindExactCopies(beam.PTransform):
    """VideoSource of queries → a Match with each gallery video of the same bytes."""

    def __init__(self, gallery: Gallery, config: FeatureConfig, videos: SharedVideos) -> None:
        super().__init__()
        self._work, self._threads = FindExact(gallery, config, videos), config.threads

    def expand(self, queries: beam.PCollection) -> Answers:
        found = queries | "Compare" >> RunIsolated(self._work, "exact", lambda source: source, self._threads)
        return Answers.of(found)


class FindStoredCopies(beam.PTransform):
    """VideoSource of a gallery's videos → a Match with each video of another gallery that had the same bytes.

    asking: of the gallery that has the queries; videos: of the one that is searched. recent: of which one of a pair is.
    """

    def __init__(
        self, gallery: Gallery, asking: SharedVideos, videos: SharedVideos, recent: Recent | None = None
    ) -> None:
        super().__init__()
        self._work = FindStored(gallery, asking, videos, recent)

    def expand(self, queries: beam.PCollection) -> Answers:
        return Answers.of(queries | "Compare" >> RunIsolated(self._work, "exact", lambda source: source))


class FindExact:
    """A query → its exact copies, and those that a person has rejected. Only one that has as many bytes as a gallery
    video is read."""

    def __init__(self, gallery: Gallery, config: FeatureConfig, videos: SharedVideos) -> None:
        self._gallery, self._config, self._shared = gallery, config, videos

    def open(self) -> None:
        self._videos = self._shared.open()
        self._rejections = Rejections(self._gallery.home)
        self._scratch = open_scratch(self._config)

    def __call__(self, query: VideoSource) -> Iterator[Match | Rejected]:
        size_bytes = size_of(query)
        alike = self._videos.of_size(size_bytes) if size_bytes else []
        if not alike:
            return
        with self._scratch.stage(query.uri, query.fingerprint) as path:
            content = content_of(content_sha256(path), query)
        yield from exact_copies(query, content, alike, self._gallery.home, self._rejections)

    def close(self) -> None:
        self._scratch.close()


class FindStored:
    """A stored video → its exact copies but itself, and those that a person has rejected, by what is stored: no file is
    read."""

    def __init__(self, gallery: Gallery, asking: SharedVideos, videos: SharedVideos, recent: Recent | None) -> None:
        self._gallery, self._asking, self._shared, self._recent = gallery, asking, videos, recent

    def open(self) -> None:
        self._queries, self._videos = self._asking.open(), self._shared.open()
        self._rejections = Rejections(self._gallery.home)

    def __call__(self, query: VideoSource) -> Iterator[Match | Rejected]:
        stored = self._queries.get(query.video_id)
        if stored is None or not stored.content_sha256:
            return
        alike = self._videos.of_size(stored.size_bytes)
        for found in exact_copies(query, stored.content_sha256, alike, self._gallery.home, self._rejections):
            is_itself = found.ref_id == found.query_id
            if not is_itself and (self._recent is None or self._recent.admits(found.query_id, found.ref_id)):
                yield found

    def close(self) -> None: ...


def exact_copies(
    query: VideoSource, content: str, videos: Iterable[StoredVideo], home: str, rejections: Rejections
) -> Iterator[Match | Rejected]:
    """Those of a gallery's videos that have a query's content. home: of the gallery."""
    for ref in videos:
        if ref.content_sha256 == content and not is_removed(home, ref.video_id):
            yield from honoured(exact_match(query, ref), rejections.on(content, content), content)


def exact_match(query: VideoSource, ref: StoredVideo) -> Match:
    """All of the query is all of the gallery video, as far as that could be decoded."""
    stream = ref.stream
    whole = Segment(0.0, ref.decoded_s, 0.0, ref.decoded_s, 1.0, speed=1.0, query_stream=stream, ref_stream=stream)
    return Match(
        query_id=query.video_id,
        query_uri=query.uri,
        ref_id=ref.video_id,
        ref_uri=ref.uri,
        score=1.0,
        segments=(whole,),
        query_metadata=query.metadata,
        ref_metadata=ref.metadata,
        exact=True,
        query_share=1.0,
        ref_share=1.0,
    )
