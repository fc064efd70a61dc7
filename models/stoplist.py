"""Keyframes that tell no video from another: near-uniform pictures, and what recurs in many videos of a gallery.

Intros, logos, countdowns and credits are such.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]

FEWEST_VIDEOS, SHARE = 8, 0.04
"""Of the videos that are compared, in how many others a keyframe recurs at least."""
_ALIKE = 0.85
"""Cosine from which two keyframes show the same."""
_COPIES = 0.5
"""Share of a video's keyframes from which it is a copy of the other, not one that begins with the same intro."""
_SAME = 0.95
_MOST = 512
_UNLIKE, _LIKE = 0.6, 0.8
"""Cosines to the nearest stopped keyframe: up to the first nothing is taken off, from the second on all."""
_ROWS_AT_A_TIME = 1024
_FLAT = 5.0
"""Standard deviation, in levels of 255, below which a thumb is one colour and noise."""


def recurring(videos: Sequence[NDArray[np.floating[Any]]]) -> Floats:
    """Keyframes that recur in many of the videos: float32[S, D], the most frequent first.

    videos: embeddings [K, D] each, rows of unit L2 norm. Copies of one another do not count: a video that was uploaded
    twenty times is no intro.
    """
    dimension = videos[0].shape[1] if videos else 0
    none = np.empty((0, dimension), np.float32)
    videos = [np.asarray(video, np.float32) for video in videos if len(video)]
    fewest = max(FEWEST_VIDEOS, round(SHARE * len(videos)))
    if len(videos) <= fewest:
        return none
    everything = np.concatenate(videos)
    starts = np.cumsum([0, *(len(video) for video in videos[:-1])])
    counts, shared = [], np.zeros((len(videos), len(videos)))
    for number, video in enumerate(videos):
        seen = np.maximum.reduceat(video @ everything.T, starts, axis=1) >= _ALIKE  # [K, videos]
        seen[:, number] = False
        counts.append(seen)
        shared[number] = seen.mean(axis=0)
    copies = np.maximum(shared, shared.T) >= _COPIES
    found = np.concatenate([(seen & ~copies[number]).sum(axis=1) for number, seen in enumerate(counts)])
    often = np.flatnonzero(found >= fewest)
    often = often[np.argsort(-found[often], kind="stable")]
    kept = none
    for row in everything[often]:
        if len(kept) < _MOST and (not len(kept) or float((kept @ row).max()) < _SAME):
            kept = np.concatenate([kept, row[None]])
    return kept


def penalty(query: NDArray[np.floating[Any]], stopped: Floats) -> Floats:
    """What to take off all similarities of a query embedding for its likeness to stopped ones: [..., D] → float32[...].

    stopped: float32[S, D]. It is all of a stopped keyframe's own similarity, and nothing of what is unlike them.
    """
    if not len(stopped):
        return np.zeros(query.shape[:-1], np.float32)
    rows = np.asarray(query, np.float32).reshape(-1, query.shape[-1])
    likeness = np.empty(len(rows), np.float32)
    for start in range(0, len(rows), _ROWS_AT_A_TIME):
        some = slice(start, start + _ROWS_AT_A_TIME)
        likeness[some] = (rows[some] @ stopped.T).max(axis=1)
    taken = likeness * np.clip((likeness - _UNLIKE) / (_LIKE - _UNLIKE), 0, 1)
    return np.asarray(taken, np.float32).reshape(query.shape[:-1])


def is_uniform(thumbs: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """bool[N]: one colour, as black frames and fades are. thumbs: uint8[N, 32, 32, 3]."""
    deviations = [cv2.meanStdDev(thumb)[1].max() for thumb in thumbs]
    return np.array(deviations, np.float64) < _FLAT
