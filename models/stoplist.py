"""Keyframes that tell no video from another: near-uniform pictures, and the boilerplate of a gallery.

Boilerplate is what videos of different content begin or end with: intros, countdowns, credits, end cards. What recurs
in the middle of them is a clip that was used again, which is what a search is for.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from cliptrace.models.alignment.paths import keyframe_spans

Floats = NDArray[np.float32]
Flags = NDArray[np.bool_]

FEWEST_VIDEOS, SHARE = 8, 0.04
"""Of the videos that are compared, how many others begin or end with a keyframe at least."""
_ALIKE = 0.7
"""Cosine from which two keyframes may show the same: of a scene that moves, no two videos have the same keyframes."""
_LEAST_ELSE = 0.2
"""Share of a video that is something else than its boilerplate, where it has any: without, it is the thing itself. Two
videos of which less is unlike the other are copies, however worn."""
_SAME = 0.95
_MOST = 512
_UNLIKE, _LIKE = 0.6, 0.8
"""Cosines to the nearest stopped keyframe: below the first they are unlike and nothing is taken off, from the second on
all."""
_STOPPED = 0.35
"""What is taken off a keyframe, at a likeness of .7, from which on it counts as stopped."""
_GAP_S = 1.0
"""Longest stretch of a query's beginning or end without a stopped keyframe, before its first or between two."""
_ROWS_AT_A_TIME = 1024
_FLAT = 5.0
"""Standard deviation, in levels of 255, below which a thumb is one colour and noise."""


def recurring(videos: Sequence[NDArray[np.floating[Any]]]) -> Floats:
    """Keyframes that many of the videos begin or end with: float32[S, D], the most frequent first.

    videos: embeddings [K, D] each in the order of time, rows of unit L2 norm. Copies of one another do not count: a
    video that was uploaded twenty times is no intro.
    """
    dimension = videos[0].shape[1] if videos else 0
    none = np.empty((0, dimension), np.float32)
    videos = [np.asarray(video, np.float32) for video in videos if len(video)]
    fewest = max(FEWEST_VIDEOS, round(SHARE * len(videos)))
    if len(videos) <= fewest:
        return none
    alike, unlike = [], np.zeros((len(videos), len(videos)))
    for number, best in enumerate(_most_alike(videos)):
        alike.append(best >= _ALIKE)
        unlike[number] = (best < _UNLIKE).mean(axis=0)
    others = np.minimum(unlike, unlike.T) >= _LEAST_ELSE
    ends = [_ends(each[:, others[number]].sum(axis=1) >= fewest) for number, each in enumerate(alike)]
    ending = [video[end] for video, end in zip(videos, ends, strict=True)]
    everything = np.concatenate(ending)
    if not len(everything):
        return none
    counts = np.concatenate(
        [(best[:, others[number]] >= _ALIKE).sum(axis=1) for number, best in enumerate(_most_alike(ending))]
    )
    often = np.flatnonzero(counts >= fewest)
    often = often[np.argsort(-counts[often], kind="stable")]
    kept = none
    for row in everything[often]:
        if len(kept) < _MOST and (not len(kept) or float((kept @ row).max()) < _SAME):
            kept = np.concatenate([kept, row[None]])
    return kept


def _most_alike(videos: Sequence[Floats]) -> Iterator[Floats]:
    """float32[K, videos] of each video: the highest cosine of each of its frames in each video, -1 in an empty one."""
    everything = np.concatenate(videos)
    some = [number for number, video in enumerate(videos) if len(video)]
    starts = np.cumsum([0, *(len(videos[number]) for number in some[:-1])])
    for video in videos:
        best = np.full((len(video), len(videos)), -1.0, np.float32)
        best[:, some] = np.maximum.reduceat(video @ everything.T, starts, axis=1)
        yield best


def _ends(recurs: Flags) -> Flags:
    """bool[K]: which keyframes of a video belong to a beginning or an end that recurs, with other content beside it."""
    places = np.arange(len(recurs), dtype=np.float64)
    ends = _touching(recurs, places, places + 1, gap=1.0)
    return ends & recurs if np.mean(~ends) >= _LEAST_ELSE else np.zeros_like(recurs)


def _touching(marked: Flags, starts: NDArray[np.float64], ends: NDArray[np.float64], gap: float) -> Flags:
    """bool[K]: from the beginning to the last marked keyframe that is reached from there without more than ``gap``
    between two, and the same from the end."""
    touching = np.zeros_like(marked)
    at = np.flatnonzero(marked)
    if len(at):
        from_start = starts[at] - np.concatenate([starts[:1], ends[at[:-1]]]) <= gap
        from_end = np.concatenate([starts[at[1:]], ends[-1:]]) - ends[at] <= gap
        forth, back = np.logical_and.accumulate(from_start), np.logical_and.accumulate(from_end[::-1])[::-1]
        if forth.any():
            touching[: at[forth][-1] + 1] = True
        if back.any():
            touching[at[back][0] :] = True
    return touching


def taken_off(query: NDArray[np.floating[Any]], times: NDArray[np.float64], blank: Flags, stopped: Floats) -> Floats:
    """What the stop-list takes off all similarities of a query's embeddings: [K, D] → float32[K], or of V views,
    [K, V, D] → float32[K, V].

    times: float64[K], seconds. blank: bool[K], keyframes that show nothing. stopped: float32[S, D].
    Only what the query itself begins or ends with is taken, and only where it has other content: who asks for an intro,
    or for a clip that looks like one, is to find it.
    """
    taken = penalty(query, stopped)
    marked = is_stopped(taken)
    if not marked.any():
        return np.zeros_like(taken)
    starts, ends = keyframe_spans(times)
    touching = _touching(marked | blank, starts, ends, _GAP_S)
    beside = (ends - starts)[~touching & ~blank].sum()
    if beside < _LEAST_ELSE * (ends - starts)[~blank].sum():
        return np.zeros_like(taken)
    taken[~touching] = 0
    return taken


def is_stopped(taken: Floats) -> Flags:
    """bool[K]: keyframes that lose most of their similarity, in any view. taken: of taken_off, [K] or [K, V]."""
    return np.asarray(taken.reshape(len(taken), -1).max(axis=1, initial=0.0) >= _STOPPED)


def penalty(query: NDArray[np.floating[Any]], stopped: Floats) -> Floats:
    """What likeness to stopped keyframes would take off a query embedding, wherever it stands: [..., D] →
    float32[...].

    stopped: float32[S, D]. It is all of a stopped keyframe's own similarity, and nothing of what is unlike them.
    """
    if not len(stopped):
        return np.zeros(query.shape[:-1], np.float32)
    rows = np.asarray(query, np.float32).reshape(-1, query.shape[-1])
    likeness = np.empty(len(rows), np.float32)
    for start in range(0, len(rows), _ROWS_AT_A_TIME):
        some = slice(start, start + _ROWS_AT_A_TIME)
        likeness[some] = (rows[some] @ stopped.T).max(axis=1)
    taken = likeness * np.clip((likeness - _UNLIKE) / (_LIKE - _UNLIKE), 0, 1)
    return np.asarray(taken, np.float32).reshape(query.shape[:-1])


def is_uniform(thumbs: NDArray[np.uint8]) -> Flags:
    """bool[N]: one colour, as black frames and fades are. thumbs: uint8[N, 32, 32, 3]."""
    deviations = [cv2.meanStdDev(thumb)[1].max() for thumb in thumbs]
    return np.array(deviations, np.float64) < _FLAT
