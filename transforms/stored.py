"""Queries from what a gallery stores, without decoding: its live videos, and their keyframes as features."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

import apache_beam as beam
import numpy as np
from apache_beam.utils.shared import Shared
from numpy.typing import NDArray

from cliptrace.schemas.records import FrameFeatures, VideoInfo, VideoSource
from cliptrace.transforms import telemetry
from cliptrace.transforms.extract import without_views
from cliptrace.transforms.isolation import Results, RunIsolated
from cliptrace.transforms.store.descriptors import read_descriptors
from cliptrace.transforms.store.exact.rows import MappedRows
from cliptrace.transforms.store.gallery import FrameReader, Gallery, StoredVideo
from cliptrace.transforms.store.live import LiveVideos, SharedVideos


@dataclasses.dataclass(frozen=True)
class Recent:
    """Ids of the videos that are new, among those that ask and those that are asked for."""

    queries: frozenset[str]
    refs: frozenset[str]

    def admits(self, query_id: str, ref_id: str) -> bool:
        """Whether one of a pair is new."""
        return query_id in self.queries or ref_id in self.refs


@beam.typehints.with_input_types(VideoSource)
class ReadStored(beam.PTransform):
    """VideoSource of a gallery's videos → their FrameFeatures, from Parquet. One that was removed meanwhile has none.

    videos: of the gallery; refs: of the one that is searched, the same object where that is the same gallery.
    described: whether they have their descriptors, too.
    """

    def __init__(self, gallery: Gallery, videos: SharedVideos, refs: SharedVideos, described: bool = False) -> None:
        super().__init__()
        self._work = Read(gallery, videos, refs, described)

    def expand(self, sources: beam.PCollection) -> Results:
        return sources | "Read" >> RunIsolated(self._work, "read", lambda source: source)


class Read:
    """VideoSource → FrameFeatures."""

    def __init__(self, gallery: Gallery, videos: SharedVideos, refs: SharedVideos, described: bool = False) -> None:
        self._gallery, self._shared, self._shared_refs, self._described = gallery, videos, refs, described
        self._shared_descriptors = Shared()

    def open(self) -> None:
        if self._described:
            self._descriptors: MappedRows = self._shared_descriptors.acquire(lambda: read_descriptors(self._gallery))
            self._places = self._descriptors.places()
        self._frames = FrameReader(self._gallery)
        self._videos, self._refs = self._shared.open(), self._shared_refs.open()

    def __call__(self, source: VideoSource) -> Iterator[FrameFeatures]:
        if features := self._videos.read(source.video_id, self._features):
            telemetry.tell("seconds", features.decoded_s)
            telemetry.tell("decoded")
            telemetry.count("videos")
            telemetry.count("decoded_ms", round(features.decoded_s * 1000))
            yield features

    def _features(self, video: StoredVideo) -> FrameFeatures | None:
        if not video.keyframes:
            return None
        known_as = itself(video, self._refs, self._refs is self._videos)
        features = dataclasses.replace(stored_features(video, self._frames), known_as=known_as)
        return dataclasses.replace(features, descriptor=self._descriptor(video)) if self._described else features

    def _descriptor(self, video: StoredVideo) -> NDArray[np.float32]:
        """Of one that shows nothing, zeros."""
        place = self._places.get(video.video_id)
        return (
            np.zeros((1, self._descriptors.values.shape[1]), np.float32)
            if place is None
            else self._descriptors.of(place)
        )

    def close(self) -> None: ...


def source_of(video: StoredVideo) -> VideoSource:
    """A stored video as a query."""
    return VideoSource(video.video_id, video.uri, metadata=video.metadata)


def info_of(video: StoredVideo) -> VideoInfo:
    """What is stored of what its container said."""
    return VideoInfo(
        duration_s=video.decoded_s,
        fps=0.0,
        width=video.width,
        height=video.height,
        codec="",
        size_bytes=video.size_bytes,
        content_sha256=video.content_sha256,
        stream=video.stream or 0,
        others=video.streams[1:],
    )


def stored_features(video: StoredVideo, frames: FrameReader, pictures: bool = True) -> FrameFeatures:
    """A stored video as a query: its plain keyframes, without cuts and stills, which nobody stores.

    pictures: whether it has those of its keyframes.
    """
    times, embeddings = frames.read(video)
    return without_views(
        FrameFeatures(
            source_of(video),
            info_of(video),
            times,
            frames.scores(video),
            embeddings,
            np.empty(0),
            video.decoded_s,
            pictures=frames.pictures(video) if pictures else (),
        )
    )


def itself(video: StoredVideo, refs: LiveVideos, same_gallery: bool) -> str:
    """The id of a video in the gallery that is searched, which may be its own; "" where it is not there."""
    ref = refs.get(video.video_id)
    is_there = ref is not None and (same_gallery or ref.content_sha256 == video.content_sha256 != "")
    return video.video_id if is_there else ""
