"""Another video descriptor for a gallery, made from its stored keyframes: nothing is decoded, and no keyframe moves."""

from __future__ import annotations

import dataclasses
from collections.abc import Container
from typing import Any

import numpy as np

from cliptrace.models.video_descriptors import VideoDescriptor, describe
from cliptrace.schemas.gallery import DESCRIPTOR, DescriptorConfig, view_of
from cliptrace.transforms.store import ledger
from cliptrace.transforms.store.gallery import (
    FrameReader,
    Gallery,
    StoredVideo,
    live_attempts,
    read_rows,
    write_videos,
)


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
    return after


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
