"""From frame hits to candidate videos: the index search's answer, grouped by video (SSAN §3.4)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from schemas.records import Candidate


def group_hits(
    query_id: str,
    query_rows: NDArray[np.int64],
    ref_ids: NDArray[np.str_],
    ref_frames: NDArray[np.int64],
    similarities: NDArray[np.float32],
    top_k: int,
    views: int = 1,
    bias: NDArray[np.float32] | None = None,
) -> list[Candidate]:
    """The ``top_k`` gallery videos with most votes, best first; equal votes in the order of their ids.

    All arrays but bias have one entry a hit: query_rows are positions in search_rows(query), ``views`` a keyframe;
    ref_frames are row positions in FrameFeatures. bias: of each query embedding, [K] or [K, V], taken off its hits.
    A query frame votes once for a video, with its best similarity there, so that one static scene of a long video does
    not outvote a copy.
    """
    query_frames = query_rows // views
    if bias is not None:
        similarities = similarities - bias.ravel()[query_rows]
    candidates = []
    for ref_id in np.unique(ref_ids):
        mine = ref_ids == ref_id
        best = np.zeros(int(query_frames.max()) + 1, np.float32)
        np.maximum.at(best, query_frames[mine], similarities[mine])
        candidates.append(
            Candidate(
                query_id, str(ref_id), query_frames[mine], ref_frames[mine], similarities[mine], float(best.sum())
            )
        )
    return sorted(candidates, key=lambda candidate: (-candidate.votes, candidate.ref_id))[:top_k]
