"""How well pairs of videos are ranked: average precision, mAP over queries, micro-AP over pairs, recall@k.

Truth is a set of ``(query_id, ref_id)``, prediction a score for each pair that was retrieved; higher is better.

Ties: items of one score share the last rank that any of them could have, as if the right ones came last among them.
So the order of the input never matters, and a constant score earns nothing. For average precision this is the usual
rule that a threshold lets all items of a score pass together (as in scikit-learn, DISC21 and VSC22).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from statistics import fmean

import numpy as np
from numpy.typing import NDArray

from cliptrace.models.metrics.boxes import Pair


def average_precision(relevant: Sequence[bool], scores: Sequence[float], positives: int) -> float:
    """Σ P · ΔR over the ranking: the mean, over all ``positives``, of the precision at the rank of each.

    positives: how many relevant items exist, retrieved or not; those not retrieved count as 0.
    Without positives it is 1 if nothing was retrieved, else 0.
    """
    if positives == 0:
        return float(len(scores) == 0)
    right = np.asarray(relevant, dtype=np.bool_)
    ranks = _ranks(scores)
    right_ranks = np.sort(ranks[right])
    right_so_far = np.searchsorted(right_ranks, right_ranks, side="right")
    return float((right_so_far / right_ranks).sum() / positives)


def mean_average_precision(truth: Collection[Pair], scores: Mapping[Pair, float]) -> float:
    """mAP: average precision of each query that has a true reference, averaged over those queries.

    A query without a true reference does not count, whatever was retrieved for it; micro-AP counts it.
    Without any truth it is 1 if nothing was retrieved, else 0.
    """
    relevant, retrieved = _by_query(truth, scores)
    if not relevant:
        return float(not scores)
    return fmean(
        average_precision([ref in refs for ref in retrieved[query]], list(retrieved[query].values()), len(refs))
        for query, refs in relevant.items()
    )


def micro_average_precision(truth: Collection[Pair], scores: Mapping[Pair, float]) -> float:
    """Micro-AP (µAP) of DISC21 and SSCD: one ranking of all pairs, so scores must compare across queries.

    Without any truth it is 1 if nothing was retrieved, else 0.
    """
    true_pairs = frozenset(truth)
    return average_precision([pair in true_pairs for pair in scores], list(scores.values()), len(true_pairs))


def recall_at_k(truth: Collection[Pair], scores: Mapping[Pair, float], k: int) -> float:
    """Share of the queries with a true reference that find one among their first ``k``; 1 if there is no such query."""
    if k < 1:
        raise ValueError(f"k must be at least 1, not {k}")
    relevant, retrieved = _by_query(truth, scores)
    if not relevant:
        return 1.0
    return fmean(
        any(ref in refs and rank <= k for ref, rank in zip(found, _ranks(list(found.values())), strict=True))
        for refs, found in ((refs, retrieved[query]) for query, refs in relevant.items())
    )


def _ranks(scores: Sequence[float]) -> NDArray[np.int64]:
    """The rank of each item, from 1: how many items score at least as much."""
    values = np.asarray(scores, dtype=np.float64)
    if np.isnan(values).any():
        raise ValueError("a score is NaN: it has no rank")
    ranks: NDArray[np.int64] = len(values) - np.searchsorted(np.sort(values), values, side="left")
    return ranks


def _by_query(
    truth: Collection[Pair], scores: Mapping[Pair, float]
) -> tuple[dict[str, set[str]], defaultdict[str, dict[str, float]]]:
    """Of each query, the true references, and the retrieved ones with their scores."""
    relevant: defaultdict[str, set[str]] = defaultdict(set)
    for query, ref in truth:
        relevant[query].add(ref)
    retrieved: defaultdict[str, dict[str, float]] = defaultdict(dict)
    for (query, ref), score in scores.items():
        retrieved[query][ref] = score
    return relevant, retrieved
