"""Similarity maps: the picture that every aligner reads."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Embeddings = NDArray[np.floating[Any]]


def similarity_map(query: Embeddings, ref: Embeddings, bias: NDArray[np.float32] | None = None) -> NDArray[np.float32]:
    """Cosine similarity of every query keyframe with every reference keyframe (SSAN, eq. 3).

    query: [Q, D], or [Q, V, D] of V views, of which the most similar counts; ref: [R, D]. Rows of unit L2 norm.
    bias: [Q] or [Q, V], what is taken off the similarities of a query's row (models/backbones/background.py).
    Returns float32[Q, R] in [-1, 1].
    """
    if query.ndim not in (2, 3) or ref.ndim != 2 or query.shape[-1] != ref.shape[1]:
        raise ValueError(f"embeddings of shapes {query.shape} and {ref.shape} cannot be compared")
    if bias is not None and bias.shape != query.shape[:-1]:
        raise ValueError(f"a bias of shape {bias.shape} does not go with embeddings of shape {query.shape}")
    rows, views = search_rows(query)
    columns = np.asarray(ref, np.float32).T
    best = np.full((len(query), len(ref)), -1.0, np.float32)
    for view in range(views):  # one at a time: all maps together would take V times the memory
        product: NDArray[np.float32] = np.asarray(rows[view::views], np.float32) @ columns
        if bias is not None:
            product -= bias.reshape(-1, views)[:, view, None]
        np.maximum(best, product, out=best)
    return np.minimum(best, np.float32(1.0), out=best)


def search_rows(query: Embeddings) -> tuple[Embeddings, int]:
    """What is searched for a query of [K, D] or [K, V, D]: [K·V, D], and V. Row n is of keyframe n // V."""
    views = query.shape[1] if query.ndim == 3 else 1
    return query.reshape(-1, query.shape[-1]), views
