"""cliptrace index: videos → keyframe embeddings → Parquet and Milvus → ledger."""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import secrets
import threading
from collections.abc import Iterator, Sequence
from typing import NoReturn

import apache_beam as beam

from models.backbones.background import Background
from models.backbones.registry import config_to_json, load_config
from models.runtime import Device
from pipelines.models import describe, feature_config, identity
from pipelines.progress import Progress, Summary, named
from pipelines.running import new_run, run, waves
from schemas.config import DEFAULT_BACKBONE, KeyframeConfig
from schemas.errors import CliptraceError, UsageError
from schemas.gallery import GalleryManifest, collection_prefix
from schemas.records import VideoSource
from transforms.features import ExtractFeatures, FeatureConfig
from transforms.sources import list_sources
from transforms.store import ledger
from transforms.store.gallery import Gallery, check_vectors, is_local, read_videos, sweep
from transforms.store.vectors import check_address
from transforms.storing import RecordFailures, StoreFeatures


@dataclasses.dataclass(frozen=True, kw_only=True)
class IndexOptions:
    """backbone, keyframes, milvus: None for the gallery's own, or the default where it is yet to be made."""

    sources: Sequence[str]
    gallery: str
    backbone: str | None = None
    keyframes: KeyframeConfig | None = None
    milvus: str | None = None
    device: Device = "cpu"
    threads: int = 3
    retry_failed: bool = False
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


def index(options: IndexOptions) -> Summary:
    """Bring the gallery up to date with the sources. Known videos cost a look at their size and time, no more."""
    listing = list_sources(options.sources)
    gallery = open_or_create(options)
    config = feature_config(gallery, options.device, options.threads)
    run_id = new_run()
    with gallery.locked():
        attempts = ledger.read_attempts(gallery.root)
        plan = ledger.plan(listing.sources, ledger.latest(attempts), options.retry_failed)
        before = ledger.live(attempts)
        if is_local(gallery.root):
            sweep(gallery, attempts)  # what a killed run left
        if plan.work and before:
            _check_vectors(gallery, plan)
        with Progress("index", len(plan.work)) as progress, _vectors_starting(gallery, plan):
            for wave in waves(plan.work, options.beam_args):
                step = functools.partial(build, sources=wave, gallery=gallery, config=config, run=run_id)
                run(step, options.beam_args)
        if plan.work:
            with gallery.vectors() as vectors:
                vectors.flush()
            attempts = ledger.read_attempts(gallery.root)
            if is_local(gallery.root):
                sweep(gallery, attempts)  # rows of videos that were replaced
    mine = [attempt for attempt in attempts if attempt.run == run_id]
    indexed = [attempt for attempt in mine if attempt.status == ledger.INDEXED]
    return Summary(
        videos=len(indexed),
        failures=len(mine) - len(indexed),
        seconds=progress.seconds,
        elapsed_s=progress.elapsed_s,
        lines={
            "keyframes": f"{progress.keyframes:,}",
            "partly decoded": named([attempt.video_id for attempt in indexed if attempt.message]),
            "replaced by other files": named([a.video_id for a in indexed if _is_another(a, before.get(a.video_id))]),
            "unchanged, skipped": _some(plan.unchanged),
            "known failures, skipped": _some(plan.known_failures, "retry them with --retry-failed"),
            "other files, ignored": _some(listing.ignored),
            "gallery": f"{gallery.root} ({len(ledger.live(attempts)):,} videos)",
            "failures in": f"{gallery.root}/failures/run={run_id}" if len(mine) > len(indexed) else "",
        },
    )


def open_or_create(options: IndexOptions) -> Gallery:
    """The gallery, made if there is none. UsageError where the options name other models than it was built with."""
    if options.milvus:
        check_address(options.milvus)
    gallery = Gallery.load(options.gallery)
    config = load_config(options.backbone or DEFAULT_BACKBONE)
    backbone = config_to_json(config)
    if gallery is None:
        Background.of(config)  # match will need it: what is wrong with it is told before the work
        manifest = GalleryManifest(
            name=collection_prefix(options.gallery, secrets.token_hex(4)),
            backbone=backbone,
            keyframes=options.keyframes or KeyframeConfig(),
            milvus=options.milvus or "",
        )
        return Gallery.create(options.gallery, manifest)
    manifest = gallery.manifest
    if options.backbone and identity(manifest.backbone) != identity(backbone):
        _refuse(gallery, "backbone", describe(manifest.backbone), describe(backbone))
    if options.keyframes not in (None, manifest.keyframes):
        _refuse(gallery, "keyframes", str(manifest.keyframes), str(options.keyframes))
    if options.milvus not in (None, manifest.milvus):
        _refuse(gallery, "milvus", manifest.milvus or "the embedded store", str(options.milvus))
    return gallery


def _check_vectors(gallery: Gallery, plan: ledger.Plan) -> None:
    """Before the work. What is indexed anew may be missing: a run that was cut off may have replaced half of it."""
    anew = {source.video_id for source in plan.work}
    with gallery.vectors() as vectors:
        check_vectors(gallery, vectors, (v for v in read_videos(gallery).values() if v.video_id not in anew))


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


def _some(count: int, hint: str = "") -> str:
    """A count for the summary, empty where there is nothing to say."""
    return "" if not count else f"{count:,}" + (f" ({hint})" if hint else "")
