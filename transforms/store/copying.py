"""Files with the content of a stored video: they get its keyframes under their own ids, and nothing is decoded."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from cliptrace.schemas.errors import CliptraceError
from cliptrace.schemas.gallery import part_path
from cliptrace.schemas.records import FrameFeatures, VideoInfo, VideoSource
from cliptrace.transforms.store import files
from cliptrace.transforms.store.gallery import FrameReader, Gallery, StoredVideo, commit, read_rows, weight_of
from cliptrace.transforms.store.recognition import Known
from cliptrace.transforms.store.vectors import VectorStore

_COMMIT_KEYFRAMES = 20_000


def store_copies(gallery: Gallery, vectors: VectorStore, run: str, copies: Sequence[Known]) -> list[VideoSource]:
    """Only for who holds the gallery. Returns the files that are left to be decoded: what is stored is damaged."""
    left: list[VideoSource] = []
    for batch in _batches(_features(gallery, copies, left)):
        refused = commit(gallery, vectors, run, batch)
        left += [video.source for video in batch if video.video_id in refused]
    return left


def _batches(videos: Iterator[FrameFeatures]) -> Iterator[list[FrameFeatures]]:
    batch: list[FrameFeatures] = []
    for video in videos:
        batch.append(video)
        if sum(map(weight_of, batch)) >= _COMMIT_KEYFRAMES:
            yield batch
            batch = []
    if batch:
        yield batch


def _features(gallery: Gallery, copies: Sequence[Known], left: list[VideoSource]) -> Iterator[FrameFeatures]:
    """Those of the stored videos, under the copies' names. left: gets the copies of which they cannot be had."""
    reader = FrameReader(gallery)
    for copy in sorted(copies, key=lambda copy: (copy.attempt.commit, copy.source.video_id)):
        try:
            yield _of(reader, _row(gallery, copy), copy, gallery.manifest.moments is not None)
        except CliptraceError:
            left.append(copy.source)


def _row(gallery: Gallery, copy: Known) -> Mapping[str, Any]:
    """As the commit of the stored video has it, also where the ledger names a newer one by now."""
    for row in read_rows(gallery, copy.attempt.commit):
        if row["video_id"] == copy.attempt.video_id:
            return row
    path = files.join(gallery.root, part_path("videos", *copy.attempt.commit))
    raise CliptraceError(f"{path}: has no row of {copy.attempt.video_id!r}")


def _of(reader: FrameReader, row: Mapping[str, Any], copy: Known, has_clips: bool) -> FrameFeatures:
    stored = StoredVideo.of(row)
    stream, *others = stored.streams or (0,)
    info = VideoInfo(**{field.name: row[field.name] for field in dataclasses.fields(VideoInfo) if field.name in row})
    times, embeddings = reader.read(stored)
    return FrameFeatures(
        copy.source,
        dataclasses.replace(info, content_sample=copy.content_sample, stream=stream, others=tuple(others)),
        times,
        reader.scores(stored),
        embeddings,
        np.empty(0),
        row["decoded_s"],
        row["warning"],
        pictures=reader.pictures(stored),
        descriptor=np.array(described, np.float32) if (described := row.get("descriptor")) else None,
        clips=reader.clips(stored).astype(np.float16) if has_clips else None,
    )
