"""Ways to choose keyframes that are compared: those of the product, and baselines that it does not have."""

from __future__ import annotations

import dataclasses

import cv2
import numpy as np
from numpy.typing import NDArray

from cliptrace.models.keyframes import Selection, Selector, make_selector
from cliptrace.models.keyframes.scored import select_scored
from cliptrace.models.ssan.inference import open_ske
from cliptrace.schemas.config import BASIS_FPS, SKE_POINTS, KeyframeConfig

EVERYTHING = make_selector(KeyframeConfig("uniform", per_second=BASIS_FPS), BASIS_FPS)
_SMOOTHED = 5
"""Basis frames over which changes are averaged before their peaks are taken."""


@dataclasses.dataclass(frozen=True, slots=True)
class Choice:
    """gallery: which frames are stored. queries: which are searched; None for the same."""

    name: str
    gallery: Selector
    queries: Selector | None = None


def uniform(per_second: float, dense_queries: bool) -> Choice:
    selector = make_selector(KeyframeConfig("uniform", per_second=per_second), BASIS_FPS)
    name = f"uniform {per_second:g}/s"
    return Choice(f"{name}, queries 8/s", selector, EVERYTHING) if dense_queries else Choice(name, selector)


def scored(name: str, folder: str, point: str, apart: float = 1.0) -> Choice:
    """folder: of an exported SKE. point: one of SKE_POINTS. apart: how many times as far apart as there."""
    network, (threshold, interval_s) = open_ske(folder), SKE_POINTS[point]
    return Choice(
        f"{name} {point}, queries 8/s",
        lambda thumbs: select_scored(network.run(thumbs), BASIS_FPS, threshold * apart, interval_s * apart),
        EVERYTHING,
    )


def content(threshold: float) -> Choice:
    selector = make_selector(KeyframeConfig("content", threshold=threshold), BASIS_FPS)
    return Choice(f"content {threshold:g}, queries 8/s", selector, EVERYTHING)


def local_maxima() -> Choice:
    """Frames at which the picture changes most, of their neighbours (arXiv 2501.11171)."""
    return Choice("local maxima, queries 8/s", _peaks, EVERYTHING)


def at_random(per_second: float) -> Choice:
    """As many frames as uniform sampling has, anywhere."""

    def select(thumbs: NDArray[np.uint8]) -> Selection:
        count = max(1, round(len(thumbs) * per_second / BASIS_FPS))
        drawn = np.random.default_rng(len(thumbs)).choice(len(thumbs), count, replace=False)
        return np.sort(drawn), np.ones(count, np.float32)

    return Choice(f"random {per_second:g}/s, queries 8/s", select, EVERYTHING)


def _peaks(thumbs: NDArray[np.uint8]) -> Selection:
    flat = thumbs.reshape(len(thumbs), -1)
    changes = np.concatenate([[0.0], cv2.absdiff(flat[1:], flat[:-1]).mean(axis=1) if len(flat) > 1 else []])
    smooth = np.convolve(np.pad(changes, _SMOOTHED // 2, mode="edge"), np.ones(_SMOOTHED) / _SMOOTHED, mode="valid")
    padded = np.pad(smooth, 1, constant_values=np.inf)
    positions = np.flatnonzero((smooth > padded[:-2]) & (smooth >= padded[2:]))
    positions = positions if len(positions) else np.zeros(1, np.int64)
    return positions, np.ones(len(positions), np.float32)
