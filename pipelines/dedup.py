"""cliptrace dedup: uploads → features → both stores → search → verdicts, as a stream or until what is there is done."""

from __future__ import annotations

import dataclasses
import functools
import time
from collections.abc import Sequence

import apache_beam as beam

from cliptrace.models.backbones.background import Background
from cliptrace.models.runtime import Device
from cliptrace.pipelines.index import IndexOptions, check_options, open_or_create
from cliptrace.pipelines.models import feature_config
from cliptrace.pipelines.progress import Summary
from cliptrace.pipelines.running import new_run, run, waves
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
    """What does not change from wave to wave."""

    gallery: Gallery
    config: FeatureConfig
    matching: MatchConfig
    policy: Policy
    log: Log
    webhook: str
    run: str


def build(pipeline: beam.Pipeline, uploads: beam.PTransform, job: Job) -> None:
    """uploads → verdicts, which are in the log; dead letters of all stages go there, too.

    uploads: from a pipeline to Results of VideoSources.
    """
    config = job.config
    sources = pipeline | "Uploads" >> uploads
    spread = sources.good | "SpreadUploads" >> beam.Reshuffle()
    videos = spread | "Probe" >> RunIsolated(Probe(config), "probe", lambda source: source, config.threads)
    contents = videos.good | "TellContents" >> TellContents()
    features = contents.leaders | "SpreadLeaders" >> beam.Reshuffle() | "ExtractFeatures" >> ExtractFeatures(config)
    stored = features.good | "StoreFeatures" >> StoreFeatures(job.gallery, job.run)
    judged = stored.good | "JudgeUploads" >> JudgeUploads(
        job.gallery, job.matching, config.backbone, job.run, config.threads
    )
    failures = (*sources.failures, *videos.failures, *features.failures, *stored.failures, *judged.failures)
    verdicts = (judged.good, contents.copies, *failures) | beam.Flatten() | "Settle" >> Settle(job.log, job.policy)
    if job.webhook:
        verdicts | "Deliver" >> Deliver(job.log, job.webhook)


def dedup(options: DedupOptions) -> Summary:
    """Judge uploads as they come, for ever, or with ``once`` those that are there."""
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
    with locked(options.gallery):
        gallery = open_or_create(opening).migrated()
        config = feature_config(gallery, options.device, options.threads)
        Background.of(config.backbone)  # what is wrong with it is told before the work
        log = Log(options.output, policy.remember_days)
        with log.held():
            pass  # so is a folder that cannot be written to
        run_id = new_run()
        job = Job(
            gallery,
            config,
            MatchConfig.suited_to(config.backbone, min_score=options.min_score),
            policy,
            log,
            options.webhook,
            run_id,
        )
        if is_local(gallery.root):
            sweep(gallery, ledger.read_attempts(gallery.root), gallery.vectors(), run_id)  # what a killed run left
        with Status(Log(options.output, policy.remember_days)) as status:
            growing = _once(options, job) if options.once else _for_ever(options, job)
        with gallery.vectors() as vectors:
            vectors.flush()
        update_stops(gallery)
    waiting = undelivered(log) if options.webhook else 0
    return Summary(
        videos=len(status.verdicts),
        failures=status.failures,
        seconds=status.seconds,
        elapsed_s=status.elapsed_s,
        lines={
            "canonical": f"{status.count(CANONICAL):,}",
            "duplicates": f"{status.count(DUPLICATE):,}",
            "partial overlaps": f"{overlaps:,}" if (overlaps := status.count(OVERLAPS)) else "",
            "verdicts revised": f"{status.revised:,}" if status.revised else "",
            "still growing, left": f"{growing:,}" if growing else "",
            "events not delivered": f"{waiting:,} (the next run goes on)" if waiting else "",
            "gallery": gallery.home,
            "output": f"{options.output}/verdicts-*.jsonl",
            "failures in": f"{options.output}/failures-*.jsonl" if status.failures else "",
        },
    )


def _once(options: DedupOptions, job: Job) -> int:
    """Judge what is there. Returns the number of files that still grow."""
    seen: Seen = answered(Log(options.output, job.policy.remember_days))
    sources: list[VideoSource] = []
    for last_look in (False, True):
        ready, seen = settled(list_watched(options.watch), seen, time.time() - options.poll_s)
        sources += ready
        growing = sum(not quiet for _, quiet in seen.values())
        if last_look or not growing:
            break
        time.sleep(options.poll_s)
    for wave in waves(sources, options.beam_args):
        run(functools.partial(build, uploads=Listed(wave), job=job), options.beam_args)
    return growing


def _for_ever(options: DedupOptions, job: Job) -> int:
    stream(functools.partial(build, uploads=endless(options, job.log), job=job), options.beam_args)
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
