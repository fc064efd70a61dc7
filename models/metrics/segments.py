"""How well predicted segments cover the true ones: the metrics of VCSL, VCDB and VSC22, and boundary errors.

Truth and prediction are mappings ``(query_id, ref_id) → segments``; a missing pair and a pair without segments are the
same. Segments overlap when they share time on both axes, query and reference (``cliptrace.models.metrics.boxes``).

Where a ratio would divide by nothing it is 1: who predicts nothing says nothing wrong (precision), and where nothing is
true nothing can be missed (recall). So F1 is 0 when only one of truth and prediction is empty, and 1 when both are.
"""

from __future__ import annotations

import dataclasses
from statistics import fmean, median

import numpy as np

from cliptrace.models.metrics.boxes import Bools, Floats, SegmentsByPair, overlaps, paired, slices, to_boxes

_AXES = (0, 1)  # query, reference


@dataclasses.dataclass(frozen=True, slots=True)
class Score:
    """Precision, recall and their harmonic mean, in [0, 1]."""

    precision: float
    recall: float
    f1: float

    @classmethod
    def of(cls, precision: float, recall: float) -> Score:
        both = precision + recall
        return cls(precision, recall, 2.0 * precision * recall / both if both else 0.0)


@dataclasses.dataclass(frozen=True, slots=True)
class BoundaryError:
    """Seconds between predicted and true starts and ends, on both axes. segments: how many true ones were hit."""

    mean_s: float
    median_s: float
    segments: int


def vcsl_score(truth: SegmentsByPair, predicted: SegmentsByPair) -> Score:
    """Segment precision, recall and F1 of VCSL (He et al., CVPR 2022): the share of seconds that is right.

    Of one pair and one axis, precision is Σ over predictions of |union of its overlaps with true segments| divided by
    Σ |prediction|, where only true segments that overlap the prediction on both axes take part. P = P_query · P_ref.
    Recall is the same with the roles swapped.

    Pairs are pooled as in the "overall" figure of VCSL's published evaluation: P is the plain mean over the pairs with
    predictions, R the plain mean over the pairs with truth. A false-positive pair thus counts in P (as 0) and not in R,
    a missed pair in R (as 0) and not in P, and a pair with neither nowhere. F1 is taken of the two means.

    Two differences from the published code: it adds 1e-6 to each denominator, we do not (a perfect pair scores exactly
    1); and it knows pairs without predictions by P being exactly 1, we by their having none. Duplicate predictions are
    not penalised by this metric.
    """
    precisions: list[float] = []
    recalls: list[float] = []
    for found, known in paired(predicted, truth):
        boxes, true_boxes = to_boxes(found), to_boxes(known)
        if len(boxes):
            precisions.append(_covered_share(boxes, true_boxes))
        if len(true_boxes):
            recalls.append(_covered_share(true_boxes, boxes))
    return Score.of(fmean(precisions) if precisions else 1.0, fmean(recalls) if recalls else 1.0)


def vcdb_score(truth: SegmentsByPair, predicted: SegmentsByPair) -> Score:
    """Segment precision, recall and F1 of VCDB (Jiang et al., ECCV 2014): the share of segments that is right.

    A detected segment is correct when it overlaps a true segment of its pair in both videos, by however little; a true
    segment is recalled when a detection overlaps it in both. Counts are summed over all pairs.
    """
    correct = detected = recalled = true = 0
    for found, known in paired(predicted, truth):
        boxes, true_boxes = to_boxes(found), to_boxes(known)
        hits = overlaps(boxes, true_boxes)
        correct += int(hits.any(axis=1).sum())
        recalled += int(hits.any(axis=0).sum())
        detected += len(boxes)
        true += len(true_boxes)
    return Score.of(correct / detected if detected else 1.0, recalled / true if true else 1.0)


def segment_average_precision(truth: SegmentsByPair, predicted: SegmentsByPair) -> float:
    """Segment AP of the matching track of Meta's Video Similarity Challenge 2022 ("VSC22").

    All predictions of the corpus enter in order of falling score. After each score, on each axis: the predicted seconds
    of a pair are the union of its predictions so far, and the right ones among them lie in the union of those true
    segments that one of these predictions overlaps on both axes; seconds are summed over pairs.
    P_axis = right / predicted, R_axis = right / true (union per pair, all pairs), P = √(P_query · P_ref),
    R = √(R_query · R_ref), AP = Σ P · ΔR. Predictions of one score enter together, as in the challenge's final code, so
    ties need no order. Only the order of scores matters, not their values; but it matters across pairs.

    Without any truth it is 1 if nothing is predicted, else 0.
    """
    timelines: tuple[list[Floats], list[Floats]] = ([], [])
    for found, known in paired(predicted, truth):
        boxes, true_boxes = to_boxes(found), to_boxes(known)
        scores = np.array([segment.score for segment in found])
        hit_at = _first_at(scores, overlaps(boxes, true_boxes))
        for axis in _AXES:
            seconds, inside, inside_true = slices(boxes[:, axis], true_boxes[:, axis])
            predicted_at = _first_at(scores, inside)
            right_at = np.minimum(predicted_at, _first_at(hit_at, inside_true))
            timelines[axis].append(np.stack([seconds, predicted_at, right_at, inside_true.any(axis=0)]))

    thresholds = np.unique([segment.score for found in predicted.values() for segment in found])
    anything_true = any(truth.values())
    if not (len(thresholds) and anything_true):
        return float(not len(thresholds) and not anything_true)
    squared_precision = squared_recall = np.ones(len(thresholds))
    for axis in _AXES:
        seconds, predicted_at, right_at, is_true = np.concatenate(timelines[axis], axis=1)
        right = _seconds_down_to(thresholds, right_at, seconds)
        squared_precision = squared_precision * right / _seconds_down_to(thresholds, predicted_at, seconds)
        squared_recall = squared_recall * right / (seconds @ is_true)
    return min(1.0, float(np.sqrt(squared_precision) @ np.diff(np.sqrt(squared_recall), prepend=0.0)))


def boundary_error(truth: SegmentsByPair, predicted: SegmentsByPair) -> BoundaryError | None:
    """How far starts and ends are off, over the true segments that a detection overlaps on both axes.

    Each is compared with the detection that fits it best: of those that overlap it, the one with the smallest sum of
    the four distances (start and end, query and reference). Mean and median are over all these distances.
    None where no true segment was hit.
    """
    distances: list[tuple[float, ...]] = []
    for found, known in paired(predicted, truth):
        boxes, true_boxes = to_boxes(found), to_boxes(known)
        hits = overlaps(boxes, true_boxes)
        offsets = np.abs(boxes[:, None] - true_boxes).reshape(*hits.shape, 4)
        for true_index in np.flatnonzero(hits.any(axis=0)):
            of_hits = map(tuple, offsets[hits[:, true_index], true_index].tolist())
            distances.append(min(of_hits, key=lambda four: (sum(four), four)))
    if not distances:
        return None
    seconds = [second for four in distances for second in four]
    return BoundaryError(mean_s=fmean(seconds), median_s=median(seconds), segments=len(distances))


def _covered_share(boxes: Floats, others: Floats) -> float:
    """The share of the seconds of ``boxes`` that the others which overlap them cover, multiplied over the axes."""
    hits = overlaps(boxes, others).astype(np.float32)
    share = 1.0
    for axis in _AXES:
        seconds, inside, others_inside = slices(boxes[:, axis], others[:, axis])
        covered = inside & (hits @ others_inside > 0)
        share *= float((covered @ seconds).sum() / (inside @ seconds).sum())
    return share


def _first_at(scores: Floats, taking: Bools) -> Floats:
    """float64[S]: the best of ``scores`` [N] among those that take part, bool[N, S]; -inf where none does."""
    best: Floats = np.where(taking, scores[:, None], -np.inf).max(axis=0, initial=-np.inf)
    return best


def _seconds_down_to(thresholds: Floats, at: Floats, seconds: Floats) -> Floats:
    """For each threshold, from the highest, the seconds of the slices whose score ``at`` is no lower."""
    by_score = np.bincount(np.searchsorted(thresholds, at, side="right"), seconds, minlength=len(thresholds) + 1)
    return by_score[:0:-1].cumsum()
