"""cliptrace gallery reindex: the same videos with other models, built beside the gallery that goes on answering."""

from __future__ import annotations

import dataclasses
import secrets
from collections.abc import Mapping, Sequence
from typing import Any

from cliptrace.models.backbones.registry import config_from_json, config_to_json, load_config
from cliptrace.models.keyframes import with_weights
from cliptrace.models.runtime import Device
from cliptrace.models.video_descriptors import VideoDescriptor, default_descriptor, open_descriptor
from cliptrace.pipelines import index
from cliptrace.pipelines.index import check_index
from cliptrace.pipelines.models import check_decoded, check_moments, descriptor_config, identity
from cliptrace.pipelines.running import new_run
from cliptrace.schemas.config import DEFAULT_DESCRIPTOR, NO_DESCRIPTOR, BackboneConfig, KeyframeConfig
from cliptrace.schemas.errors import CliptraceError, UsageError
from cliptrace.schemas.gallery import FORMAT_VERSION, DescriptorConfig, GalleryManifest, collection_prefix
from cliptrace.schemas.text import named
from cliptrace.transforms.sources import list_stored
from cliptrace.transforms.store.builds import build_name, point, read_pointer, root_of
from cliptrace.transforms.store.describing import with_descriptor
from cliptrace.transforms.store.gallery import Gallery, locked, read_videos
from cliptrace.transforms.store.indexing import with_index
from cliptrace.transforms.store.removal import tell_removed


@dataclasses.dataclass(frozen=True, kw_only=True)
class ReindexOptions:
    """backbone, keyframes, index, descriptor: None for the gallery's own. without_failed: leave behind what cannot be
    indexed anew."""

    backbone: str | None = None
    keyframes: KeyframeConfig | None = None
    index: str | None = None
    descriptor: str | None = None
    without_failed: bool = False
    retry_failed: bool = False
    device: Device = "cpu"
    threads: int = 3


@dataclasses.dataclass(frozen=True)
class Job:
    """A build that has been decided on, and nothing done. build: its name. manifest: what it will be."""

    gallery: Gallery
    options: ReindexOptions
    build: str
    manifest: GalleryManifest

    @property
    def only_index(self) -> bool:
        """Whether embeddings stay as they are."""
        return self.build == _build_of(self.gallery.manifest)


@dataclasses.dataclass(frozen=True)
class ReindexReport:
    """What answers from now on. index: its kind; "" for that of the embedded store. descriptor: of its videos; None for
    none. left_behind: ids of videos that could not be indexed anew."""

    gallery: str
    backbone: Mapping[str, Any]
    keyframes: KeyframeConfig
    index: str
    descriptor: DescriptorConfig | None
    left_behind: tuple[str, ...] = ()


def prepare(gallery: Gallery, options: ReindexOptions) -> Job:
    """UsageError where the gallery is built in this way already, CliptraceError where its clip features cannot be made
    anew. Writes nothing."""
    if options.descriptor:
        _check_descriptor(gallery, options, options.descriptor)
    manifest = _manifest(gallery, options)
    check_index(options.index, manifest.milvus)
    job = Job(gallery, options, _build_of(manifest), manifest)
    if job.only_index and manifest.index == gallery.manifest.index and not options.descriptor:
        what = "this index" if options.index else "this backbone and these keyframes"
        raise UsageError(f"{gallery.home} is built with {what} already")
    if not job.only_index:
        check_decoded(manifest.keyframes, manifest.moments)
        check_moments(gallery)
    return job


def _check_descriptor(gallery: Gallery, options: ReindexOptions, name: str) -> None:
    """UsageError where the descriptor cannot be made of what the gallery stores."""
    if options.backbone or options.keyframes or options.index:
        raise UsageError(
            "--descriptor makes descriptors of what is stored: leave the other models out, or change them first"
        )
    if name != NO_DESCRIPTOR and _opened(gallery, name).needs_regions:
        raise UsageError(
            f"{gallery.home}: descriptor {name} is made of regions of frames, which nobody stores: "
            f"cliptrace index the videos into another gallery with --descriptor {name}"
        )


def _opened(gallery: Gallery, name: str) -> VideoDescriptor:
    return open_descriptor(name, config_from_json(gallery.manifest.backbone, gallery.root))


def _build_of(manifest: GalleryManifest) -> str:
    return build_name(identity(manifest.backbone), manifest.keyframes)


def run(job: Job) -> ReindexReport:
    """Build, then let the build answer. May be cut off and run again; until the end, the old build answers.

    CliptraceError where videos cannot be indexed anew, or where another process holds the gallery at the end.
    """
    gallery, options, build, manifest = job.gallery, job.options, job.build, job.manifest
    if name := options.descriptor:
        with locked(gallery.home):
            with_descriptor(_loaded(gallery.home).migrated(), None if name == NO_DESCRIPTOR else _opened(gallery, name))
        return _report(gallery.home)
    if job.only_index:
        with locked(gallery.home):
            with_index(_loaded(gallery.home).migrated(), manifest.index)
        return _report(gallery.home)
    _catch_up(gallery, build, manifest, options)
    with locked(gallery.home):
        if _loaded(gallery.home).root != gallery.root:
            raise CliptraceError(f"{gallery.home} answers with another build since; run the same command again")
        left = _catch_up(gallery, build, manifest, options)  # what was indexed while the build was made
        if left and not options.without_failed:
            raise CliptraceError(
                f"{gallery.home} answers as before, since {named(left)} cannot be indexed anew; mend what is wrong "
                "and run the same command again with --retry-failed, or leave them behind with --without-failed"
            )
        Gallery.at(gallery.home, gallery.home).migrated()  # an older cliptrace knows of no builds
        tell_removed(gallery, root_of(gallery.home, build), new_run())
        point(gallery.home, build)
    return _report(gallery.home, left)


def rollback(gallery: Gallery) -> ReindexReport:
    """Let the build answer that did before the last switch."""
    with locked(gallery.home):
        previous = read_pointer(gallery.home).previous
        if previous is None:
            raise CliptraceError(f"{gallery.home} has one build only: there is nothing to go back to")
        point(gallery.home, previous)
    return _report(gallery.home)


def _report(home: str, left: Sequence[str] = ()) -> ReindexReport:
    manifest = _loaded(home).manifest
    index = manifest.index.kind if manifest.milvus else ""
    return ReindexReport(home, manifest.backbone, manifest.keyframes, index, manifest.descriptor, tuple(left))


def _loaded(home: str) -> Gallery:
    gallery = Gallery.load(home)
    assert gallery is not None
    return gallery


def _catch_up(gallery: Gallery, build: str, manifest: GalleryManifest, options: ReindexOptions) -> list[str]:
    """Index into the build what the gallery has and the build has not. Returns the ids of what is still missing."""
    wanted = read_videos(gallery)
    root = root_of(gallery.home, build)
    if (there := Gallery.load(root)) is None:
        Gallery.create(root, manifest)
    elif there.manifest.descriptor != manifest.descriptor:  # it is older, and has what the gallery had then
        descriptor = _opened(there, manifest.descriptor.name) if manifest.descriptor else None
        if descriptor and descriptor.needs_regions:
            raise UsageError(
                f"{root}: an older build, whose descriptors are not {descriptor.name}: remove that folder, and run the "
                "same command again"
            )
        with locked(root):
            with_descriptor(there.migrated(), descriptor)
    if wanted:
        asked = index.IndexOptions(
            sources=(),
            gallery=root,
            device=options.device,
            threads=options.threads,
            retry_failed=options.retry_failed,
        )
        index.run(index.Job(asked, list_stored(wanted.values())))
    return sorted(wanted.keys() - read_videos(_loaded(root)).keys())


def _kept(given: DescriptorConfig | None, options: ReindexOptions, backbone: BackboneConfig) -> DescriptorConfig | None:
    """What a new build describes its videos by; that of a gallery which stays is not asked for, as it may be gone."""
    if given is None or not (options.backbone or options.keyframes):
        return given
    is_default = given.name == DEFAULT_DESCRIPTOR  # which takes one backbone alone
    return descriptor_config(default_descriptor(backbone) if is_default else given.name, backbone)


def _manifest(gallery: Gallery, options: ReindexOptions) -> GalleryManifest:
    given = gallery.manifest
    backbone = load_config(options.backbone) if options.backbone else config_from_json(given.backbone, gallery.root)
    return dataclasses.replace(
        given,
        name=collection_prefix(gallery.home, secrets.token_hex(4)),
        backbone=config_to_json(backbone) if options.backbone else given.backbone,
        keyframes=with_weights(options.keyframes or given.keyframes),
        index=dataclasses.replace(given.index, kind=options.index or given.index.kind),
        format_version=FORMAT_VERSION,
        descriptor=_kept(given.descriptor, options, backbone),
    )
