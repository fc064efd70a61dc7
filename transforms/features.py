"""Videos → keyframe embeddings: probe and cut, decode and embed ranges, join them. The front half of every job."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator

import apache_beam as beam

from models.backbones.registry import Embedder
from models.keyframes import make_selector
from models.runtime import Device
from schemas.config import BASIS_FPS, BackboneConfig, KeyframeConfig, Limits
from schemas.errors import MediaError
from schemas.records import FrameFeatures, RangeFeatures, VideoRange, VideoSource
from transforms import telemetry
from transforms.extract import extract_range, join_ranges
from transforms.isolation import Results, RunIsolated
from transforms.media.probe import content_sha256, probe
from transforms.media.ranges import split
from transforms.media.staging import Scratch
from transforms.store import files


@dataclasses.dataclass(frozen=True)
class FeatureConfig:
    """How videos become embeddings, and with what.

    threads: videos that one worker decodes and embeds at a time. scratch_bytes: room for copies of remote files.
    """

    backbone: BackboneConfig
    keyframes: KeyframeConfig
    device: Device = "cpu"
    limits: Limits = dataclasses.field(default_factory=Limits)
    threads: int = 3
    scratch_bytes: int = 16 << 30


class ExtractFeatures(beam.PTransform):
    """VideoSource → FrameFeatures. Frames stay in the worker that decoded them; only embeddings are shuffled."""

    def __init__(self, config: FeatureConfig) -> None:
        super().__init__()
        self._config = config

    def expand(self, sources: beam.PCollection) -> Results:
        threads = self._config.threads
        ranges = sources | "Probe" >> RunIsolated(Probe(self._config), "probe", lambda source: source, threads)
        parts = (
            ranges.good
            | "SpreadRanges" >> beam.Reshuffle()
            | "Decode" >> RunIsolated(Extract(self._config), "decode", lambda part: part.source, threads)
        )
        videos = (
            parts.good
            | "KeyByVideo" >> beam.WithKeys(lambda part: part.range.source.video_id)
            | "GroupRanges" >> beam.GroupByKey()
            | "Parts" >> beam.Values()
            | "Materialise" >> beam.Map(list)
            | "Join" >> RunIsolated(Join(), "decode", lambda parts: parts[0].range.source)
        )
        return Results(videos.good, (*ranges.failures, *parts.failures, *videos.failures))


class Probe:
    """VideoSource → its VideoRanges."""

    def __init__(self, config: FeatureConfig) -> None:
        self._config = config

    def open(self) -> None:
        self._scratch = Scratch(files.open_bytes, self._config.limits, capacity_bytes=self._config.scratch_bytes)

    def __call__(self, source: VideoSource) -> Iterable[VideoRange]:
        try:
            source.uri.encode()
        except UnicodeEncodeError:
            raise MediaError("file name is not UTF-8: rename the file") from None
        with self._scratch.stage(source.uri, source.fingerprint) as path:
            info = probe(path, self._config.limits)
            info = dataclasses.replace(info, content_sha256=content_sha256(path))
        return split(source, info, self._config.limits)

    def close(self) -> None:
        self._scratch.close()


class Extract:
    """VideoRange → RangeFeatures."""

    def __init__(self, config: FeatureConfig) -> None:
        self._config = config

    def open(self) -> None:
        self._scratch = Scratch(files.open_bytes, self._config.limits, capacity_bytes=self._config.scratch_bytes)
        self._selector = make_selector(self._config.keyframes, BASIS_FPS)
        self._embedder = Embedder.open(self._config.backbone, self._config.device)

    def __call__(self, part: VideoRange) -> Iterator[RangeFeatures]:
        with self._scratch.stage(part.source.uri, part.source.fingerprint) as path:
            features = extract_range(path, part, self._selector, self._embedder, self._config.limits)
        telemetry.tell("seconds", features.decoded_s)
        telemetry.tell("keyframes", len(features.times))
        if part.index == part.count - 1:
            telemetry.tell("decoded")
        yield features

    def close(self) -> None:
        self._scratch.close()


class Join:
    """RangeFeatures of one video → FrameFeatures."""

    def open(self) -> None: ...

    def __call__(self, parts: list[RangeFeatures]) -> Iterator[FrameFeatures]:
        yield join_ranges(parts)

    def close(self) -> None: ...
