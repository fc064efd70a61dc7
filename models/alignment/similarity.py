"""Similarity maps: the picture that every aligner reads."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray


def similarity_map(query: NDArray[np.floating[Any]], ref: NDArray[np.floating[Any]]) -> NDArray[np.float32]:
    """Cosine similarity of every query keyframe with every reference keyframe (SSAN, eq. 3).

    query: [Q, D] and ref: [R, D], rows of unit L2 norm. Returns float32[Q, R] in [-1, 1].
    """
    if query.ndim != 2 or ref.ndim != 2 or query.shape[1] != ref.shape[1]:
        raise ValueError(f"embeddings of shapes {query.shape} and {ref.shape} cannot be compared")
    product: NDArray[np.float32] = np.asarray(query, np.float32) @ np.asarray(ref, np.float32).T
    return np.clip(product, -1.0, 1.0, out=product)
