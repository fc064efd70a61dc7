"""Clip search: gallery videos by what happens in them, from the windows of their stored clip features."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterator
from typing import IO

import numpy as np
from apache_beam.utils.shared import Shared
from numpy.typing import NDArray

from cliptrace.models.clips.timeline import windows
from cliptrace.schemas.config import Engine
from cliptrace.schemas.errors import CliptraceError
from cliptrace.transforms.store import files, ledger
from cliptrace.transforms.store.descriptors import VideoSearch
from cliptrace.transforms.store.exact.rows import MappedRows
from cliptrace.transforms.store.gallery import FrameReader, Gallery, StoredVideo, read_videos
from cliptrace.transforms.store.vectors import VectorStore
from cliptrace.transforms.store.video_engines import VideoRanking

Floats = NDArray[np.float32]


def open_clip_ranking(gallery: Gallery, engine: Engine, shared: Shared, opened: contextlib.ExitStack) -> VideoRanking:
    """What ranks a gallery's videos by the windows of a query. The arguments are those of ``open_ranking``."""
    if engine == "exact" or not gallery.manifest.clips_collection:
        found: VideoSearch = shared.acquire(lambda: VideoSearch(read_windows(gallery)))
        return found
    vectors = opened.enter_context(gallery.vectors()).clips
    assert vectors
    return MilvusWindows(vectors)


class MilvusWindows:
    """By the collection of windows. What it holds is as ``gallery verify`` says: to count what it should hold takes all
    clip features."""

    def __init__(self, vectors: VectorStore) -> None:
        self._vectors = vectors

    def nearest(self, query: Floats, most: int) -> Iterator[tuple[str, float]]:
        """As VideoSearch, of videos of which a window is among those of the ``most`` nearest videos to one of the
        query's: to the others it counts as near as it may be at most."""
        hits = self._vectors.search(directed(query), most)
        ids, place = np.unique(hits.ref_ids, return_inverse=True)
        alike = np.repeat(hits.beyond[:, None].clip(min=0), len(ids), axis=1)
        alike[hits.query_rows, place] = hits.similarities
        means = alike.mean(axis=0) if len(alike) else np.empty(0)
        for number in np.argsort(-means, kind="stable"):
            yield str(ids[number]), min(float(means[number]), 1.0)


def read_windows(gallery: Gallery) -> MappedRows:
    """Those of all live videos that show something, in a temporary file that is mapped into memory. Read anew by each
    search: nobody else needs them. CliptraceError where a shard is damaged, or the file cannot be written."""

    def read() -> MappedRows:
        videos = sorted(read_videos(gallery).values(), key=lambda video: (video.frames_file, video.row_group))
        try:
            with tempfile.TemporaryFile(prefix="cliptrace-") as file:
                return _mapped(file, gallery, videos)
        except OSError as error:
            raise CliptraceError(
                f"{tempfile.gettempdir()}: the file of a clip search cannot be written: {files.reason(error)}"
            ) from error

    return ledger.steadily(gallery.root, read)


def _mapped(file: IO[bytes], gallery: Gallery, videos: list[StoredVideo]) -> MappedRows:
    assert gallery.manifest.moments
    reader, ids, counts = FrameReader(gallery), [], []
    for video in videos:
        rows = directed(windows(reader.clips(video)))
        if len(rows):
            file.write(rows.tobytes())
            ids.append(video.video_id)
            counts.append(len(rows))
    file.flush()
    shape = sum(counts), gallery.manifest.moments.dimension
    values = np.memmap(file, np.float32, "r", shape=shape) if ids else np.empty(shape, np.float32)
    sizes = np.array(counts, np.int64)
    return MappedRows(values, np.array(ids, np.str_), np.cumsum(sizes) - sizes, sizes)


def directed(rows: Floats) -> Floats:
    """Without those of zeros, which are near to nothing."""
    return rows[rows.any(axis=1)]
