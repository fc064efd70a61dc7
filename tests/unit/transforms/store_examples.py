"""Small galleries and features for tests of the stores: no video, no network."""

from __future__ import annotations

import contextlib
import re
from typing import Any

import numpy as np
import pyarrow.parquet as pq
from numpy.typing import NDArray

from cliptrace.schemas.config import KeyframeConfig
from cliptrace.schemas.gallery import GalleryManifest, video_key
from cliptrace.schemas.records import FrameFeatures, VideoInfo, VideoSource
from cliptrace.transforms.store import files, ledger
from cliptrace.transforms.store.gallery import Gallery
from cliptrace.transforms.store.sweeping import sweep

DIMENSION = 8
BACKBONE = {
    "name": "tiny",
    "sha256": "ab" * 32,
    "pooling": "rmac",
    "whitening_sha256": "cd" * 32,
    "dimension": DIMENSION,
}
MANIFEST = GalleryManifest(name="tests", backbone=BACKBONE, keyframes=KeyframeConfig())


def features(
    video_id: str, frames: int = 4, fingerprint: str = "1-1", attempt: int = 1, warning: str = ""
) -> FrameFeatures:
    """Features that follow from the id, the number of frames and the fingerprint."""
    seed = np.frombuffer(f"{video_id} {frames} {fingerprint}".encode(), np.uint8)
    embeddings = np.random.default_rng(seed).normal(size=(frames, DIMENSION)).astype(np.float32)
    embeddings /= np.linalg.norm(embeddings, axis=1, keepdims=True)
    info = VideoInfo(frames / 2, 25.0, 64, 48, "h264", size_bytes=1, content_sha256="ef" * 32)
    source = VideoSource(video_id, f"/videos/{video_id}", fingerprint, {"owner": "Bo"}, attempt)
    times = np.arange(frames) / 2
    return FrameFeatures(source, info, times, np.ones(frames, np.float32), embeddings, np.empty(0), frames / 2, warning)


def stored_precision(embeddings: NDArray[np.float32]) -> NDArray[np.float32]:
    return embeddings.astype(np.float16).astype(np.float32)


def row_groups(gallery: Gallery, frames_file: str) -> list[int]:
    """Number of rows of each row group."""
    parquet = pq.ParquetFile(files.open_bytes(files.join(gallery.root, frames_file)))
    return [parquet.metadata.row_group(index).num_rows for index in range(parquet.num_row_groups)]


class NoVectors:
    """A vector store that acknowledges everything, or is cut off by an error."""

    def __init__(self, error: Exception | None = None) -> None:
        self._error = error

    def replace(self, videos: list[FrameFeatures], generation: int) -> dict[str, str]:
        if self._error:
            raise self._error
        return {}

    def delete_older(self, video_ids: list[str], generation: int) -> None: ...

    def delete_videos(self, video_ids: list[str]) -> None: ...

    def rows(self, video_ids: list[str], embeddings: bool) -> list[list[dict[str, Any]]]:
        return []


class Shelf:
    """A client in memory that searches exactly, and remembers how it was asked."""

    def __init__(self, videos: list[FrameFeatures]) -> None:
        self.ids = [video.video_id for video in videos for _ in video.times]
        self.frames = [frame for video in videos for frame in range(len(video.times))]
        self.keys = np.array([video_key(video_id) for video_id in self.ids])
        self.embeddings = np.concatenate([video.embeddings for video in videos])
        self.asked: list[tuple[int, int]] = []

    def search(self, collection: str, *, data: list[Any], filter: str, limit: int, **_: Any) -> list[Any]:
        self.asked.append((len(data), limit))
        gone = [int(key) for key in re.findall(r"\d+", filter)]
        left = np.flatnonzero(~np.isin(self.keys, gone))
        answers = []
        for row in data:
            similarities = self.embeddings[left] @ row
            nearest = np.argsort(-similarities, kind="stable")[:limit]
            answers.append(
                [
                    {
                        "entity": {"video_id": self.ids[left[n]], "frame": self.frames[left[n]]},
                        "distance": float(similarities[n]),
                    }
                    for n in nearest
                ]
            )
        return answers


def swept(gallery: Gallery, vectors: Any = None) -> None:
    """What the next run begins with."""
    store = contextlib.nullcontext(vectors or NoVectors())
    sweep(gallery, ledger.read_attempts(gallery.root), store, "R9")
