"""The whole report on one small corpus worked by hand."""

import dataclasses

import pytest

from cliptrace.models.metrics.report import Evaluation, Truth, evaluate
from cliptrace.models.metrics.segments import BoundaryError, Score
from cliptrace.schemas.records import Match, Segment


def match(query: str, ref: str, *segments: Segment, score: float | None = None) -> Match:
    best = max((segment.score for segment in segments), default=0.0) if score is None else score
    return Match(query, f"{query}.mp4", ref, f"{ref}.mp4", best, segments)


HIT = Segment(0, 10, 100, 110, 0.9)


def test_perfect_prediction_is_one_everywhere():
    evaluation = evaluate(Truth({("q", "r"): [HIT]}), [match("q", "r", HIT)])
    assert evaluation == Evaluation(
        vcsl=Score(1.0, 1.0, 1.0),
        vcdb=Score(1.0, 1.0, 1.0),
        segment_ap=1.0,
        mean_average_precision=1.0,
        boundary_error=BoundaryError(0.0, 0.0, 1),
        true_pairs=1,
        whole_pairs=0,
        predicted_pairs=1,
        found_pairs=1,
    )
    assert evaluation.pair_recall == 1.0
    assert dataclasses.asdict(evaluation)["vcsl"] == {"precision": 1.0, "recall": 1.0, "f1": 1.0}


def test_a_corpus_with_a_hit_a_miss_a_false_positive_and_a_whole_pair():
    truth = Truth({("q1", "a"): [HIT], ("q2", "b"): [HIT]}, whole_pairs=frozenset({("q1", "w")}))
    half = Segment(5, 10, 105, 110, 0.5)
    predicted = [match("q1", "a", half), match("q1", "w", HIT), match("q1", "x", Segment(0, 5, 0, 5, 0.7))]
    evaluation = evaluate(truth, predicted)
    # VCSL over q1-a (P 1, R 1/4), q1-x (P 0), q2-b (R 0): P = 1/2, R = 1/8.
    assert (evaluation.vcsl.precision, evaluation.vcsl.recall) == pytest.approx((1 / 2, 1 / 8))
    # VCDB: 1 of 2 detections, 1 of 2 true segments; the detection on the whole pair is neither.
    assert (evaluation.vcdb.precision, evaluation.vcdb.recall) == (0.5, 0.5)
    # Segment AP: .7: 5 s wrong; .5: 5 s right of 10 on each axis, of 20 true: P = 1/2, R = 1/4.
    assert evaluation.segment_ap == pytest.approx(1 / 8)
    # mAP with the whole pair. q1: w .9 right, x .7 wrong, a .5 right: (1 + 2/3) / 2 = 5/6. q2: 0. Mean 5/12.
    assert evaluation.mean_average_precision == pytest.approx(5 / 12)
    # Starts 5 s off on both axes, ends exact.
    assert evaluation.boundary_error == BoundaryError(2.5, 2.5, 1)
    counts = (evaluation.true_pairs, evaluation.whole_pairs, evaluation.predicted_pairs, evaluation.found_pairs)
    assert counts == (3, 1, 3, 2)
    assert evaluation.pair_recall == pytest.approx(2 / 3)


def test_predictions_on_whole_pairs_leave_the_segment_metrics_alone():
    known, whole = ("q1", "a"), ("q1", "w")
    without = evaluate(Truth({known: [HIT]}), [match("q1", "a", HIT)])
    with_it = evaluate(
        Truth({known: [HIT]}, frozenset({whole})),
        [match("q1", "a", HIT), match("q1", "w", Segment(3, 4, 5, 6, 1.0), Segment(70, 90, 5, 6, 0.1))],
    )
    for field in ("vcsl", "vcdb", "segment_ap", "boundary_error"):
        assert getattr(with_it, field) == getattr(without, field)


def test_matches_of_one_pair_are_taken_together():
    first, second = Segment(0, 5, 100, 105, 0.4), Segment(5, 10, 105, 110, 0.9)
    apart = evaluate(Truth({("q", "r"): [HIT]}), [match("q", "r", first), match("q", "r", second)])
    together = evaluate(Truth({("q", "r"): [HIT]}), [match("q", "r", first, second)])
    assert apart == together
    assert apart.predicted_pairs == 1


def test_a_match_without_segments_counts_as_a_pair():
    evaluation = evaluate(Truth({("q", "r"): [HIT]}), [match("q", "r", score=0.8)])
    assert (evaluation.mean_average_precision, evaluation.pair_recall) == (1.0, 1.0)
    assert (evaluation.vcsl.f1, evaluation.vcdb.f1, evaluation.segment_ap) == (0.0, 0.0, 0.0)
    assert evaluation.boundary_error is None


def test_nothing_predicted_and_nothing_true():
    evaluation = evaluate(Truth({}), [])
    assert (evaluation.vcsl.f1, evaluation.segment_ap, evaluation.mean_average_precision) == (1.0, 1.0, 1.0)
    assert evaluation.pair_recall == 1.0


def test_a_pair_cannot_have_segments_and_be_whole():
    with pytest.raises(ValueError, match=r"^pair \('q', 'r'\) has segments and is a whole pair$"):
        Truth({("q", "r"): [HIT]}, frozenset({("q", "r")}))
