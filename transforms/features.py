"""Videos → keyframe embeddings: probe and cut, decode and embed ranges, join them. The front half of every job."""

from __future__ import annotations

import dataclasses
import functools
import threading
from collections.abc import Iterable, Iterator
from typing import IO, Any

import apache_beam as beam
import numpy as np
from apache_beam.coders import PickleCoder
from apache_beam.transforms.userstate import BagStateSpec, ReadModifyWriteStateSpec

from cliptrace.models.backbones.registry import Embedder
from cliptrace.models.clips import ClipEncoder, is_ready_made, open_clip_encoder
from cliptrace.models.clips.ready_made import ReadyMade
from cliptrace.models.keyframes import make_selector
from cliptrace.models.runtime import Device
from cliptrace.models.video_descriptors import open_descriptor
from cliptrace.schemas.config import BASIS_FPS, BackboneConfig, KeyframeConfig, Limits
from cliptrace.schemas.errors import CliptraceError, MediaError
from cliptrace.schemas.gallery import ClipsConfig
from cliptrace.schemas.records import (
    Failure,
    FrameFeatures,
    ProbedVideo,
    RangeFeatures,
    VideoRange,
    VideoSource,
    stream_id,
)
from cliptrace.transforms import telemetry
from cliptrace.transforms.contents import content_sample, content_sha256
from cliptrace.transforms.extract import Describing, extract_range, join_ranges
from cliptrace.transforms.isolation import Results, RunIsolated, failure_of
from cliptrace.transforms.media.probe import costly_starts, probe
from cliptrace.transforms.media.ranges import split
from cliptrace.transforms.media.staging import Scratch
from cliptrace.transforms.store import files


@dataclasses.dataclass(frozen=True)
class FeatureConfig:
    """How videos become embeddings, and with what.

    threads: videos that one worker decodes and embeds at a time. scratch_bytes: room for copies of remote files.
    views: what else than the plain keyframes is embedded (models/views.py), of queries only. all_streams: of a file
    with several video streams, all are videos, not only the one that players show. pictures: whether one is taken for a
    video of a single moment; of queries only, too. stored_views: of a gallery's keyframes, as keyframes of their own.
    descriptor: that videos get, by name; "" for none. described_keyframes: those that it is made of, where they are
    others; of queries only. moments: the clip features that videos get; None for none.
    """

    backbone: BackboneConfig
    keyframes: KeyframeConfig
    device: Device = "cpu"
    limits: Limits = dataclasses.field(default_factory=Limits)
    threads: int = 3
    scratch_bytes: int = 16 << 30
    views: tuple[str, ...] = ()
    all_streams: bool = False
    pictures: bool = False
    stored_views: tuple[str, ...] = ()
    descriptor: str = ""
    described_keyframes: KeyframeConfig | None = None
    moments: ClipsConfig | None = None


@beam.typehints.with_input_types(VideoSource | ProbedVideo)
class ExtractFeatures(beam.PTransform):
    """VideoSource, or ProbedVideo, → FrameFeatures. Frames stay in the worker that decoded them; only embeddings are
    shuffled."""

    def __init__(self, config: FeatureConfig) -> None:
        super().__init__()
        self._config = config

    def expand(self, sources: beam.PCollection) -> Results:
        threads = self._config.threads
        begun = sources | "Begin" >> RunIsolated(Begin(self._config), "probe", _source_of, threads)
        ranges = (
            begun.good
            | "LongVideos" >> beam.Filter(lambda output: isinstance(output, VideoRange))
            | "SpreadRanges" >> beam.Reshuffle()
            | "Decode" >> RunIsolated(Extract(self._config), "decode", lambda part: part.source, threads)
        )
        whole = begun.good | "ShortVideos" >> beam.Filter(lambda output: isinstance(output, RangeFeatures))
        videos = (
            (whole, ranges.good)
            | "AllParts" >> beam.Flatten()
            | "KeyByVideo" >> beam.WithKeys(_file_of)
            | "GatherRanges" >> beam.ParDo(_GatherRanges())
            | "Join" >> RunIsolated(Join(self._config), "decode", lambda parts: parts[0].range.source)
        )
        return Results(videos.good, (*begun.failures, *ranges.failures, *videos.failures))


class _GatherRanges(beam.DoFn):
    """(file, RangeFeatures) → all parts of a video, once the last one has come: also of a stream that never ends.

    Of a video with a range that became a dead letter nothing comes; the others wait for the same file, tried again.
    """

    PARTS = BagStateSpec("parts", PickleCoder())
    COME = ReadModifyWriteStateSpec("come", PickleCoder())

    def process(
        self,
        element: tuple[str, RangeFeatures],
        parts: Any = beam.DoFn.StateParam(PARTS),
        come: Any = beam.DoFn.StateParam(COME),
    ) -> Iterator[list[RangeFeatures]]:
        _, part = element
        if part.range.count == 1:
            yield [part]
            return
        before = come.read() or frozenset()
        if part.range.index in before:
            return
        if len(before) + 1 < part.range.count:
            parts.add(part)
            come.write(before | {part.range.index})
        else:
            yield [*parts.read(), part]
            parts.clear()
            come.clear()


def _file_of(part: RangeFeatures) -> str:
    """Names one version of a video: parts of another one are none of its."""
    return f"{part.range.source.fingerprint} {part.range.source.video_id}"


_opening = threading.Lock()


@functools.lru_cache(maxsize=1)
def _opened(backbone: BackboneConfig, device: Device) -> Embedder:
    """One network a process, whatever number of threads and stages a runner has: it may be called from several."""
    return Embedder.open(backbone, device)


@functools.lru_cache(maxsize=1)
def _clips_opened(moments: ClipsConfig, device: Device) -> ClipEncoder | ReadyMade:
    encoder = open_clip_encoder(moments.name, device)
    found = ClipsConfig(moments.name, encoder.sha256, encoder.dimension, encoder.step_s)
    if found != moments:
        raise CliptraceError(
            f"the gallery was built with moments {moments}, but this process has {found}: give all workers the files, "
            "and the version of cliptrace, that built it"
        )
    return encoder


def opened_encoder(moments: ClipsConfig, device: Device) -> ClipEncoder | ReadyMade:
    """One a process, as the backbone is. CliptraceError where this machine's is another one than the gallery's."""
    with _opening:
        return _clips_opened(moments, device)


class Extract:
    """VideoRange → RangeFeatures."""

    def __init__(self, config: FeatureConfig) -> None:
        self._config = config

    def open(self) -> None:
        self.scratch = open_scratch(self._config)
        self._selector = make_selector(self._config.keyframes, BASIS_FPS)
        self._describing = _describing(self._config)
        with _opening:
            self._embedder = _opened(self._config.backbone, self._config.device)
        moments = self._config.moments
        opened = opened_encoder(moments, self._config.device) if moments else None
        self._encoder = None if isinstance(opened, ReadyMade) else opened
        self._ready_made = opened if isinstance(opened, ReadyMade) else None

    def __call__(self, part: VideoRange) -> Iterable[RangeFeatures]:
        with self.scratch.stage(part.source.uri, part.source.fingerprint) as path:
            return [self.extract(path, part)]

    def check(self, video: ProbedVideo) -> None:
        """MediaError where clip features should be there already, and are not: before anything is decoded."""
        if self._ready_made:
            self._ready_made.check(video.source.uri, video.info)

    def extract(self, path: str, part: VideoRange) -> RangeFeatures:
        config = self._config
        features = extract_range(
            path,
            part,
            self._selector,
            self._embedder,
            config.limits,
            config.views,
            config.stored_views,
            self._describing,
            self._encoder,
            config.keyframes.key_frames_only,
        )
        telemetry.tell("seconds", features.decoded_s)
        telemetry.tell("keyframes", len(features.times))
        if part.index == part.count - 1:
            telemetry.tell("decoded")
        return features

    def close(self) -> None:
        self.scratch.close()


def _describing(config: FeatureConfig) -> Describing | None:
    if not config.descriptor:
        return None
    others = config.described_keyframes
    selector = make_selector(others, BASIS_FPS) if others else None
    return Describing(open_descriptor(config.descriptor, config.backbone), selector)


def open_scratch(config: FeatureConfig) -> Scratch:
    """Where a worker keeps its copies of remote files."""
    return Scratch(_fetch, config.limits, capacity_bytes=config.scratch_bytes)


def _fetch(uri: str) -> IO[bytes]:
    try:
        opened: IO[bytes] = files.open_bytes(uri)
        return opened
    except (OSError, ValueError) as error:  # ValueError: a scheme that Beam does not know
        raise MediaError(f"cannot be fetched: {files.reason(error)}") from error


class Probe:
    """VideoSource → ProbedVideo."""

    def __init__(self, config: FeatureConfig) -> None:
        self._config = config

    def open(self) -> None:
        self.scratch = open_scratch(self._config)

    def __call__(self, source: VideoSource) -> list[ProbedVideo]:
        check_name(source)
        with self.scratch.stage(source.uri, source.fingerprint) as path:
            return [probed(path, source, self._config)]

    def close(self) -> None:
        self.scratch.close()


def check_name(source: VideoSource) -> None:
    try:
        source.uri.encode()
    except UnicodeEncodeError:
        raise MediaError("file name is not UTF-8: rename the file") from None


def probed(path: str, source: VideoSource, config: FeatureConfig) -> ProbedVideo:
    info = probe(path, config.limits, source.stream)
    if info.is_picture and not config.pictures:
        raise MediaError("a picture, not a video: only cliptrace match takes one, as a query")
    content = content_of(content_sha256(path), source)
    sample = content_sample(path, info.size_bytes)
    return ProbedVideo(source, dataclasses.replace(info, content_sha256=content, content_sample=sample))


def content_of(sha256: str, source: VideoSource) -> str:
    """Equal for equal content. That of a stream by itself is never that of a file."""
    return sha256 if source.stream is None else stream_id(sha256, source.stream)


def each_stream(path: str, first: ProbedVideo, config: FeatureConfig) -> Iterator[ProbedVideo | Failure]:
    """The video, and the others of its file that are asked for. What is wrong with one is its own dead letter."""
    yield first
    if not config.all_streams or first.source.stream is not None:
        return
    for number in first.info.others:
        source = first.source.of_stream(number)
        try:
            info = probe(path, config.limits, number)
        except MediaError as error:
            yield failure_of(source, "probe", error)
        else:
            content = content_of(first.info.content_sha256, source)
            yield ProbedVideo(source, dataclasses.replace(info, content_sha256=content))


def _source_of(video: VideoSource | ProbedVideo) -> VideoSource:
    return video.source if isinstance(video, ProbedVideo) else video


class Begin:
    """A video → its RangeFeatures where one range is all of it, else its VideoRanges, for other workers to share; with
    ``all_streams``, those of the file's other video streams, too.

    Probing and decoding a short video in one go keeps ffmpeg busy from the start, and fetches a remote file once.
    """

    def __init__(self, config: FeatureConfig) -> None:
        self._config = config
        self._extract = Extract(config)

    def open(self) -> None:
        self._extract.open()

    def __call__(self, video: VideoSource | ProbedVideo) -> Iterable[VideoRange | RangeFeatures | Failure]:
        source = _source_of(video)
        check_name(source)
        with self._extract.scratch.stage(source.uri, source.fingerprint) as path:
            first = video if isinstance(video, ProbedVideo) else probed(path, source, self._config)
            return [begun for each in each_stream(path, first, self._config) for begun in self._begin(path, each)]

    def _begin(self, path: str, video: ProbedVideo | Failure) -> Iterable[VideoRange | RangeFeatures | Failure]:
        if isinstance(video, Failure):
            return [video]
        self._extract.check(video)
        limits = self._config.limits
        ranges = split(video.source, video.info, limits, costly_starts(path, video.info, limits))
        return [self._extract.extract(path, ranges[0])] if len(ranges) == 1 else ranges

    def close(self) -> None:
        self._extract.close()


class Join:
    """RangeFeatures of one video → FrameFeatures."""

    def __init__(self, config: FeatureConfig) -> None:
        self._config = config

    def open(self) -> None:
        name = self._config.descriptor
        self._descriptor = open_descriptor(name, self._config.backbone) if name else None
        moments = self._config.moments
        wanted = moments if moments and is_ready_made(moments.name) else None  # no network is opened to join
        self._ready_made = opened_encoder(wanted, self._config.device) if wanted else None

    def __call__(self, parts: list[RangeFeatures]) -> Iterator[FrameFeatures]:
        video = join_ranges(parts, self._descriptor, self._config.moments)
        if isinstance(self._ready_made, ReadyMade):
            clips = self._ready_made.clips(video.source.uri, video.info)
            video = dataclasses.replace(video, clips=clips.astype(np.float16))
        # One video at a time, in the thread that Beam runs the DoFn in: what is counted here reaches the submitter.
        telemetry.count("videos")
        telemetry.count("decoded_ms", round(video.decoded_s * 1000))
        telemetry.count("keyframes", len(video.times))
        yield video

    def close(self) -> None: ...
