"""Queries → moments: clip features of a query, gallery videos by clip search, and where in them the same happens."""

from __future__ import annotations

import contextlib
import dataclasses
import itertools
from collections.abc import Iterator

import apache_beam as beam
import numpy as np
from apache_beam.utils.shared import Shared

from cliptrace.models.clips.ready_made import ReadyMade
from cliptrace.models.clips.timeline import windows
from cliptrace.models.relocalization.inference import open_locator
from cliptrace.models.relocalization.moments import Moment
from cliptrace.schemas.config import BASIS_FPS, MOMENT_VIDEOS, MOMENTS_PER_VIDEO, Engine
from cliptrace.schemas.errors import MediaError
from cliptrace.schemas.gallery import ClipsConfig
from cliptrace.schemas.records import (
    ClipFeatures,
    Failure,
    Match,
    ProbedVideo,
    Rejected,
    Searched,
    Segment,
    VideoSource,
)
from cliptrace.transforms import telemetry
from cliptrace.transforms.aligning import with_shares
from cliptrace.transforms.extract import extract_clips
from cliptrace.transforms.features import FeatureConfig, check_name, each_stream, open_scratch, opened_encoder, probed
from cliptrace.transforms.isolation import Results, RunIsolated, failure_of
from cliptrace.transforms.store.clips import open_clip_ranking
from cliptrace.transforms.store.decisions import Rejections, honoured
from cliptrace.transforms.store.descriptors import VideoSearch
from cliptrace.transforms.store.gallery import FrameReader, Gallery, StoredVideo
from cliptrace.transforms.store.live import SharedVideos
from cliptrace.transforms.store.takedown import is_removed
from cliptrace.transforms.stored import Recent, info_of, itself, source_of
from cliptrace.transforms.strips import Strips


@dataclasses.dataclass(frozen=True)
class MomentConfig:
    """locator: by its name. top_k: gallery videos in which moments are looked for. min_score: lowest score of a moment
    that is told; None for what the locator takes for there. engine: what finds the videos. maps: folder for a picture
    of every match; "" for none."""

    locator: str
    top_k: int = MOMENT_VIDEOS
    min_score: float | None = None
    engine: Engine = "exact"
    maps: str = ""


@beam.typehints.with_input_types(VideoSource)
class ExtractClips(beam.PTransform):
    """VideoSource of queries → ClipFeatures."""

    def __init__(self, config: FeatureConfig) -> None:
        super().__init__()
        self._config = config

    def expand(self, sources: beam.PCollection) -> Results:
        work = RunIsolated(Encode(self._config), "decode", lambda source: source, self._config.threads)
        return _counted(sources | "Encode" >> work)


class Encode:
    """A query → its ClipFeatures; with ``all_streams``, those of its file's other video streams, too."""

    def __init__(self, config: FeatureConfig) -> None:
        assert config.moments
        self._config, self._moments = config, config.moments

    def open(self) -> None:
        self._scratch = open_scratch(self._config)
        self._encoder = opened_encoder(self._moments, self._config.device)

    def __call__(self, source: VideoSource) -> list[ClipFeatures | Failure]:
        check_name(source)
        with self._scratch.stage(source.uri, source.fingerprint) as path:
            first = probed(path, source, self._config)
            if first.info.is_picture:
                raise MediaError("a picture, in which nothing happens: --mode moment takes videos")
            return [self._encoded(path, each) for each in each_stream(path, first, self._config)]

    def _encoded(self, path: str, video: ProbedVideo | Failure) -> ClipFeatures | Failure:
        if isinstance(video, Failure):
            return video
        try:
            if isinstance(self._encoder, ReadyMade):
                clips = self._encoder.clips(video.source.uri, video.info).astype(np.float16).astype(np.float32)
                return ClipFeatures(video.source, video.info, clips, video.info.duration_s)
            return extract_clips(path, video, self._encoder, self._config.limits, self._config.backbone.input_size)
        except MediaError as error:
            return failure_of(video.source, "decode", error)

    def close(self) -> None:
        self._scratch.close()


@beam.typehints.with_input_types(VideoSource)
class ReadClips(beam.PTransform):
    """VideoSource of a gallery's videos → their ClipFeatures, as they are stored.

    videos: of the gallery; refs: of the one that is searched, the same object where that is the same gallery.
    """

    def __init__(self, gallery: Gallery, videos: SharedVideos, refs: SharedVideos) -> None:
        super().__init__()
        self._work = Read(gallery, videos, refs)

    def expand(self, sources: beam.PCollection) -> Results:
        return _counted(sources | "Read" >> RunIsolated(self._work, "read", lambda source: source))


class Read:
    """VideoSource → ClipFeatures. One that was removed meanwhile has none."""

    def __init__(self, gallery: Gallery, videos: SharedVideos, refs: SharedVideos) -> None:
        self._gallery, self._shared, self._shared_refs = gallery, videos, refs

    def open(self) -> None:
        self._reader = FrameReader(self._gallery)
        self._videos, self._refs = self._shared.open(), self._shared_refs.open()

    def __call__(self, source: VideoSource) -> Iterator[ClipFeatures]:
        if query := self._videos.read(source.video_id, self._features):
            yield query

    def _features(self, video: StoredVideo) -> ClipFeatures:
        known_as = itself(video, self._refs, self._refs is self._videos)
        clips = self._reader.clips(video)
        return ClipFeatures(source_of(video), info_of(video), clips, video.decoded_s, known_as=known_as)

    def close(self) -> None: ...


def _counted(queries: Results) -> Results:
    return dataclasses.replace(queries, good=queries.good | "Count" >> beam.Map(_count))


def _count(query: ClipFeatures) -> ClipFeatures:
    """In the thread that Beam runs its steps in: what is counted here reaches the submitter."""
    telemetry.tell("seconds", query.decoded_s)
    telemetry.tell("decoded")
    telemetry.count("videos")
    telemetry.count("decoded_ms", round(query.decoded_s * 1000))
    return query


@beam.typehints.with_input_types(ClipFeatures)
class FindMoments(beam.PTransform):
    """ClipFeatures of queries → a Match with each gallery video that has moments, what was rejected, and Searched.

    threads: queries that are searched at a time. The others as Find has them.
    """

    def __init__(
        self,
        gallery: Gallery,
        config: MomentConfig,
        videos: SharedVideos | None = None,
        recent: Recent | None = None,
        strips: Strips | None = None,
        threads: int = 1,
    ) -> None:
        super().__init__()
        self._work = Find(gallery, config, videos or SharedVideos(gallery), recent, strips)
        self._threads = threads

    def expand(self, queries: beam.PCollection) -> Results:
        return queries | "Find" >> RunIsolated(self._work, "moments", lambda query: query.source, self._threads)


class Find:
    """ClipFeatures of a query → its matches, what was rejected of them, and what is told of it.

    A reference is read when it is looked at: what is held of one is its clip features.
    videos: of the gallery. recent: where only pairs of which one is new are asked for. strips: where pictures are.
    """

    def __init__(
        self,
        gallery: Gallery,
        config: MomentConfig,
        videos: SharedVideos,
        recent: Recent | None = None,
        strips: Strips | None = None,
    ) -> None:
        assert gallery.manifest.moments
        self._gallery, self._config, self._shared = gallery, config, videos
        self._recent, self._strips = recent, strips
        self._moments: ClipsConfig = gallery.manifest.moments
        self._shared_ranking, self._opened = Shared(), contextlib.ExitStack()

    def open(self) -> None:
        self._videos, self._reader = self._shared.open(), FrameReader(self._gallery)
        self._rejections = Rejections(self._gallery.home)
        self._locator = open_locator(self._config.locator)
        if self._strips:
            self._strips.open()
        self._ranking = open_clip_ranking(self._gallery, self._config.engine, self._shared_ranking, self._opened)
        if self._recent and isinstance(self._ranking, VideoSearch):
            self._new_videos = self._ranking.only(self._recent.refs)

    def __call__(self, query: ClipFeatures) -> Iterator[Match | Rejected | Searched]:
        for ref_id in self._candidates(query):
            for found in self._videos.read(ref_id, lambda ref: self._found(query, ref)) or ():
                if not is_removed(self._gallery.home, found.ref_id):
                    yield found
        yield Searched(
            query.video_id,
            bool(query.warning),
            other_streams=len(query.info.others),
            query_uri=query.source.uri,
            stream=query.source.stream,
        )

    def _candidates(self, query: ClipFeatures) -> list[str]:
        most, is_old = self._config.top_k, self._recent is not None and query.video_id not in self._recent.queries
        ranked = (self._new_videos if is_old else self._ranking).nearest(windows(query.clips), most + 1)
        return list(itertools.islice((ref_id for ref_id, _ in ranked if ref_id != query.known_as), most))

    def _found(self, query: ClipFeatures, ref: StoredVideo) -> list[Match | Rejected]:
        content = query.info.content_sha256
        decision = self._rejections.on(content, ref.content_sha256)
        if decision and not decision.segments:
            return [Rejected(query.video_id, ref.video_id)]
        clips, step_s = self._reader.clips(ref), self._moments.step_s
        end_s = max(ref.decoded_s, (len(clips) - 1) * step_s + 1 / BASIS_FPS)
        located = self._locator.locate(query.clips, clips, step_s, MOMENTS_PER_VIDEO, self._config.min_score)
        moments = [within(moment, end_s) for moment in located]
        moments = [moment for moment in moments if moment.start_s < moment.end_s]
        left = honoured(match_of(query, ref, moments), decision, content) if moments else ()
        found = [with_shares(each, query, ref) if isinstance(each, Match) else each for each in left]
        for match in found:
            if self._strips and isinstance(match, Match):
                self._strips.draw(query, ref, match)
        return found

    def close(self) -> None:
        if self._strips:
            self._strips.close()
        self._opened.close()


def within(moment: Moment, end_s: float) -> Moment:
    """Of a video that ends there: its last step may be shorter than others. Empty where all of it is beyond."""
    return Moment(max(moment.start_s, 0.0), min(moment.end_s, end_s), min(max(moment.score, 0.0), 1.0))


def match_of(query: ClipFeatures, ref: StoredVideo, moments: list[Moment]) -> Match:
    """moments: of the reference, at least one, the best first. Without shares."""
    segments = tuple(
        Segment(
            0.0,
            query.decoded_s,
            moment.start_s,
            moment.end_s,
            moment.score,
            query_stream=query.info.stream if query.info.others else None,
            ref_stream=ref.stream,
        )
        for moment in moments
    )
    return Match(
        query_id=query.video_id,
        query_uri=query.source.uri,
        ref_id=ref.video_id,
        ref_uri=ref.uri,
        score=segments[0].score,
        segments=segments,
        query_metadata=query.source.metadata,
        ref_metadata=ref.metadata,
        mode="moment",
    )
