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
from cliptrace.models.video_descriptors import default_descriptor
from cliptrace.pipelines.counting import counting
from cliptrace.pipelines.index_report import IndexReport, Recognised, Rehearsal, Skipped
from cliptrace.pipelines.models import (
    check_decoded,
    check_moments,
    describe,
    descriptor_config,
    feature_config,
    identity,
    moments_config,
)
from cliptrace.pipelines.running import check_store, is_template, new_run, run_pipeline, waves
from cliptrace.schemas.config import (
    DEFAULT_BACKBONE,
    DEFAULT_GALLERY_VIEWS,
    DEFAULT_KEYFRAMES,
    NO_DESCRIPTOR,
    KeyframeConfig,
    Streams,
    descriptor_name,
)
from cliptrace.schemas.errors import CliptraceError, UsageError
from cliptrace.schemas.gallery import ClipsConfig, GalleryManifest, collection_prefix
from cliptrace.schemas.indexes import DEFAULT_INDEX, IndexConfig
from cliptrace.schemas.records import VideoSource
from cliptrace.transforms.features import ExtractFeatures, FeatureConfig
from cliptrace.transforms.fingerprints import is_older
from cliptrace.transforms.sources import Listing, list_sources
from cliptrace.transforms.store import ledger
from cliptrace.transforms.store.copying import store_copies
from cliptrace.transforms.store.gallery import (
    Gallery,
    StoredVideo,
    check_vectors,
    is_local,
    locked,
    read_shard,
    read_videos,
)
from cliptrace.transforms.store.moving import update
from cliptrace.transforms.store.pruning import Missing, missing_from, outdated_streams, prune
from cliptrace.transforms.store.recognition import Recognition, recognise
from cliptrace.transforms.store.stops import update_stops
from cliptrace.transforms.store.sweeping import sweep
from cliptrace.transforms.store.takedown import Tombstone, read_tombstones
from cliptrace.transforms.store.vectors import VectorStore, check_address
from cliptrace.transforms.storing import RecordFailures, StoreFeatures

_BULK_KEYFRAMES = 100_000
"""Of a run from which on a server is told to merge what it wrote, and waited for."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class IndexOptions:
    """backbone, keyframes, stored_views, descriptor, milvus, index: None for the gallery's own, or the default where it
    is yet to be made. moments: clip features that are stored, too; None for the gallery's own, or none.

    since_s, limit: as ``ledger.plan`` takes them. prune: take out videos whose files are gone from the named folders.
    streams: which video streams of a file that has several.
    """

    sources: Sequence[str]
    gallery: str
    backbone: str | None = None
    keyframes: KeyframeConfig | None = None
    stored_views: tuple[str, ...] | None = None
    descriptor: str | None = None
    moments: str | None = None
    milvus: str | None = None
    index: str | None = None
    device: Device = "cpu"
    threads: int = 3
    retry_failed: bool = False
    since_s: float | None = None
    limit: int | None = None
    prune: bool = False
    streams: Streams = "shown"
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

    def recognise(self, attempts: Sequence[ledger.Attempt], removed: Sequence[Tombstone]) -> Recognition:
        found = recognise(self.listing.sources, attempts, removed, self.options.threads)
        older = [known.source for known in found.copies if is_older(known.source, self.options.since_s)]
        copies = [known for known in found.copies if known.source not in older]
        return dataclasses.replace(found, sources=[*found.sources, *older], copies=copies)

    def plan(
        self,
        gallery: Gallery | None,
        found: Recognition,
        known: Mapping[str, ledger.Attempt],
        removed: Sequence[Tombstone],
    ) -> ledger.Plan:
        asked, sources = self.options, found.sources
        if gallery and asked.streams == "all":
            sources = _with_streams(sources, known, read_videos(gallery))
        return ledger.plan(sources, known, removed, asked.retry_failed, asked.since_s, asked.limit)

    def missing(self, stored: Mapping[str, ledger.Attempt], removed: Sequence[Tombstone]) -> Missing:
        """Of stored videos, by id, those whose files are not found in the folders that were named."""
        if not self.listing.folders:
            return Missing({}, ())
        buried = {tombstone.video_id for tombstone in removed}
        kept = {video_id: attempt for video_id, attempt in stored.items() if video_id not in buried}
        return missing_from(self.listing.folders, kept, {source.uri for source in self.listing.sources})


def _with_streams(
    sources: Sequence[VideoSource], known: Mapping[str, ledger.Attempt], stored: Mapping[str, StoredVideo]
) -> list[VideoSource]:
    """And the other video streams of files that have not changed since they were indexed; those of others, work
    finds."""

    def others(source: VideoSource) -> list[VideoSource]:
        video = stored.get(source.video_id)
        if video is None or known[source.video_id].fingerprint != source.fingerprint:
            return []
        return [source.of_stream(number) for number in video.streams[1:]]

    return [each for source in sources for each in (source, *others(source))]


def prepare(options: IndexOptions) -> Job:
    """UsageError for what can be told before there is a gallery. Writes nothing."""
    check_options(options)
    listing = list_sources(options.sources)
    if options.prune and not listing.folders:
        raise UsageError("--prune takes out what is gone from a folder, and no SOURCE is one")
    return Job(options, listing)


def rehearse(job: Job) -> Rehearsal:
    """What ``run`` would do with which videos, and why. Writes nothing, makes no gallery, and takes no lock."""
    gallery = open_existing(job.options)
    attempts = ledger.read_attempts(gallery.root) if gallery else []
    tombstones = read_tombstones(gallery.home) if gallery else []
    known, found = ledger.latest(attempts), job.recognise(attempts, tombstones)
    plan = job.plan(gallery, found, known, tombstones)
    moved = {each.attempt.video_id for each in found.updates}
    stays = {video_id: each for video_id, each in ledger.live(attempts).items() if video_id not in moved}
    work = [
        {
            "video_id": source.video_id,
            "uri": source.uri,
            "why": "new" if source.video_id not in known else "retry" if source.attempt > 1 else "changed",
        }
        for source in plan.work
    ]
    home = gallery.home if gallery else job.options.gallery
    recognised = Recognised.of(found, job.missing(stays, tombstones))
    skipped = Skipped.of(plan, found, job.listing)
    return Rehearsal(tuple(work), recognised, job.options.prune, skipped, home, gallery is not None)


def run(job: Job) -> IndexReport:
    """Bring the gallery up to date with the sources. Known videos cost a look at their size and time, no more; what was
    moved, touched or copied costs a look at its content."""
    options, run_id = job.options, new_run()
    with locked(options.gallery):  # also while it is made: two first runs must not each make one
        gallery = open_or_create(options).migrated()
        config = feature_config(gallery, options.device, options.threads)
        config = dataclasses.replace(config, all_streams=options.streams == "all")
        check_moments(gallery)
        attempts = ledger.read_attempts(gallery.root)
        tombstones = read_tombstones(gallery.home)
        if is_local(gallery.root):
            sweep(gallery, attempts, gallery.vectors(), run_id)  # what a killed run left
        before = ledger.live(attempts)
        found = job.recognise(attempts, tombstones)
        plan = job.plan(gallery, found, ledger.latest(attempts), tombstones)
        if (plan.work or found.copies) and before:
            _check_vectors(gallery, plan.work)
        found, work = _recognised(gallery, found, plan.work, run_id)
        with counting(len(work)) as counts, _vectors_starting(gallery, work):
            for wave in waves(work, options.beam_args):
                step = functools.partial(build, sources=wave, gallery=gallery, config=config, run=run_id)
                run_pipeline(step, options.beam_args)
        if work or found.copies:
            with gallery.vectors() as vectors:
                vectors.flush()
                if gallery.manifest.milvus and counts.keyframes >= _BULK_KEYFRAMES:
                    vectors.compact()
        if work or found.copies or found.updates:
            attempts = ledger.read_attempts(gallery.root)
            if is_local(gallery.root):
                sweep(gallery, attempts, gallery.vectors(), run_id)  # of videos that were replaced or removed meanwhile
        if (outdated := outdated_streams(attempts)) and is_local(gallery.root):
            prune(gallery, gallery.vectors(), run_id, outdated, "its file has changed")
            attempts = ledger.read_attempts(gallery.root)
        missing = job.missing(ledger.live(attempts), tombstones)
        if options.prune and missing.gone:
            prune(gallery, gallery.vectors(), run_id, missing.gone)
            attempts = ledger.read_attempts(gallery.root)
        if work or found.copies:
            update_stops(gallery)
    mine = [attempt for attempt in attempts if attempt.run == run_id]
    recognised = {known.source.video_id for known in (*found.updates, *found.copies)}
    indexed = [a for a in mine if a.status == ledger.INDEXED and a.video_id not in recognised]
    failed = sum(attempt.status == ledger.FAILED for attempt in mine)
    return IndexReport(
        run=run_id,
        gallery=gallery.home,
        in_gallery=len(ledger.live(attempts)),
        indexed=len(indexed),
        failed=failed,
        partly_decoded=tuple(attempt.video_id for attempt in indexed if attempt.message),
        replaced=tuple(each.video_id for each in indexed if _is_another(each, before.get(each.video_id))),
        recognised=Recognised.of(found, missing),
        pruned=options.prune,
        outdated=tuple(sorted(outdated)),
        one_of_several=() if config.all_streams else _one_of_several(gallery, indexed),
        skipped=Skipped.of(plan, found, job.listing),
        left_to_the_job=len(work) * is_template(options.beam_args),
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
        check_index(options.index, options.milvus or "")
        backbone = load_config(options.backbone or DEFAULT_BACKBONE)
        Background.of(backbone)  # match will need it: what is wrong with it is told before the work
        descriptor_config(options.descriptor or default_descriptor(backbone), backbone)
        if options.moments:
            check_decoded(options.keyframes or DEFAULT_KEYFRAMES, moments_config(options.moments))


def check_index(kind: str | None, milvus: str) -> None:
    """milvus: address of the gallery's server. UsageError where it has none, and so no index but the default."""
    if kind not in (None, DEFAULT_INDEX) and not milvus:
        raise UsageError(f"--index {kind}: needs a Milvus server; the embedded store has {DEFAULT_INDEX} alone")


def open_or_create(options: IndexOptions) -> Gallery:
    """The gallery, made if there is none. UsageError where the options name other models than it was built with."""
    if gallery := open_existing(options):
        stored = Gallery.at(gallery.root, gallery.home).manifest
        if stored.moments != gallery.manifest.moments:  # its files are elsewhere by now, where searches must find them
            Gallery.create(gallery.root, dataclasses.replace(stored, moments=gallery.manifest.moments))
        return gallery
    manifest = new_manifest(options)
    if manifest.milvus and manifest.index.kind != DEFAULT_INDEX:  # which may refuse it: before there is a gallery
        with VectorStore.open(manifest.milvus, manifest):
            pass
    return Gallery.create(options.gallery, manifest)


def new_manifest(options: IndexOptions) -> GalleryManifest:
    """Of a gallery that the options make."""
    backbone = load_config(options.backbone or DEFAULT_BACKBONE)
    return GalleryManifest(
        name=collection_prefix(options.gallery, secrets.token_hex(4)),
        backbone=config_to_json(backbone),
        keyframes=with_weights(options.keyframes or DEFAULT_KEYFRAMES),
        milvus=options.milvus or "",
        index=IndexConfig(kind=options.index or DEFAULT_INDEX),
        views=DEFAULT_GALLERY_VIEWS if options.stored_views is None else options.stored_views,
        descriptor=descriptor_config(options.descriptor or default_descriptor(backbone), backbone),
        moments=moments_config(options.moments) if options.moments else None,
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
    described = manifest.descriptor.name if manifest.descriptor else NO_DESCRIPTOR
    if options.descriptor and descriptor_name(options.descriptor) != described:
        raise UsageError(
            f"{gallery.root} was built with descriptor {described}, not {options.descriptor}: leave --descriptor out, "
            "or change it with cliptrace gallery reindex --descriptor"
        )
    if options.moments:
        gallery = _with_moments(gallery, moments_config(options.moments))
    if options.milvus not in (None, manifest.milvus):
        _refuse(gallery, "milvus", manifest.milvus or "the embedded store", str(options.milvus))
    if options.index not in (None, manifest.index.kind):
        raise UsageError(
            f"{gallery.root} has the index {manifest.index.kind}, not {options.index}: leave --index out, or change it "
            "with cliptrace gallery reindex --index"
        )
    return gallery


def _with_moments(gallery: Gallery, asked: ClipsConfig) -> Gallery:
    """The gallery, with its encoder's files where they are said to be. UsageError where its features are others."""
    stored = gallery.manifest.moments
    if stored is None:
        raise UsageError(
            f"{gallery.root} was built without moments: leave --moments out, or index its videos with it into a new "
            "gallery"
        )
    if not stored.same_features(asked):
        _refuse(gallery, "moments", str(stored), str(asked))
    return dataclasses.replace(gallery, manifest=dataclasses.replace(gallery.manifest, moments=asked))


def _recognised(
    gallery: Gallery, found: Recognition, work: list[VideoSource], run_id: str
) -> tuple[Recognition, list[VideoSource]]:
    """Store what is known by its content. Returns what came of it, and the work, with copies of what is damaged."""
    update(gallery, run_id, [known.updated for known in found.updates])
    if not found.copies:
        return found, work
    with gallery.vectors() as vectors:
        left = store_copies(gallery, vectors, run_id, found.copies)
    copies = [known for known in found.copies if known.source not in left]
    return dataclasses.replace(found, copies=copies), [*work, *left]


def _check_vectors(gallery: Gallery, work: Sequence[VideoSource]) -> None:
    """Before the work. What is indexed anew may be missing: a run that was cut off may have replaced half of it."""
    anew = {source.video_id for source in work}
    with gallery.vectors() as vectors:
        check_vectors(gallery, vectors, anew)


def _one_of_several(gallery: Gallery, indexed: Sequence[ledger.Attempt]) -> tuple[str, ...]:
    commits = ledger.by_commit(indexed)
    videos = (video for commit, owners in commits.items() for video in read_shard(gallery, *commit, owners))
    return tuple(video.video_id for video in videos if video.streams)


def _is_another(attempt: ledger.Attempt, before: ledger.Attempt | None) -> bool:
    """Whether another file took the place of a video: not the same one, changed, nor the same content elsewhere."""
    return before is not None and before.uri != attempt.uri and before.content_sha256 != attempt.content_sha256


@contextlib.contextmanager
def _vectors_starting(gallery: Gallery, work: Sequence[VideoSource]) -> Iterator[None]:
    """Import, start and hold the vector store while the first videos decode. What is wrong with it, a commit says."""
    finished = threading.Event()

    def hold() -> None:
        with contextlib.suppress(CliptraceError), gallery.vectors():
            finished.wait()

    if not work:
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
