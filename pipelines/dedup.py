"""cliptrace dedup: uploads → features → both stores → search → verdicts, as a stream or until what is there is done."""

from __future__ import annotations

import dataclasses
import functools
import time
from collections.abc import Callable, Sequence

import apache_beam as beam

from cliptrace.models.backbones.background import Background
from cliptrace.models.runtime import Device
from cliptrace.pipelines.index import IndexOptions, check_options, open_or_create
from cliptrace.pipelines.models import check_moments, feature_config
from cliptrace.pipelines.running import new_run, run_pipeline, waves
from cliptrace.pipelines.status import Status
from cliptrace.pipelines.streaming import stream
from cliptrace.schemas.config import DEDUP_MIN_SCORE, KeyframeConfig
from cliptrace.schemas.errors import UsageError
from cliptrace.schemas.records import VideoSource
from cliptrace.schemas.verdicts import CANONICAL, DUPLICATE, OVERLAPS, Policy
from cliptrace.transforms.dedup.arbiter import Settle
from cliptrace.transforms.dedup.contents import TellContents
from cliptrace.transforms.dedup.judging import JudgeUploads
from cliptrace.transforms.dedup.log import Log
from cliptrace.transforms.dedup.notifications import Notifications
from cliptrace.transforms.dedup.watch import Listed, Seen, Watch, answered, settled
from cliptrace.transforms.dedup.webhook import Deliver, check_url, undelivered
from cliptrace.transforms.features import ExtractFeatures, FeatureConfig, Probe
from cliptrace.transforms.isolation import RunIsolated
from cliptrace.transforms.matching import MatchConfig
from cliptrace.transforms.sources import list_watched
from cliptrace.transforms.store import files, ledger
from cliptrace.transforms.store.gallery import Gallery, is_local, locked
from cliptrace.transforms.store.stops import update_stops
from cliptrace.transforms.store.sweeping import sweep
from cliptrace.transforms.storing import StoreFeatures


@dataclasses.dataclass(frozen=True, kw_only=True)
class DedupOptions:
    """watch: folder or glob; or else notifications: a Pub/Sub subscription. once: judge what is there, and end.

    policy: a TOML file; "" for the defaults.

    backbone, keyframes, milvus: as IndexOptions.
    """

    watch: str
    gallery: str
    output: str
    notifications: str = ""
    once: bool = False
    policy: str = ""
    webhook: str = ""
    poll_s: float = 2.0
    min_score: float = DEDUP_MIN_SCORE
    backbone: str | None = None
    keyframes: KeyframeConfig | None = None
    milvus: str | None = None
    device: Device = "cpu"
    threads: int = 3
    beam_args: Sequence[str] = ()


@dataclasses.dataclass(frozen=True)
class Job:
    """A dedup run that has been decided on, and nothing done."""

    options: DedupOptions
    policy: Policy
    opening: IndexOptions


@dataclasses.dataclass(frozen=True)
class Judging:
    """What does not change from wave to wave."""

    gallery: Gallery
    config: FeatureConfig
    matching: MatchConfig
    policy: Policy
    log: Log
    webhook: str
    run: str


def build(pipeline: beam.Pipeline, uploads: beam.PTransform, judging: Judging) -> None:
    """uploads → verdicts, which are in the log; dead letters of all stages go there, too.

    uploads: from a pipeline to Results of VideoSources.
    """
    config = judging.config
    sources = pipeline | "Uploads" >> uploads
    spread = sources.good | "SpreadUploads" >> beam.Reshuffle()
    videos = spread | "Probe" >> RunIsolated(Probe(config), "probe", lambda source: source, config.threads)
    contents = videos.good | "TellContents" >> TellContents(judging.gallery.home)
    features = contents.leaders | "SpreadLeaders" >> beam.Reshuffle() | "ExtractFeatures" >> ExtractFeatures(config)
    stored = features.good | "StoreFeatures" >> StoreFeatures(judging.gallery, judging.run)
    judged = stored.good | "JudgeUploads" >> JudgeUploads(
        judging.gallery, judging.matching, config.backbone, judging.run, config.threads
    )
    failures = (*sources.failures, *videos.failures, *features.failures, *stored.failures, *judged.failures)
    verdicts = (
        (judged.good, contents.copies, *failures) | beam.Flatten() | "Settle" >> Settle(judging.log, judging.policy)
    )
    if judging.webhook:
        verdicts | "Deliver" >> Deliver(judging.log, judging.webhook)


@dataclasses.dataclass(frozen=True, kw_only=True)
class DedupReport:
    """What became of a run.

    judged: uploads with a verdict, of which canonical, duplicates and overlaps; revised: verdicts that were.
    still_growing: files that were left for the next run. undelivered: events that the webhook did not take.
    video_s: seconds of video decoded, in elapsed_s.
    """

    gallery: str
    output: str
    judged: int
    canonical: int
    duplicates: int
    overlaps: int
    revised: int
    failed: int
    still_growing: int
    undelivered: int
    video_s: float
    elapsed_s: float


def prepare(options: DedupOptions) -> Job:
    """UsageError for what can be told before there is a gallery. Writes nothing."""
    policy = read_policy(options.policy)
    if options.webhook:
        check_url(options.webhook)
    opening = IndexOptions(
        sources=(),
        gallery=options.gallery,
        backbone=options.backbone,
        keyframes=options.keyframes,
        milvus=options.milvus,
        beam_args=options.beam_args,
    )
    check_options(opening)
    return Job(options, policy, opening)


def judging_with(job: Job, gallery: Gallery) -> Judging:
    options = job.options
    config = feature_config(gallery, options.device, options.threads)
    check_moments(gallery)
    Background.of(config.backbone)  # what is wrong with it is told before the work
    matching = MatchConfig.suited_to(config.backbone, min_score=options.min_score)
    log = Log(options.output, job.policy.remember_days)
    return Judging(gallery, config, matching, job.policy, log, options.webhook, new_run())


def run(job: Job, tell: Callable[[str], None] = lambda line: None) -> DedupReport:
    """Judge uploads as they come, for ever, or with ``once`` those that are there. tell: how it is doing, a line."""
    options = job.options
    with locked(options.gallery):
        gallery = open_or_create(job.opening).migrated()
        judging = judging_with(job, gallery)
        with judging.log.held():
            pass  # so is a folder that cannot be written to
        if is_local(gallery.root):
            sweep(gallery, ledger.read_attempts(gallery.root), gallery.vectors(), judging.run)  # what a killed run left
        with Status(Log(options.output, job.policy.remember_days), tell) as status:
            growing = _once(options, judging) if options.once else _for_ever(options, judging)
        with gallery.vectors() as vectors:
            vectors.flush()
        update_stops(gallery)
    return DedupReport(
        gallery=gallery.home,
        output=options.output,
        judged=len(status.verdicts),
        canonical=status.count(CANONICAL),
        duplicates=status.count(DUPLICATE),
        overlaps=status.count(OVERLAPS),
        revised=status.revised,
        failed=status.failures,
        still_growing=growing,
        undelivered=undelivered(judging.log) if options.webhook else 0,
        video_s=status.seconds,
        elapsed_s=status.elapsed_s,
    )


def _once(options: DedupOptions, judging: Judging) -> int:
    """Judge what is there. Returns the number of files that still grow."""
    seen: Seen = answered(Log(options.output, judging.policy.remember_days))
    sources: list[VideoSource] = []
    for last_look in (False, True):
        ready, seen = settled(list_watched(options.watch), seen, time.time() - options.poll_s)
        sources += ready
        growing = sum(not quiet for _, quiet in seen.values())
        if last_look or not growing:
            break
        time.sleep(options.poll_s)
    for wave in waves(sources, options.beam_args):
        run_pipeline(functools.partial(build, uploads=Listed(wave), judging=judging), options.beam_args)
    return growing


def _for_ever(options: DedupOptions, judging: Judging) -> int:
    stream(functools.partial(build, uploads=endless(options, judging.log), judging=judging), options.beam_args)
    return 0


def endless(options: DedupOptions, log: Log) -> beam.PTransform:
    """Uploads as they come."""
    if options.notifications:
        return Notifications(options.notifications)
    return Watch(options.watch, options.poll_s, log)


def read_policy(path: str) -> Policy:
    """UsageError where it cannot be read or understood."""
    if not path:
        return Policy()
    try:
        return Policy.parse(files.read_bytes(path).decode(), path)
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{path}: cannot be read: {files.reason(error)}") from error
