"""How well frames find frames: exact search, and the figures that are read from what it found. Pure.

An *item* is what may be retrieved: a gallery video, which answers with its most similar frame, or a distractor frame.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Collection

import numpy as np
from numpy.typing import NDArray

from cliptrace.models.metrics.retrieval import average_precision

ITEMS = 10
RECALL_S, PAIR_S = 1.0, 2.0
"""How far from the true time a right frame may lie: for recall@1, and for micro-AP."""
_CHUNK = 512


@dataclasses.dataclass(frozen=True, slots=True)
class Found:
    """frames: int64[Q, k], the best frame of each of the k most similar items, best first: a gallery frame's number, or
        that of a distractor counted on from the gallery's last.
    similarity: float32[Q, k], of those.
    best: float32[Q, V], of each gallery video's most similar frame.
    """

    frames: NDArray[np.int64]
    similarity: NDArray[np.float32]
    best: NDArray[np.float32]


def search(
    queries: NDArray[np.float32],
    gallery: NDArray[np.float32],
    starts: NDArray[np.int64],
    distractors: NDArray[np.float32],
    items: int = ITEMS,
) -> Found:
    """Rows of unit norm. queries [Q, D]; gallery [G, D], each video's first row in ``starts``; distractors [N, D]."""
    chunks = (queries[at : at + _CHUNK] for at in range(0, len(queries), _CHUNK))
    parts = [_search(chunk, gallery, starts, distractors, items) for chunk in chunks]
    return Found(
        np.concatenate([part.frames for part in parts]),
        np.concatenate([part.similarity for part in parts]),
        np.concatenate([part.best for part in parts]),
    )


def _search(
    queries: NDArray[np.float32],
    gallery: NDArray[np.float32],
    starts: NDArray[np.int64],
    distractors: NDArray[np.float32],
    items: int,
) -> Found:
    by_video = np.split(queries @ gallery.T, starts[1:], axis=1)
    best = np.stack([similarity.max(axis=1) for similarity in by_video], axis=1)
    frames = np.stack([similarity.argmax(axis=1) for similarity in by_video], axis=1) + starts
    others = queries @ distractors.T
    rest = max(0, others.shape[1] - items)  # what is not among the best
    nearest = (
        np.argpartition(others, rest, axis=1)[:, rest:]
        if rest
        else np.broadcast_to(np.arange(others.shape[1]), others.shape)
    )
    candidates = np.concatenate([frames, nearest + len(gallery)], axis=1)
    similarity = np.concatenate([best, np.take_along_axis(others, nearest, axis=1)], axis=1)
    order = np.argsort(-similarity, axis=1, kind="stable")[:, :items]
    frames, similarity = (np.take_along_axis(each, order, axis=1) for each in (candidates, similarity))
    return Found(frames, similarity, best)


def recall_at_1(
    right: NDArray[np.bool_], edit: NDArray[np.str_], severity: NDArray[np.str_]
) -> dict[str, dict[str, float]]:
    """Share of right first answers: edit → severity or "all" → share; what no frame has is left out.

    right: bool[Q], of frames that have a truth. "micro": the share of all frames. "macro": the mean over edits of their
    "all". Each of them by severity as well.
    """
    table = {str(name): _by_severity(right[edit == name], severity[edit == name]) for name in np.unique(edit)}
    columns = sorted({column for row in table.values() for column in row})
    macro = {column: _mean([row[column] for row in table.values() if column in row]) for column in columns}
    return {"macro": macro, "micro": _by_severity(right, severity), **table}


def _by_severity(right: NDArray[np.bool_], severity: NDArray[np.str_]) -> dict[str, float]:
    shares = {str(name): float(right[severity == name].mean()) for name in np.unique(severity)}
    return {**shares, "all": float(right.mean())} if len(right) else {}


def _mean(values: list[float]) -> float:
    return sum(values) / len(values)


def micro_ap(similarity: NDArray[np.float32], right: NDArray[np.bool_], positives: int) -> float:
    """Micro-AP over pairs as SSCD and DISC21 measure it, a pair being a query frame and an item.

    Every query frame, those of background too, predicts its ITEMS most similar items, each with the similarity of its
    best frame. All predictions of all query frames stand in one ranking by similarity. A prediction is right if that
    best frame is of the true video and within PAIR_S of the true time, or the same picture as the true frame: so a
    query frame has one right prediction at most, and one of background none. The AP is Σ P·ΔR over the ranking; recall
    counts right predictions among ``positives``, the query frames that have a truth, found or not.

    similarity, right: [Q, k].
    """
    return average_precision(right.ravel().tolist(), similarity.ravel().tolist(), positives)


def threshold_at(recall: float, right_similarities: NDArray[np.float32], positives: int) -> float | None:
    """The similarity that the share ``recall`` of ``positives`` right predictions reach; None if fewer are found."""
    needed = math.ceil(recall * positives - 1e-9)
    if not 0 < needed <= len(right_similarities):
        return None
    return float(np.sort(right_similarities)[-needed])


def false_video_pairs(
    best: NDArray[np.float32], query_ids: NDArray[np.str_], true_pairs: Collection[tuple[str, int]], threshold: float
) -> int:
    """How many pairs of a query and a gallery video are wrongly linked by at least one frame.

    best: [Q, V], the similarity of frames of background with each gallery video. true_pairs: (query, video) that share
    seconds elsewhere; a link between them is not counted, for it makes no false pair of videos.
    """
    pairs = {
        (str(query), int(video))
        for query in np.unique(query_ids)
        for video in np.flatnonzero((best[query_ids == query] >= threshold).any(axis=0))
    }
    return len(pairs - set(true_pairs))


def per_thousand(similarities: NDArray[np.float32], threshold: float) -> float | None:
    """How many of 1,000 similarities reach the threshold; None where there are none at all."""
    return 1000.0 * float((similarities >= threshold).mean()) if len(similarities) else None
