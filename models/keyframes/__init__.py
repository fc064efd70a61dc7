"""Keyframe selectors: which basis frames of a tile are embedded.

A selector is a function of the 32×32 thumbs of one tile (at most 72 s at 8 frames a second). It starts anew with each
tile, so that a video cut into ranges of whole tiles gives the same keyframes as the uncut one.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cliptrace.models.keyframes.content import select_content
from cliptrace.models.keyframes.express import select_express
from cliptrace.models.keyframes.scored import select_scored
from cliptrace.models.keyframes.uniform import select_uniform
from cliptrace.models.ssan.inference import open_ske, ske_sha256
from cliptrace.schemas.config import KeyframeConfig

Selection = tuple[NDArray[np.int64], NDArray[np.float32]]
"""Positions int64[K] in the tile, strictly increasing, and the selector's confidence float32[K] in [0, 1]."""

Selector = Callable[[NDArray[np.uint8]], Selection]
"""thumbs uint8[N, 32, 32, 3] of one tile → Selection. Never empty for N > 0."""


def make_selector(config: KeyframeConfig, fps: float) -> Selector:
    """The selector that ``config`` names, for basis frames at ``fps`` a second."""
    if config.selector == "uniform":
        return lambda thumbs: select_uniform(thumbs, fps, config.per_second)
    if config.selector == "express":
        return select_express
    if config.selector == "ske":
        network = open_ske(config.weights or "ske")
        return lambda thumbs: select_scored(network.run(thumbs), fps, config.threshold, config.max_gap_s)
    return lambda thumbs: select_content(thumbs, fps, config.threshold, config.max_gap_s)


def with_weights(config: KeyframeConfig) -> KeyframeConfig:
    """``config`` with the digest of the weights that this installation would select with."""
    if config.selector != "ske":
        return config
    weights = str(Path(config.weights).resolve()) if config.weights else ""
    return dataclasses.replace(config, weights=weights, weights_sha256=ske_sha256(weights or "ske"))


__all__ = ["Selection", "Selector", "make_selector", "with_weights"]
