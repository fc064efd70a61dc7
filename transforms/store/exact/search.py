"""Nearest gallery videos by the product with every keyframe, a block of them at a time."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Container, Iterator
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from numpy.typing import NDArray

from cliptrace.transforms.store.exact.rows import MappedRows, of_unit_length
from cliptrace.transforms.store.hits import Hits

_BLOCK = 4096
"""Gallery rows of a product, at least; what it makes fits into a core's cache."""
_ROWS_AT_ONCE = 128
"""Rows that are searched together: what is held of each is one number a gallery video."""

Floats = NDArray[np.float32]


class ExactSearch:
    """All that a gallery has, as of when it was opened. Safe between threads."""

    def __init__(self, gallery: MappedRows) -> None:
        self._gallery = gallery
        self._blocks = list(_blocks(gallery))
        self._pool = ThreadPoolExecutor(len(os.sched_getaffinity(0)), thread_name_prefix="exact")

    def close(self) -> None:
        self._pool.shutdown()

    def only(self, video_ids: Container[str]) -> ExactSearch:
        """Of some of the videos."""
        return ExactSearch(self._gallery.only(video_ids))

    def search(self, embeddings: Floats, videos_per_frame: int) -> Hits:
        """For each row of float32[Q, D] the ``videos_per_frame`` nearest gallery videos, each by its nearest frame."""
        return self._found(embeddings, np.full(len(embeddings), np.inf, np.float32), videos_per_frame, videos_per_frame)

    def search_deep(self, embeddings: Floats, floors: Floats, most_videos: int) -> Hits:
        """For each row of float32[Q, D] all gallery videos with a frame of at least the similarity floors[row];
        ``most_videos`` at most."""
        return self._found(embeddings, floors, 0, most_videos)

    def _found(self, embeddings: Floats, floors: Floats, least: int, most: int) -> Hits:
        """Of each row the videos from its floor on, nearest first; so many at least, and at most."""
        rows: list[int] = []
        videos: list[int] = []
        frames: list[int] = []
        similarities: list[float] = []
        beyond = np.full(len(embeddings), -1, np.float32)
        for first in range(0, len(embeddings), _ROWS_AT_ONCE):
            queries = of_unit_length(embeddings[first : first + _ROWS_AT_ONCE])
            for row, (query, best) in enumerate(zip(queries, self.best(queries), strict=True), first):
                count = min(max(int((best >= floors[row]).sum()), least), most, len(best))
                nearest = highest(best, count + 1)
                if len(nearest) > count:
                    beyond[row] = best[nearest[count]]
                for video in nearest[:count].tolist():
                    rows.append(row)
                    videos.append(video)
                    frames.append(self._frame(video, query))
                    similarities.append(float(best[video]))
        found = np.array(videos, np.int64)
        return Hits(
            np.array(rows, np.int64),
            self._gallery.video_ids[found],
            np.array(frames, np.int64),
            np.array(similarities, np.float32),
            beyond,
        )

    def best(self, queries: Floats) -> Floats:
        """float32[Q, V]: of each video, the similarity of its nearest row to each of float32[Q, D] of unit length."""
        best = np.empty((len(queries), len(self._gallery.starts)), np.float32)

        def product(block: _Block) -> None:
            alike = queries @ self._gallery.values[block.rows].T
            best[:, block.videos] = np.maximum.reduceat(alike, block.edges, axis=1)[:, block.is_video]

        for _ in self._pool.map(product, self._blocks):
            pass
        return best

    def _frame(self, video: int, query: Floats) -> int:
        """Which keyframe of a video is the nearest."""
        start, count = self._gallery.starts[video], self._gallery.counts[video]
        return int((self._gallery.values[start : start + count] @ query).argmax())


@dataclasses.dataclass(frozen=True)
class _Block:
    """Rows that are multiplied at once, and the videos that they are of. edges: int64[E], where within the rows a video
    starts, or a gap that is nobody's; is_video: bool[E]."""

    rows: slice
    videos: slice
    edges: NDArray[np.int64]
    is_video: NDArray[np.bool_]


def _blocks(gallery: MappedRows) -> Iterator[_Block]:
    starts, ends = gallery.starts, gallery.starts + gallery.counts
    first = 0
    while first < len(starts):
        last = max(int(np.searchsorted(ends, starts[first] + _BLOCK, side="right")), first + 1)
        begin, inside = starts[first], starts[first:last]
        gaps = ends[first : last - 1][ends[first : last - 1] < inside[1:]]
        edges = np.sort(np.concatenate([inside, gaps]))
        yield _Block(slice(begin, ends[last - 1]), slice(first, last), edges - begin, np.isin(edges, inside))
        first = last


def highest(best: Floats, count: int) -> NDArray[np.int64]:
    """Positions of the highest, highest first, of equals the first."""
    among = np.argpartition(-best, count - 1)[:count] if count < len(best) else np.arange(len(best))
    return among[np.lexsort((among, -best[among]))]
