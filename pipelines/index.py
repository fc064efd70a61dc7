"""cliptrace index: videos → keyframe embeddings → Parquet and Milvus → ledger."""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import secrets
import threading
from collections.abc import Iterator, Mapping, Sequence
from typing import NoReturn

import apache_beam as beam

from cliptrace.models.backbones.background import Background
from cliptrace.models.backbones.registry import config_to_json, load_config
from cliptrace.models.keyframes import with_weights
from cliptrace.models.runtime import Device
from cliptrace.pipelines.counting import counting
from cliptrace.pipelines.models import describe, feature_config, identity
from cliptrace.pipelines.running import check_store, is_template, new_run, run_pipeline, waves
from cliptrace.schemas.config import DEFAULT_BACKBONE, DEFAULT_KEYFRAMES, KeyframeConfig
from cliptrace.schemas.errors import CliptraceError, UsageError
from cliptrace.schemas.gallery import GalleryManifest, collection_prefix
from cliptrace.schemas.records import VideoSource
from cliptrace.transforms.features import ExtractFeatures, FeatureConfig
from cliptrace.transforms.sources import Listing, list_sources
from cliptrace.transforms.store import ledger
from cliptrace.transforms.store.gallery import Gallery, check_vectors, is_local, locked
from cliptrace.transforms.store.stops import update_stops
from cliptrace.transforms.store.sweeping import sweep
from cliptrace.transforms.store.takedown import Tombstone, read_tombstones
from cliptrace.transforms.store.vectors import check_address
from cliptrace.transforms.storing import RecordFailures, StoreFeatures


@dataclasses.dataclass(frozen=True, kw_only=True)
class IndexOptions:
    """backbone, keyframes, stored_views, milvus: None for the gallery's own, or the default where it is yet to be made.

    since_s, limit: as ``ledger.plan`` takes them.
    """

    sources: Sequence[str]
    gallery: str
    backbone: str | None = None
    keyframes: KeyframeConfig | None = None
    stored_views: tuple[str, ...] | None = None
    milvus: str | None = None
    device: Device = "cpu"
    threads: int = 3
    retry_failed: bool = False
    since_s: float | None = None
    limit: int | None = None
    beam_args: Sequence[str] = ()


def build(
    pipeline: beam.Pipeline, sources: list[VideoSource], gallery: Gallery, config: FeatureConfig, run: str
) -> None:
    """sources → features → both stores and the ledger; dead letters of all stages → failures and the ledger."""
    videos = pipeline | "Sources" >> beam.Create(sources) | "SpreadSources" >> beam.Reshuffle()
    features = videos | "ExtractFeatures" >> ExtractFeatures(config)
    stored = features.good | "StoreFeatures" >> StoreFeatures(gallery, run)
    failures = (*features.failures, *stored.failures) | "Failures" >> beam.Flatten()
    failures | "RecordFailures" >> RecordFailures(gallery.root, run)


@dataclasses.dataclass(frozen=True)
class Job:
    """An index run that has been decided on, and nothing done. Its plan depends on what the ledger holds by then."""

    options: IndexOptions
    listing: Listing

    def plan(self, known: Mapping[str, ledger.Attempt], removed: Sequence[Tombstone]) -> ledger.Plan:
        asked = self.options
        return ledger.plan(self.listing.sources, known, removed, asked.retry_failed, asked.since_s, asked.limit)


@dataclasses.dataclass(frozen=True)
class Skipped:
    """Sources that a run leaves alone. removed: ids of videos that were taken out, and are kept out. older: than
    ``since_s``. left: for the next run, by ``limit``. other_files: that are no videos."""

    unchanged: int
    known_failures: int
    removed: tuple[str, ...]
    older: int
    left: int
    other_files: int

    @classmethod
    def of(cls, plan: ledger.Plan, listing: Listing) -> Skipped:
        removed = tuple(plan.removed)
        return cls(plan.unchanged, plan.known_failures, removed, plan.older, plan.left, listing.ignored)


@dataclasses.dataclass(frozen=True)
class Rehearsal:
    """What a run would do. work: id and uri of each video, and why: new, changed or retry. exists: the gallery does."""

    work: tuple[dict[str, str], ...]
    skipped: Skipped
    gallery: str
    exists: bool


@dataclasses.dataclass(frozen=True, kw_only=True)
class IndexReport:
    """What became of a run.

    run: its name. gallery: its folder, which holds ``in_gallery`` videos now. indexed, failed: videos. partly_decoded,
    replaced: ids of indexed ones: of files that break off, and that took the place of others. left_to_the_job: videos
    that a template will index. video_s: seconds of video decoded, in elapsed_s. dead_letters: folder; None for none.
    """

    run: str
    gallery: str
    in_gallery: int
    indexed: int
    failed: int
    partly_decoded: tuple[str, ...]
    replaced: tuple[str, ...]
    skipped: Skipped
    left_to_the_job: int
    keyframes: int
    video_s: float
    elapsed_s: float
    dead_letters: str | None


def prepare(options: IndexOptions) -> Job:
    """UsageError for what can be told before there is a gallery. Writes nothing."""
    check_options(options)
    return Job(options, list_sources(options.sources))


def rehearse(job: Job) -> Rehearsal:
    """What ``run`` would do with which videos, and why. Writes nothing, makes no gallery, and takes no lock."""
    gallery = open_existing(job.options)
    known = ledger.latest(ledger.read_attempts(gallery.root)) if gallery else {}
    plan = job.plan(known, read_tombstones(gallery.home) if gallery else [])
    work = [
        {
            "video_id": source.video_id,
            "uri": source.uri,
            "why": "new" if source.video_id not in known else "retry" if source.attempt > 1 else "changed",
        }
        for source in plan.work
    ]
    home = gallery.home if gallery else job.options.gallery
    return Rehearsal(tuple(work), Skipped.of(plan, job.listing), home, gallery is not None)


def run(job: Job) -> IndexReport:
    """Bring the gallery up to date with the sources. Known videos cost a look at their size and time, no more."""
    options, run_id = job.options, new_run()
    with locked(options.gallery):  # also while it is made: two first runs must not each make one
        gallery = open_or_create(options).migrated()
        config = feature_config(gallery, options.device, options.threads)
        attempts = ledger.read_attempts(gallery.root)
        plan = job.plan(ledger.latest(attempts), read_tombstones(gallery.home))
        before = ledger.live(attempts)
        if is_local(gallery.root):
            sweep(gallery, attempts, gallery.vectors(), run_id)  # what a killed run left
        if plan.work and before:
            _check_vectors(gallery, plan)
        with counting(len(plan.work)) as counts, _vectors_starting(gallery, plan):
            for wave in waves(plan.work, options.beam_args):
                step = functools.partial(build, sources=wave, gallery=gallery, config=config, run=run_id)
                run_pipeline(step, options.beam_args)
        if plan.work:
            with gallery.vectors() as vectors:
                vectors.flush()
            attempts = ledger.read_attempts(gallery.root)
            if is_local(gallery.root):
                sweep(gallery, attempts, gallery.vectors(), run_id)  # of videos that were replaced or removed meanwhile
            update_stops(gallery)
    mine = [attempt for attempt in attempts if attempt.run == run_id]
    indexed = [attempt for attempt in mine if attempt.status == ledger.INDEXED]
    failed = sum(attempt.status == ledger.FAILED for attempt in mine)
    return IndexReport(
        run=run_id,
        gallery=gallery.home,
        in_gallery=len(ledger.live(attempts)),
        indexed=len(indexed),
        failed=failed,
        partly_decoded=tuple(attempt.video_id for attempt in indexed if attempt.message),
        replaced=tuple(each.video_id for each in indexed if _is_another(each, before.get(each.video_id))),
        skipped=Skipped.of(plan, job.listing),
        left_to_the_job=len(plan.work) * is_template(options.beam_args),
        keyframes=counts.keyframes,
        video_s=counts.seconds,
        elapsed_s=counts.elapsed_s,
        dead_letters=f"{gallery.root}/failures/run={run_id}" if failed else None,
    )


def check_options(options: IndexOptions) -> None:
    """What can be told before there is a gallery."""
    if options.milvus:
        check_address(options.milvus)
    gallery = Gallery.load(options.gallery)
    check_store(options.gallery, gallery.manifest.milvus if gallery else options.milvus or "", options.beam_args)
    if gallery is None:
        # match will need it: what is wrong with it is told before the work
        Background.of(load_config(options.backbone or DEFAULT_BACKBONE))


def open_or_create(options: IndexOptions) -> Gallery:
    """The gallery, made if there is none. UsageError where the options name other models than it was built with."""
    return open_existing(options) or Gallery.create(options.gallery, new_manifest(options))


def new_manifest(options: IndexOptions) -> GalleryManifest:
    """Of a gallery that the options make."""
    return GalleryManifest(
        name=collection_prefix(options.gallery, secrets.token_hex(4)),
        backbone=config_to_json(load_config(options.backbone or DEFAULT_BACKBONE)),
        keyframes=with_weights(options.keyframes or DEFAULT_KEYFRAMES),
        milvus=options.milvus or "",
        views=options.stored_views or (),
    )


def open_existing(options: IndexOptions) -> Gallery | None:
    """None where there is none. UsageError where the options name other models than it was built with."""
    gallery = Gallery.load(options.gallery)
    if gallery is None:
        return None
    backbone = config_to_json(load_config(options.backbone or DEFAULT_BACKBONE))
    manifest = gallery.manifest
    if options.backbone and identity(manifest.backbone) != identity(backbone):
        _refuse(gallery, "backbone", describe(manifest.backbone), describe(backbone))
    if options.keyframes:
        asked, stored = with_weights(options.keyframes), manifest.keyframes
        if asked.weights:  # one's own are known by their digest, wherever they lie
            same = asked == dataclasses.replace(stored, weights=asked.weights)
        else:
            same = options.keyframes == dataclasses.replace(stored, weights_sha256="")
        if not same:
            _refuse(gallery, "keyframes", str(manifest.keyframes), str(options.keyframes))
        if asked.weights:
            gallery = dataclasses.replace(gallery, manifest=dataclasses.replace(manifest, keyframes=asked))
    if options.stored_views not in (None, manifest.views):
        built, asked_views = (",".join(views or ()) or "none" for views in (manifest.views, options.stored_views))
        _refuse(gallery, "stored-views", built, asked_views)
    if options.milvus not in (None, manifest.milvus):
        _refuse(gallery, "milvus", manifest.milvus or "the embedded store", str(options.milvus))
    return gallery


def _check_vectors(gallery: Gallery, plan: ledger.Plan) -> None:
    """Before the work. What is indexed anew may be missing: a run that was cut off may have replaced half of it."""
    anew = {source.video_id for source in plan.work}
    with gallery.vectors() as vectors:
        check_vectors(gallery, vectors, anew)


def _is_another(attempt: ledger.Attempt, before: ledger.Attempt | None) -> bool:
    """Whether another file took the place of a video: not the same one, changed, nor the same content elsewhere."""
    return before is not None and before.uri != attempt.uri and before.content_sha256 != attempt.content_sha256


@contextlib.contextmanager
def _vectors_starting(gallery: Gallery, plan: ledger.Plan) -> Iterator[None]:
    """Import, start and hold the vector store while the first videos decode. What is wrong with it, a commit says."""
    finished = threading.Event()

    def hold() -> None:
        with contextlib.suppress(CliptraceError), gallery.vectors():
            finished.wait()

    if not plan.work:
        yield
        return
    holder = threading.Thread(target=hold, daemon=True)
    holder.start()
    try:
        yield
    finally:
        finished.set()
        holder.join()


def _refuse(gallery: Gallery, what: str, built: str, asked: str) -> NoReturn:
    raise UsageError(
        f"{gallery.root} was built with {what} {built}, not {asked}: leave --{what} out, or index into another gallery"
    )
