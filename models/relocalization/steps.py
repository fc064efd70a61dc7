"""A clip of any length as T steps: evenly chosen ones of a long clip, padding behind a short one."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]


def fitted(features: NDArray[np.floating], length: int) -> tuple[Floats, NDArray[np.bool_]]:
    """[K, D], K at least 1 → float32[T, D] and bool[T], the steps that are no padding (§5.2.2; the mask is ours)."""
    count = len(features)
    chosen = np.arange(count) if count <= length else np.linspace(0, count - 1, length).round().astype(np.intp)
    out = np.zeros((length, features.shape[1]), np.float32)
    out[: len(chosen)] = features[chosen]
    return out, np.arange(length) < len(chosen)


def pieces(features: Floats, spans: NDArray[np.floating], length: int) -> tuple[Floats, NDArray[np.bool_]]:
    """What [P, 2] spans of steps show of [R, D] features: float32[P, T, D] and bool[P, T]. A span has at least the step
    that it begins in."""
    starts = np.clip(np.floor(spans[:, 0]).astype(np.intp), 0, len(features) - 1)
    ends = np.clip(np.ceil(spans[:, 1]).astype(np.intp), starts + 1, len(features))
    each = [fitted(features[start:end], length) for start, end in zip(starts, ends, strict=True)]
    return np.stack([piece for piece, _ in each]), np.stack([there for _, there in each])
