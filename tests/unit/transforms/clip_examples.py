"""Galleries and queries with clip features, made of numbers alone."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cliptrace.schemas.gallery import ClipsConfig
from cliptrace.schemas.records import FrameFeatures
from tests.unit.transforms.store_examples import MANIFEST, features

CLIP_DIMENSION = 6
MOMENTS = ClipsConfig("tiny", "ab" * 32, CLIP_DIMENSION, 0.5)
WITH_MOMENTS = dataclasses.replace(MANIFEST, moments=MOMENTS)


def clips_of(video_id: str, steps: int) -> NDArray[np.float16]:
    """That follow from the id and the number of steps."""
    seed = np.frombuffer(f"{video_id} {steps}".encode(), np.uint8)
    return np.random.default_rng(seed).normal(size=(steps, CLIP_DIMENSION)).astype(np.float16)


def clipped(video_id: str, steps: int, *arguments: Any) -> FrameFeatures:
    """A video of half as many seconds; arguments: as ``features`` takes them."""
    return dataclasses.replace(features(video_id, steps, *arguments), clips=clips_of(video_id, steps))
