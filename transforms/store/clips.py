"""Clip search: gallery videos by what happens in them, from the windows of their stored clip features."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Iterator

import numpy as np
from apache_beam.utils.shared import Shared
from numpy.typing import NDArray

from cliptrace.models.clips.timeline import HOP, windows
from cliptrace.schemas.config import Engine
from cliptrace.transforms.store.descriptors import VideoSearch
from cliptrace.transforms.store.exact.rows import FOLDER, MappedRows, Rows, map_all
from cliptrace.transforms.store.gallery import FrameReader, Gallery, StoredVideo, live_attempts
from cliptrace.transforms.store.vectors import VectorStore
from cliptrace.transforms.store.video_engines import VideoRanking, check_count

Floats = NDArray[np.float32]

_FOLDER = f"{FOLDER}/clips"


def open_clip_ranking(gallery: Gallery, engine: Engine, shared: Shared, opened: contextlib.ExitStack) -> VideoRanking:
    """What ranks a gallery's videos by the windows of a query. The arguments are those of ``open_ranking``.

    CliptraceError where the server has lost windows."""
    if engine == "exact" or not gallery.manifest.clips_collection:
        found: VideoSearch = shared.acquire(lambda: VideoSearch(read_windows(gallery)))
        return found
    vectors = opened.enter_context(gallery.vectors()).clips
    assert vectors
    return MilvusWindows(vectors, shared.acquire(lambda: _Checked(gallery, vectors)))


class _Checked:
    """That a server has not lost the windows. Looked at once a process, and by the ledger where that is enough: what it
    should hold is known from all clip features only. What it has beside that ``gallery verify`` tells."""

    def __init__(self, gallery: Gallery, vectors: VectorStore) -> None:
        if len(live_attempts(gallery)) > vectors.count():  # most videos have a window or more
            check_count(gallery, vectors, len(read_windows(gallery).values), "windows of clip features")


class MilvusWindows:
    """By the collection of windows."""

    def __init__(self, vectors: VectorStore, checked: _Checked) -> None:
        self._vectors, self._checked = vectors, checked

    def nearest(self, query: Floats, most: int) -> Iterator[tuple[str, float]]:
        """As VideoSearch, of videos of which a window is among those of the ``most`` nearest videos to one of the
        query's: to the others it counts as near as it may be at most."""
        rows = directed(query)
        hits = self._vectors.search(rows, most)
        ids, place = np.unique(hits.ref_ids, return_inverse=True)
        at_most = hits.beyond.clip(min=0)
        above = np.bincount(place, hits.similarities - at_most[hits.query_rows], minlength=len(ids))
        means = (at_most.sum() + above) / max(len(rows), 1)
        for number in np.argsort(-means, kind="stable"):
            yield str(ids[number]), min(float(means[number]), 1.0)


def read_windows(gallery: Gallery) -> MappedRows:
    """Those of all live videos that show something, mapped into memory as ``map_all`` does. CliptraceError where a
    shard is damaged, or no file can be made."""
    moments = gallery.manifest.moments
    assert moments
    hop_s = HOP * moments.step_s
    rows = Rows(gallery, _FOLDER, moments.dimension, _read, lambda video: math.ceil(video.decoded_s / hop_s) + 1)
    return map_all(rows)


def _read(reader: FrameReader, video: StoredVideo) -> Floats:
    return directed(windows(reader.clips(video)))


def directed(rows: Floats) -> Floats:
    """Without those of zeros, which are near to nothing."""
    return rows[rows.any(axis=1)]
