"""How good answers are: moments found first, moments that are not there, proposals that cover them."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from cliptrace.models.relocalization.moments import tiou

Floats = NDArray[np.float32]


def best_tiou(answers: NDArray[np.floating], moments: NDArray[np.floating]) -> float:
    """[N, 2 or more], starts and ends, the best first; [M, 2] → the best tIoU of the first answer with a moment; 0
    where there is no answer or no moment."""
    if not len(answers) or not len(moments):
        return 0.0
    return float(tiou(answers[:1, :2], moments).max())


def map_at_1(best: NDArray[np.floating], labels: Sequence[str], thresholds: Sequence[float]) -> dict[str, float]:
    """best: [Q], ``best_tiou`` of each query. labels: of each query. By threshold: the share of a label's queries whose
    best answer has a higher tIoU, averaged over labels.

    The paper's formula (§5.2.3) sums over the queries of each class and divides by N, "the total number of query
    clips". Read with N as the number of all queries, it is ``recall_at_1``, in which large classes count more; a mean
    over classes is what its name says. Where each class asks as often as the others, the two are the same.
    """
    right = _right(best, thresholds)
    of_label = np.array(labels)
    means = np.stack([right[of_label == label].mean(axis=0) for label in sorted(set(labels))]).mean(axis=0)
    return _by_threshold(thresholds, means)


def recall_at_1(best: NDArray[np.floating], thresholds: Sequence[float]) -> dict[str, float]:
    """best: [Q], ``best_tiou`` of each query. By threshold: the share of queries whose best answer has a higher one."""
    return _by_threshold(thresholds, _right(best, thresholds).mean(axis=0))


def _right(best: NDArray[np.floating], thresholds: Sequence[float]) -> NDArray[np.bool_]:
    return np.asarray(best)[:, None] > np.array(thresholds)


def _by_threshold(thresholds: Sequence[float], figures: NDArray[np.floating]) -> dict[str, float]:
    return {f"{threshold:g}": float(figure) for threshold, figure in zip(thresholds, figures, strict=True)}


@dataclasses.dataclass(frozen=True, slots=True)
class WithAbsent:
    """recall: share of the queries whose moment is there that are answered, and rightly. false_answers: share of the
    others that are answered."""

    recall: float
    false_answers: float


def with_absent(
    best: NDArray[np.floating],
    scores: NDArray[np.floating],
    present: NDArray[np.bool_],
    least_score: float,
    least_tiou: float,
) -> WithAbsent:
    """Where some references hold no such moment. best, scores: [Q], of the best answers, -inf for the score of none;
    present: bool[Q]. A query is answered where its score is at least ``least_score``."""
    answered = np.asarray(scores) >= least_score
    right = answered & (np.asarray(best) > least_tiou)
    return WithAbsent(_share(right[present]), _share(answered[~present]))


def _share(flags: NDArray[np.bool_]) -> float:
    return float(flags.mean()) if len(flags) else 0.0


def proposal_recall(
    proposals: Sequence[NDArray[np.floating]],
    moments: Sequence[NDArray[np.floating]],
    counts: Sequence[int],
    thresholds: Sequence[float],
) -> dict[str, dict[str, float]]:
    """Of each reference [P, 2], the best first, and [M, 2]. By count: by threshold the share of all moments that one of
    so many proposals of their reference overlaps by at least so much; "average" is the mean over thresholds."""
    covered = []
    for spans, true in zip(proposals, moments, strict=True):
        overlaps = np.zeros((len(true), max(counts)), np.float32)
        overlaps[:, : len(spans)] = tiou(true, spans[: max(counts)])
        covered.append(np.maximum.accumulate(overlaps, axis=1)[:, np.array(counts) - 1])
    best = np.concatenate(covered)
    found = {}
    for number, count in enumerate(counts):
        shares = (best[:, number, None] >= np.array(thresholds)).mean(axis=0)
        found[str(count)] = _by_threshold(thresholds, shares) | {"average": float(shares.mean())}
    return found
