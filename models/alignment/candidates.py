"""From frame hits to candidate videos: the index search's answer, grouped by video (SSAN §3.4)."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from cliptrace.schemas.records import Candidate

SEARCHED_PER_SECOND = 2.0
_FEWEST_SEARCHED = 8
"""Frames of a query, however short. Of the validation splits no copy is lost that all frames find and that is reported,
nor with half as many (python -m benchmarks.search.frames)."""
_FEWEST = 3
"""Frames that stand for others: two find the ends of what was shown, one more tells that it was."""
NOT_SHOWN = -1
"""In ``shown_by``: of a query frame that speaks for itself alone."""


def searched_frames(count: int, seconds: float, per_second: float = SEARCHED_PER_SECOND) -> NDArray[np.int64]:
    """Which of a query's keyframes are searched, as evenly spread as they are: int64[S], rising. All are aligned."""
    wanted = min(count, max(_FEWEST_SEARCHED, math.ceil(per_second * seconds)))
    return ((np.arange(wanted) + 0.5) * count / max(wanted, 1)).astype(np.int64)


def group_hits(
    query_id: str,
    query_rows: NDArray[np.int64],
    ref_ids: NDArray[np.str_],
    ref_frames: NDArray[np.int64],
    similarities: NDArray[np.float32],
    views: int = 1,
    bias: NDArray[np.float32] | None = None,
    near: float = np.inf,
    shown_by: NDArray[np.int64] | None = None,
) -> list[Candidate]:
    """The gallery videos that were hit, most votes first; equal votes in the order of their ids.

    The four arrays have one entry a hit: query_rows are positions in search_rows(query), ``views`` a keyframe;
    ref_frames are row positions in FrameFeatures. bias: of each query embedding, [K] or [K, V], taken off its hits.
    near: similarity, bias taken off, from which a frame counts as seen in a video.
    shown_by: int64[K], the frame that was searched deeper than others and stands for this one, NOT_SHOWN without one.

    A query frame votes once for a video, with its best similarity there, so that one static scene of a long video does
    not outvote a copy. A frame that stands for others votes for them where they have less to say.
    """
    if not len(query_rows):
        return []
    query_frames = query_rows // views
    if bias is not None:
        similarities = similarities - bias.ravel()[query_rows]
    frames = len(shown_by) if shown_by is not None else int(query_frames.max()) + 1
    candidates = []
    names, owners = np.unique(ref_ids, return_inverse=True)
    by_owner = np.argsort(owners, kind="stable")
    starts = np.searchsorted(owners[by_owner], np.arange(len(names) + 1))
    for number, name in enumerate(names):
        mine = by_owner[starts[number] : starts[number + 1]]
        best = np.zeros(frames, np.float32)
        np.maximum.at(best, query_frames[mine], similarities[mine])
        if shown_by is not None:
            best = np.maximum(best, np.where(shown_by == NOT_SHOWN, np.float32(0), best[shown_by]))
        hits = (query_frames[mine], ref_frames[mine], similarities[mine])
        candidates.append(Candidate(query_id, str(name), *hits, float(best.sum()), int((best >= near).sum())))
    return sorted(candidates, key=lambda candidate: (-candidate.votes, candidate.ref_id))


def spread_over(frames: NDArray[np.bool_], stretch: int, most: int) -> NDArray[np.int64]:
    """Few of the marked frames that stand for all of them: int64[K], of each marked frame the one that stands for it,
    NOT_SHOWN elsewhere.

    stretch: frames that one stands for, fewer where that makes less than _FEWEST, more where it makes more than
    ``most``.
    """
    shown_by = np.full(len(frames), NOT_SHOWN)
    marked = np.flatnonzero(frames)
    count = min(len(marked), most, max(_FEWEST, -(-len(marked) // stretch)))
    for part in np.array_split(marked, count) if count else ():
        shown_by[part] = part[len(part) // 2]
    return shown_by
