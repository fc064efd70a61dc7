"""Descriptors of a gallery's videos: read from their shards into one array, searched by a product with all of it."""

from __future__ import annotations

from collections.abc import Container, Iterator, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from cliptrace.schemas.errors import CliptraceError
from cliptrace.schemas.gallery import DESCRIPTOR, described_by, part_path, videos_schema
from cliptrace.transforms.store import files, ledger
from cliptrace.transforms.store.exact.rows import MappedRows, of_unit_length
from cliptrace.transforms.store.exact.search import ExactSearch, highest
from cliptrace.transforms.store.gallery import Gallery, live_attempts

Floats = NDArray[np.float32]

_ROWS_AT_ONCE = 128
"""Vectors that are searched together: what is held of each is one number a gallery video."""


class VideoSearch:
    """Gallery videos by likeness to a query's vectors, as of when it was opened. Safe between threads."""

    def __init__(self, videos: MappedRows) -> None:
        self._videos, self._exact = videos, ExactSearch(videos)

    def only(self, video_ids: Container[str]) -> VideoSearch:
        """Of some of the videos."""
        return VideoSearch(self._videos.only(video_ids))

    def nearest(self, query: Floats, most: int) -> Iterator[tuple[str, float]]:
        """Ids and similarities, in (0, 1], of the videos, the nearest first, of equals by id; also beyond ``most``.

        query: float32[V, D]. Of each of its vectors that has a direction the nearest of a video counts, and the mean of
        these.
        """
        alike = self._similarities(query[query.any(axis=1)])
        for place in np.argsort(-alike, kind="stable"):
            if alike[place] <= 0:
                break
            yield str(self._videos.video_ids[place]), min(float(alike[place]), 1.0)

    def neighbours(self, most: int) -> Iterator[tuple[str, list[str]]]:
        """Id of each video, and of the ``most`` others that are nearest to it, the nearest first."""
        ids = self._videos.video_ids
        for numbers in _together(self._videos.counts):
            for number, alike in zip(numbers, self._similarities_of(numbers), strict=True):
                nearest = [place for place in highest(alike, most + 1) if place != number and alike[place] > 0]
                yield str(ids[number]), [str(ids[place]) for place in nearest[:most]]

    def _similarities_of(self, numbers: Sequence[int]) -> Floats:
        """float32[N, videos], of N videos."""
        if len(numbers) == 1:  # whose vectors may be many
            return self._similarities(self._videos.of(numbers[0]))[None]
        counts = self._videos.counts[numbers]
        best = self._exact.best(np.concatenate([self._videos.of(number) for number in numbers]))
        sums = np.add.reduceat(best, np.cumsum(counts) - counts, axis=0)
        return np.asarray(sums / counts[:, None], np.float32)

    def _similarities(self, query: Floats) -> Floats:
        """float32[videos]."""
        total = np.zeros(len(self._videos.video_ids), np.float64)
        for start in range(0, len(query), _ROWS_AT_ONCE):
            total += self._exact.best(of_unit_length(query[start : start + _ROWS_AT_ONCE])).sum(axis=0)
        return np.asarray(total / max(len(query), 1), np.float32)


def _together(counts: NDArray[np.int64]) -> Iterator[list[int]]:
    """Numbers of videos in order, in lists that have no more than _ROWS_AT_ONCE vectors, or are of one."""
    some: list[int] = []
    for number, count in enumerate(counts.tolist()):
        if some and counts[some].sum() + count > _ROWS_AT_ONCE:
            yield some
            some = []
        some.append(number)
    if some:
        yield some


def read_descriptors(gallery: Gallery) -> MappedRows:
    """Those of all live videos that have a direction, by id. CliptraceError where a shard is damaged, or has those of
    another descriptor than the gallery."""

    def read() -> MappedRows:
        commits = ledger.by_commit(live_attempts(gallery).values())
        found = [each for commit, owners in commits.items() for each in _of_shard(gallery, commit, owners)]
        found.sort(key=lambda each: each[0])
        return _joined(gallery, [video_id for video_id, _ in found], [vectors for _, vectors in found])

    return ledger.steadily(gallery.root, read)


def _of_shard(gallery: Gallery, commit: ledger.Commit, video_ids: Container[str]) -> Iterator[tuple[str, Floats]]:
    """Ids, and float32[V, D] of each."""
    path = files.join(gallery.root, part_path("videos", *commit))
    table = files.read_table(path, ["video_id", DESCRIPTOR.name], videos_schema(gallery.manifest))
    wanted = gallery.manifest.descriptor
    assert wanted is not None
    if (found := described_by(table.schema)) != wanted:
        raise CliptraceError(
            f"{path}: was made with descriptor {found or 'none'}, but the gallery has {wanted}: "
            f"run cliptrace gallery reindex --descriptor {wanted.name} --gallery {gallery.home}"
        )
    for video_id, stored in zip(table["video_id"].to_pylist(), _arrays(table, path, wanted.dimension), strict=True):
        if video_id in video_ids and not len(stored):
            raise CliptraceError(
                f"{path}: video {video_id!r} has no descriptor: "
                f"run cliptrace gallery reindex --descriptor {wanted.name} --gallery {gallery.home}"
            )
        if video_id in video_ids and stored.any():
            yield video_id, stored


def _arrays(table: pa.Table, path: str, dimension: int) -> list[Floats]:
    """float32[V, D] of each row; of one without, V is 0."""
    column = table[DESCRIPTOR.name].combine_chunks()
    counts = pc.fill_null(pc.list_value_length(column), 0).to_numpy()
    numbers = np.asarray(column.flatten().flatten().to_numpy(zero_copy_only=False), np.float32)
    if numbers.size != counts.sum() * dimension or not np.isfinite(numbers).all():
        raise CliptraceError(f"{path}: is damaged: it has descriptors that are no vectors of {dimension} numbers")
    return np.split(numbers.reshape(-1, dimension), np.cumsum(counts)[:-1]) if len(counts) else []


def _joined(gallery: Gallery, video_ids: Sequence[str], vectors: Sequence[Floats]) -> MappedRows:
    counts = np.array([len(each) for each in vectors], np.int64)
    assert gallery.manifest.descriptor
    values = np.concatenate([np.empty((0, gallery.manifest.descriptor.dimension), np.float32), *vectors])
    return MappedRows(of_unit_length(values), np.array(video_ids, np.str_), np.cumsum(counts) - counts, counts)
