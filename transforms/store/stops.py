"""The gallery's stop-list (models/stoplist.py): made of a sample of its videos after each run, read by each search."""

from __future__ import annotations

import numpy as np
import safetensors.numpy
from numpy.typing import NDArray
from safetensors import SafetensorError

from cliptrace.models.stoplist import recurring
from cliptrace.schemas.errors import CliptraceError
from cliptrace.schemas.gallery import STOPS_FILE, video_key, view_of
from cliptrace.transforms.store import files
from cliptrace.transforms.store.gallery import FrameReader, Gallery, read_videos

_VIDEOS = 256
_ENDS, _BETWEEN = 20, 12
"""Keyframes of a video that are compared: at either end, where intros and credits are, and in between."""


def update_stops(gallery: Gallery) -> None:
    """Compares at most 256 videos of the gallery, whatever its size."""
    sample = sorted(read_videos(gallery).values(), key=lambda video: video_key(video.video_id))[:_VIDEOS]
    frames = FrameReader(gallery)
    videos = []
    for video in sorted(sample, key=lambda each: (each.frames_file, each.row_group)):
        times, embeddings = frames.read(video)
        embeddings = embeddings[view_of(times) == 0]  # without stored views of the same moments
        videos.append(embeddings[_compared(len(embeddings))])
    content = safetensors.numpy.save({"embeddings": recurring(videos).astype(np.float16)})
    files.write_bytes(files.join(gallery.root, STOPS_FILE), content)


def no_stops(gallery: Gallery) -> NDArray[np.float32]:
    """A stop-list that names nothing."""
    return np.empty((0, gallery.manifest.dimension), np.float32)


def read_stops(gallery: Gallery) -> NDArray[np.float32]:
    """float32[S, D]; none of a gallery that has no stop-list yet."""
    none, path = no_stops(gallery), files.join(gallery.root, STOPS_FILE)
    if not files.exists(path):
        return none
    try:
        stopped = safetensors.numpy.load(files.read_bytes(path))["embeddings"].astype(np.float32)
    except (OSError, SafetensorError, KeyError) as error:
        raise CliptraceError(
            f"{path}: not a stop-list: {error}; remove it, the next cliptrace index makes it anew"
        ) from error
    return stopped if stopped.size else none


def _compared(count: int) -> NDArray[np.int64]:
    between = np.linspace(0, count - 1, _BETWEEN).astype(np.int64)
    ends = np.arange(_ENDS)
    return np.unique(np.clip(np.concatenate([ends, between, count - 1 - ends]), 0, count - 1))
