"""What SKE learns from: keyframes that stand for their surroundings best, found with embeddings of every basis frame.

The teacher of SSAN §3.1 compares neighbours in a frame-to-frame similarity matrix under a similarity threshold and a
time limit, "inspired by" the dynamic programming of Rotman et al. Here the programme is solved as such: the sequence is
cut into stretches with a keyframe each; a stretch costs a price and what its frames differ from its keyframe. Of all
ways to cut, none is cheaper. Frames of little information are nobody's keyframe.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from cliptrace.models.ssan.config import TeacherConfig
from cliptrace.schemas.config import BASIS_FPS


def keyframes(embeddings: NDArray[np.floating], thumbs: NDArray[np.uint8], config: TeacherConfig) -> NDArray[np.bool_]:
    """bool[N]: the keyframes of one stretch of basis frames.

    embeddings: [N, D], rows of unit L2 norm; thumbs: uint8[N, 32, 32, 3].
    """
    count, longest = len(embeddings), round(config.limit_s * BASIS_FPS)
    vectors = np.asarray(embeddings, np.float32)
    poor = config.poor * is_poor(thumbs, config)
    cost = np.full(count + 1, np.inf)
    cost[0] = 0.0
    start_of, key_of = np.zeros(count + 1, np.int64), np.zeros(count + 1, np.int64)
    for end in range(1, count + 1):
        first = max(0, end - longest)
        unlike = 1.0 - vectors[first:end] @ vectors[first:end].T  # [key, frame]
        # [key, start]: what a stretch from there to the end would cost with this keyframe.
        stretch = np.cumsum(unlike[:, ::-1], axis=1)[:, ::-1] + poor[first:end, None]
        stretch[np.triu_indices(end - first, 1)] = np.inf  # a stretch starts at its keyframe or before
        keys = stretch.argmin(axis=0)
        total = cost[first:end] + config.price + stretch[keys, np.arange(end - first)]
        best = int(total.argmin())
        cost[end], start_of[end], key_of[end] = total[best], first + best, first + keys[best]
    chosen = np.zeros(count, np.bool_)
    end = count
    while end > 0:
        chosen[key_of[end]] = True
        end = int(start_of[end])
    return chosen


def is_poor(thumbs: NDArray[np.uint8], config: TeacherConfig) -> NDArray[np.bool_]:
    """bool[N]: too dark, too flat or too blurred to tell one video from another."""
    luma = thumbs.astype(np.float32).mean(axis=3)
    edges = np.array([cv2.Laplacian(frame, cv2.CV_32F).std() for frame in luma], np.float32)
    dark, flat = luma.mean(axis=(1, 2)) < config.dark, luma.std(axis=(1, 2)) < config.flat
    poor: NDArray[np.bool_] = dark | flat | (edges < config.blurred)
    return poor
