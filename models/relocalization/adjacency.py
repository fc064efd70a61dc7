"""Which steps of query and proposal are joined (§4.3): near ones of the same video, every k-th of the other."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def adjacency(length: int, k: int) -> NDArray[np.float32]:
    """float32[2T, 2T], 1 where nodes are joined and 0 elsewhere, symmetric; the query's T nodes come first."""
    inside, between = parts(length, k)
    return inside + between


def parts(length: int, k: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """What joins the nodes of each video, and what joins those of the two, float32[2T, 2T] each.

    Inside a video: nodes at most k apart, each one with itself. Between the videos: i and j where i - j is a multiple
    of k: the same step and every k-th to both sides. (The slices that the paper prints end at T - 1 and at 21; its text
    says that they go to both sides.)
    """
    apart = np.abs(np.subtract.outer(np.arange(length), np.arange(length)))
    inside, between = apart <= k, apart % k == 0
    none = np.zeros((length, length), np.bool_)
    return (
        np.block([[inside, none], [none, inside]]).astype(np.float32),
        np.block([[none, between], [between, none]]).astype(np.float32),
    )
