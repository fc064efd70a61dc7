"""What searches the descriptors of a gallery's videos: their collection on a Milvus server, or a product with all."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any, Protocol

import numpy as np
from apache_beam.utils.shared import Shared
from numpy.typing import NDArray

from cliptrace.schemas.config import Engine
from cliptrace.schemas.errors import CliptraceError
from cliptrace.transforms.store.descriptors import VideoSearch, read_descriptors
from cliptrace.transforms.store.exact.rows import MappedRows, of_unit_length
from cliptrace.transforms.store.gallery import Gallery
from cliptrace.transforms.store.vectors import VectorStore

Floats = NDArray[np.float32]


class VideoRanking(Protocol):
    """Gallery videos by likeness to the vectors of a query."""

    def nearest(self, query: Floats, most: int) -> Iterator[tuple[str, float]]:
        """As VideoSearch; there may be more than ``most``."""
        ...


def open_ranking(gallery: Gallery, engine: Engine, shared: Shared, opened: contextlib.ExitStack) -> VideoRanking:
    """shared: between the stages of a process that open the same; opened: closes what is this stage's alone.

    CliptraceError where the server has lost descriptors, or shards have those of another one.
    """
    if engine == "exact" or not gallery.manifest.videos_collection:
        found: VideoSearch = shared.acquire(lambda: VideoSearch(read_descriptors(gallery)))
        return found
    vectors = opened.enter_context(gallery.vectors()).videos
    assert vectors
    return MilvusVideos(vectors, shared.acquire(lambda: _Checked(gallery, vectors)))


class _Checked:
    """That a server has all descriptors of live videos. Looked at once a process. It may have more: of videos that were
    replaced or removed a moment ago."""

    def __init__(self, gallery: Gallery, vectors: VectorStore) -> None:
        check_count(gallery, vectors, len(read_descriptors(gallery).values), "descriptors")


def check_count(gallery: Gallery, vectors: VectorStore, expected: int, what: str) -> None:
    """CliptraceError where a server has fewer rows than that."""
    missing = expected - vectors.count()
    if missing > 0:
        raise CliptraceError(
            f"{gallery.vectors_address}: {missing:,} of {expected:,} {what} are missing; "
            f"mend it with cliptrace gallery verify --repair --gallery {gallery.home}"
        )


class MilvusVideos:
    """By the collection of videos."""

    def __init__(self, vectors: VectorStore, checked: _Checked) -> None:
        self._vectors, self._checked = vectors, checked

    def nearest(self, query: Floats, most: int) -> Iterator[tuple[str, float]]:
        """Of each of the query's vectors the ``most`` nearest videos take part."""
        rows = of_unit_length(query[query.any(axis=1)])
        if not len(rows):
            return iter(())
        named = np.unique(self._vectors.search(rows, most).ref_ids).tolist()
        found = [row for batch in self._vectors.rows(named) for row in batch] if named else []
        return VideoSearch(_mapped(found, rows.shape[1])).nearest(query, most)


def _mapped(rows: list[dict[str, Any]], dimension: int) -> MappedRows:
    """Of rows of the collection, by id."""
    rows.sort(key=lambda row: (row["video_id"], row["frame"]))
    ids, starts, counts = np.unique([row["video_id"] for row in rows], return_index=True, return_counts=True)
    values = np.array([row["embedding"] for row in rows], np.float32).reshape(-1, dimension)
    return MappedRows(of_unit_length(values), ids.astype(np.str_), starts.astype(np.int64), counts.astype(np.int64))
