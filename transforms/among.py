"""Candidates among gallery videos that are known by other means: their frame hits, from stored embeddings."""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Container, Iterable

import numpy as np
from apache_beam.utils.shared import Shared
from numpy.typing import NDArray

from cliptrace.models.alignment.candidates import group_hits
from cliptrace.models.alignment.similarity import search_rows
from cliptrace.schemas.config import Engine
from cliptrace.schemas.records import Candidate, FrameFeatures
from cliptrace.transforms.store.descriptors import VideoSearch
from cliptrace.transforms.store.exact.rows import of_unit_length
from cliptrace.transforms.store.gallery import FrameReader, Gallery
from cliptrace.transforms.store.live import SharedVideos
from cliptrace.transforms.store.video_engines import open_ranking
from cliptrace.transforms.stored import Recent

Floats = NDArray[np.float32]
Whole = NDArray[np.int64]

_ROWS_AT_ONCE = 1024
"""Of a query, that are multiplied with all keyframes of a video."""


def candidates_among(
    query: FrameFeatures, refs: Iterable[tuple[str, Floats]], min_similarity: float, near: float
) -> list[Candidate]:
    """Of these gallery videos what a query's keyframes show of them, most votes first.

    refs: id and float32[R, D], of unit length, of each. A keyframe counts from ``min_similarity`` on, or where no other
    one is nearer; near: as ``group_hits`` takes it.
    """
    rows, views = search_rows(query.embeddings)
    rows = of_unit_length(np.asarray(rows, np.float32))
    found = [(ref_id, *_hits(rows, query.bias, ref, min_similarity)) for ref_id, ref in refs]
    if not found:
        return []
    ids, shown, frames, similarities = zip(*found, strict=True)
    return group_hits(
        query.video_id,
        np.concatenate(shown),
        np.repeat(ids, [len(each) for each in shown]),
        np.concatenate(frames),
        np.concatenate(similarities),
        views,
        query.bias,
        near,
    )


def _hits(rows: Floats, bias: Floats | None, ref: Floats, min_similarity: float) -> tuple[Whole, Whole, Floats]:
    """Rows of the query that a video shows, where it shows each best, and the similarity."""
    nearest, best = np.empty(len(rows), np.int64), np.empty(len(rows), np.float32)
    for start in range(0, len(rows), _ROWS_AT_ONCE):
        alike = rows[start : start + _ROWS_AT_ONCE] @ ref.T
        places = alike.argmax(axis=1)
        nearest[start : start + _ROWS_AT_ONCE] = places
        best[start : start + _ROWS_AT_ONCE] = alike[np.arange(len(alike)), places]
    clear = best if bias is None else best - bias.ravel()
    shown = np.flatnonzero(clear >= min(min_similarity, clear.max()))
    return shown, nearest[shown], best[shown]


class ByVideo:
    """Candidates by the descriptors of whole videos.

    recent: where it is given, a query that is not new is compared with what is; by the exact engine only.
    """

    def __init__(self, gallery: Gallery, engine: Engine, videos: SharedVideos, recent: Recent | None) -> None:
        self._gallery, self._engine, self._shared, self._recent = gallery, engine, videos, recent
        self._shared_ranking, self._opened = Shared(), contextlib.ExitStack()

    def open(self) -> None:
        self._videos, self._frames = self._shared.open(), FrameReader(self._gallery)
        self._ranking = open_ranking(self._gallery, self._engine, self._shared_ranking, self._opened)
        if self._recent and isinstance(self._ranking, VideoSearch):
            self._new_videos = self._ranking.only(self._recent.refs)

    def candidates(
        self, query: FrameFeatures, most: int, known: Container[str], min_similarity: float, near: float
    ) -> list[Candidate]:
        """Of the ``most`` nearest videos, those that are not ``known``."""
        assert query.descriptor is not None
        is_old = self._recent is not None and query.video_id not in self._recent.queries
        ranked = (self._new_videos if is_old else self._ranking).nearest(query.descriptor, most + bool(query.known_as))
        others = (ref_id for ref_id, _ in ranked if ref_id != query.known_as)
        names = [ref_id for ref_id in itertools.islice(others, most) if ref_id not in known]
        stored = ((name, self._videos.read(name, lambda video: self._frames.read(video)[1])) for name in names)
        refs = ((name, of_unit_length(rows)) for name, rows in stored if rows is not None and len(rows))
        return candidates_among(query, refs, min_similarity, near)

    def close(self) -> None:
        self._opened.close()
