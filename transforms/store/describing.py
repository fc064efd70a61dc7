"""Another video descriptor for a gallery, made from its stored keyframes: nothing is decoded, and no keyframe moves."""

from __future__ import annotations

import collections
import dataclasses
from collections.abc import Container, Mapping
from typing import Any

import numpy as np

from cliptrace.models.video_descriptors import VideoDescriptor, describe
from cliptrace.schemas.errors import CliptraceError
from cliptrace.schemas.gallery import DESCRIPTOR, DescriptorConfig, view_of
from cliptrace.transforms.store import ledger
from cliptrace.transforms.store.gallery import (
    FrameReader,
    Gallery,
    StoredVideo,
    live_attempts,
    read_rows,
    stored_descriptors,
    write_videos,
)
from cliptrace.transforms.store.vectors import StoredFrames, VectorStore


def with_descriptor(gallery: Gallery, descriptor: VideoDescriptor | None) -> Gallery:
    """The gallery with another descriptor, which needs no regions; without any where that is None.

    Only for who holds the gallery. The description is written first, so that shards which a cut-off run has left behind
    are known by it as those of another one; the next run goes on with them. CliptraceError where keyframes are damaged.
    """
    config = DescriptorConfig(descriptor.name, descriptor.sha256, descriptor.dimension) if descriptor else None
    after = Gallery.create(gallery.root, dataclasses.replace(gallery.manifest, descriptor=config))
    after = dataclasses.replace(after, home=gallery.home)
    if descriptor:
        reader = FrameReader(after)
        for commit, owners in sorted(ledger.by_commit(live_attempts(after).values()).items()):
            _describe(after, commit, owners, descriptor, reader)
    _to_server(gallery, after)
    return after


def _to_server(before: Gallery, after: Gallery) -> None:
    """The collection of videos anew, since it has vectors of another kind, or another length."""
    if before.manifest.videos_collection:
        with before.vectors() as vectors:
            assert vectors.videos
            vectors.videos.drop()
    if after.manifest.videos_collection:
        with after.vectors() as vectors:
            for owners in ledger.by_commit(live_attempts(after).values()).values():
                _put(after, vectors, owners)
            vectors.flush()


def _put(gallery: Gallery, vectors: VectorStore, owners: Mapping[str, ledger.Attempt]) -> None:
    """Descriptors of the videos of a commit into their collection."""
    assert vectors.videos
    by_generation = collections.defaultdict(list)
    described = stored_descriptors(gallery, next(iter(owners.values())).commit)
    for video_id, attempt in owners.items():
        if video_id in described:
            by_generation[attempt.generation].append(StoredFrames.of_vectors(video_id, described[video_id]))
    for generation, videos in by_generation.items():
        for video_id, why in vectors.videos.replace(videos, generation).items():
            raise CliptraceError(f"{gallery.vectors_address}: descriptor of video {video_id!r}: {why}")


def _describe(
    gallery: Gallery, commit: ledger.Commit, live: Container[str], descriptor: VideoDescriptor, reader: FrameReader
) -> None:
    """The rows of a commit: those of live videos that have no descriptor get it."""
    rows = read_rows(gallery, commit)
    lacking = [row for row in rows if row[DESCRIPTOR.name] is None and row["video_id"] in live]
    if lacking:
        for row in lacking:
            row[DESCRIPTOR.name] = list(_of_video(StoredVideo.of(row), descriptor, reader))
        write_videos(gallery, *commit, rows)


def _of_video(video: StoredVideo, descriptor: VideoDescriptor, reader: FrameReader) -> Any:
    """float16[V, D]."""
    times, embeddings = reader.read(video)
    plain = view_of(times) == 0
    return describe(descriptor, times[plain], reader.scores(video)[plain], embeddings[plain]).astype(np.float16)
