"""Another video descriptor for a gallery, made from its stored keyframes: nothing is decoded, and no keyframe moves."""

from __future__ import annotations

import collections
import dataclasses
from collections.abc import Container, Iterable, Mapping
from typing import Any

import numpy as np

from cliptrace.models.video_descriptors import VideoDescriptor, describe
from cliptrace.schemas.errors import CliptraceError
from cliptrace.schemas.gallery import DESCRIPTOR, DescriptorConfig, view_of
from cliptrace.transforms.store import ledger
from cliptrace.transforms.store.embedded import StoredFrames
from cliptrace.transforms.store.gallery import (
    FrameReader,
    Gallery,
    StoredVideo,
    live_attempts,
    read_rows,
    stored_descriptors,
    write_videos,
)
from cliptrace.transforms.store.vectors import VectorStore


def with_descriptor(gallery: Gallery, descriptor: VideoDescriptor | None) -> Gallery:
    """The gallery with another descriptor, which needs no regions; without any where that is None.

    Only for who holds the gallery. A server's collection of videos goes first and comes last: what it lacks meanwhile
    is told, not passed over. The description is written before the shards, so that those which a cut-off run has left
    behind are known by it as another descriptor's; the next run goes on with them. CliptraceError where keyframes are
    damaged.
    """
    if gallery.manifest.videos_collection:
        with gallery.vectors() as vectors:
            assert vectors.videos
            vectors.videos.drop()
    config = DescriptorConfig(descriptor.name, descriptor.sha256, descriptor.dimension) if descriptor else None
    after = Gallery.create(gallery.root, dataclasses.replace(gallery.manifest, descriptor=config))
    after = dataclasses.replace(after, home=gallery.home)
    if descriptor is None:
        return after
    live = live_attempts(after).values()
    describe_lacking(after, descriptor, live)
    commits = sorted(ledger.by_commit(live).items())
    if after.manifest.videos_collection:
        with after.vectors() as vectors:
            for commit, owners in commits:
                _put(after, vectors, commit, owners)
            vectors.flush()
    return after


def describe_lacking(gallery: Gallery, descriptor: VideoDescriptor, live: Iterable[ledger.Attempt]) -> None:
    """Live videos that have no descriptor of the gallery's kind get it, in Parquet. descriptor: that of the
    gallery, which needs no regions. CliptraceError where keyframes are damaged."""
    reader = FrameReader(gallery)
    for commit, owners in sorted(ledger.by_commit(live).items()):
        _describe(gallery, commit, owners, descriptor, reader)


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


def _put(gallery: Gallery, vectors: VectorStore, commit: ledger.Commit, owners: Mapping[str, ledger.Attempt]) -> None:
    """Descriptors of the live videos of a commit into their collection."""
    assert vectors.videos
    by_generation = collections.defaultdict(list)
    for video_id, described in stored_descriptors(gallery, commit).items():
        if video_id in owners:
            by_generation[owners[video_id].generation].append(StoredFrames.of_vectors(video_id, described))
    for generation, videos in by_generation.items():
        for video_id, why in vectors.videos.replace(videos, generation).items():
            raise CliptraceError(f"{gallery.vectors_address}: descriptor of video {video_id!r}: {why}")
