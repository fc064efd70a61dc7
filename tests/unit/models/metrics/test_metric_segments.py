"""Segment metrics against cases worked by hand, against a slow count of whole seconds, and against properties."""

import math
import time
from collections.abc import Mapping, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cliptrace.models.metrics.segments import boundary_error, segment_average_precision, vcdb_score, vcsl_score
from cliptrace.schemas.records import Segment

A, B, C = ("q1", "r1"), ("q1", "r2"), ("q2", "r1")


def box(query_start: float, query_end: float, ref_start: float, ref_end: float, score: float = 1.0) -> Segment:
    return Segment(query_start, query_end, ref_start, ref_end, score)


def square(start: float, end: float, score: float = 1.0) -> Segment:
    return box(start, end, start, end, score)


# VCSL


def test_vcsl_perfect_hit_of_ten_frames_is_exactly_one():
    score = vcsl_score({A: [box(0, 10, 100, 110)]}, {A: [box(0, 10, 100, 110, 0.3)]})
    assert (score.precision, score.recall, score.f1) == (1.0, 1.0, 1.0)


def test_vcsl_half_overlap():
    # Shared: query [5, 10), reference [5, 10), 5 of 10 s on each axis for both: P = R = 1/2 · 1/2.
    score = vcsl_score({A: [square(0, 10)]}, {A: [square(5, 15)]})
    assert (score.precision, score.recall, score.f1) == pytest.approx((0.25, 0.25, 0.25))


def test_vcsl_prediction_twice_as_long_on_one_axis():
    # Prediction 20 s of query and 10 s of reference around a true 10 s box: P = 10/20 · 10/10, R = 1; F1 = 2·.5/1.5.
    score = vcsl_score({A: [square(0, 10)]}, {A: [box(0, 20, 0, 10)]})
    assert (score.precision, score.recall, score.f1) == pytest.approx((0.5, 1.0, 2 / 3))


def test_vcsl_two_predictions_on_one_true_segment_are_united_in_recall_and_summed_in_precision():
    # P = (6 + 6) / (6 + 6) on both axes = 1. R: [0, 6) ∪ [4, 10) covers 10 of 10 s on both axes = 1.
    score = vcsl_score({A: [square(0, 10)]}, {A: [square(0, 6), square(4, 10)]})
    assert (score.precision, score.recall) == (1.0, 1.0)
    # [0, 6) and [4, 8) leave [8, 10) out: R = 8/10 · 8/10.
    assert vcsl_score({A: [square(0, 10)]}, {A: [square(0, 6), square(4, 8)]}).recall == pytest.approx(0.64)


def test_vcsl_does_not_penalise_duplicates():
    assert vcsl_score({A: [square(0, 10)]}, {A: [square(0, 10)] * 5}).f1 == 1.0


def test_vcsl_one_prediction_over_two_true_segments():
    # Prediction [0, 30)²; truth [0, 10)² and [20, 30)²: covered 20 of 30 s on each axis, P = 4/9; both recalled, R = 1.
    score = vcsl_score({A: [square(0, 10), square(20, 30)]}, {A: [square(0, 30)]})
    assert (score.precision, score.recall) == pytest.approx((4 / 9, 1.0))


def test_vcsl_several_segments_pool_seconds_within_a_pair():
    # Truth 10 s and 30 s; only the 10 s one is found, exactly: P = 1, R = (10/40)² = 1/16.
    score = vcsl_score({A: [square(0, 10), square(50, 80)]}, {A: [square(0, 10)]})
    assert (score.precision, score.recall) == pytest.approx((1.0, 1 / 16))


def test_vcsl_overlap_on_one_axis_only_counts_for_nothing():
    # The same query seconds, but other reference seconds.
    score = vcsl_score({A: [box(0, 10, 0, 10)]}, {A: [box(0, 10, 50, 60)]})
    assert (score.precision, score.recall, score.f1) == (0.0, 0.0, 0.0)


def test_vcsl_half_open_segments_that_touch_do_not_overlap():
    assert vcsl_score({A: [square(0, 10)]}, {A: [square(10, 20)]}).f1 == 0.0


def test_vcsl_each_overlap_is_projected_from_the_true_segments_that_meet_on_both_axes():
    # The prediction [0, 10)² meets truth [0, 5)² in both. Truth [5, 10) × [90, 95) shares query time only: not counted.
    # P = 5/10 · 5/10; R: query (5 + 0) / 10, reference (5 + 0) / 10.
    score = vcsl_score({A: [square(0, 5), box(5, 10, 90, 95)]}, {A: [square(0, 10)]})
    assert (score.precision, score.recall) == pytest.approx((0.25, 0.25))


def test_vcsl_false_positive_pair_lowers_precision_only():
    # P = (1 + 0) / 2 over the pairs with predictions, R = 1 / 1 over the pairs with truth.
    score = vcsl_score({A: [square(0, 10)]}, {A: [square(0, 10)], B: [square(0, 99)]})
    assert (score.precision, score.recall) == (0.5, 1.0)


def test_vcsl_missing_pair_lowers_recall_only():
    # P = 1 / 1, R = (1 + 0) / 2, whatever the length of the missed segment.
    score = vcsl_score({A: [square(0, 10)], B: [square(0, 99)]}, {A: [square(0, 10)], B: []})
    assert (score.precision, score.recall) == (1.0, 0.5)


@pytest.mark.parametrize("metric", [vcsl_score, vcdb_score])
def test_empty_prediction_empty_truth_and_both(metric):
    some = {A: [square(0, 10)]}
    scores = [metric(some, {}), metric({}, some), metric({}, {})]
    assert [(s.precision, s.recall, s.f1) for s in scores] == [(1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (1.0, 1.0, 1.0)]
    assert metric({A: []}, {B: []}).f1 == 1.0  # pairs without segments are no pairs


# VCDB


def test_vcdb_counts_segments_that_overlap_in_both_videos():
    # Detections: one barely on the first true segment, one on its query time only, one in a pair without truth: 1 of 3.
    # True segments: the first recalled, the second not, the one of the missed pair not: 1 of 3.
    truth = {A: [square(0, 10), square(20, 30)], C: [square(0, 5)]}
    predicted = {A: [square(9.5, 19), box(0, 10, 50, 60)], B: [square(0, 10)]}
    score = vcdb_score(truth, predicted)
    assert (score.precision, score.recall, score.f1) == pytest.approx((1 / 3, 1 / 3, 1 / 3))


def test_vcdb_many_to_one_and_one_to_many():
    # Duplicates are each correct; one detection over two true segments recalls both.
    assert vcdb_score({A: [square(0, 10)]}, {A: [square(0, 10)] * 3}).f1 == 1.0
    assert vcdb_score({A: [square(0, 10), square(20, 30)]}, {A: [square(5, 25)]}).f1 == 1.0


# VSC22 segment AP


def test_segment_ap_perfect_hit_is_one():
    truth = {A: [box(0, 10, 100, 110)], B: [square(0, 5)]}
    assert segment_average_precision(truth, truth) == 1.0


def test_segment_ap_half_overlap():
    # One step: right 5 s on each axis; P = √(.5 · .5) = .5, R = √(.5 · .5) = .5; AP = .25.
    assert segment_average_precision({A: [square(0, 10)]}, {A: [square(5, 15)]}) == pytest.approx(0.25)


def test_segment_ap_false_positive_before_and_after_the_hit():
    truth = {A: [square(0, 10)]}
    # After: AP is settled at the first step, P = 1, R = 1.
    assert segment_average_precision(truth, {A: [square(0, 10, 0.9)], B: [square(0, 30, 0.2)]}) == pytest.approx(1.0)
    # Before: 30 wrong seconds, then 10 right of 40 on each axis: P = 1/4 at ΔR = 1.
    assert segment_average_precision(truth, {A: [square(0, 10, 0.2)], B: [square(0, 30, 0.9)]}) == pytest.approx(0.25)
    # Together, of one score: one step, the same 1/4.
    assert segment_average_precision(truth, {A: [square(0, 10, 0.5)], B: [square(0, 30, 0.5)]}) == pytest.approx(0.25)


def test_segment_ap_pools_seconds_over_pairs():
    # Truth 10 s in A and 30 s in C. Steps: .9 A right: P = 1, R = 10/40. .8 wrong pair B, 10 s: ΔR = 0.
    # .7 C right: P = 40/50, R = 1. AP = 1 · 1/4 + 4/5 · 3/4 = .85.
    truth = {A: [square(0, 10)], C: [square(0, 30)]}
    predicted = {A: [square(0, 10, 0.9)], B: [square(0, 10, 0.8)], C: [square(0, 30, 0.7)]}
    assert segment_average_precision(truth, predicted) == pytest.approx(0.85)


def test_segment_ap_missing_pair_bounds_recall():
    # Only A's 10 of 40 true seconds are predicted: AP = 1 · 1/4.
    assert segment_average_precision({A: [square(0, 10)], C: [square(0, 30)]}, {A: [square(0, 10)]}) == pytest.approx(
        0.25
    )


def test_segment_ap_geometric_mean_of_the_axes():
    # Query right 10 of 20 predicted, reference 10 of 10: P = √(1/2 · 1); R = 1.
    ap = segment_average_precision({A: [square(0, 10)]}, {A: [box(0, 20, 0, 10)]})
    assert ap == pytest.approx(math.sqrt(0.5))


def test_segment_ap_duplicates_add_no_seconds():
    predicted = {A: [square(0, 10, 0.9), square(0, 10, 0.8), square(2, 8, 0.7)]}
    assert segment_average_precision({A: [square(0, 10)]}, predicted) == pytest.approx(1.0)


def test_segment_ap_overlap_on_one_axis_only_is_wrong():
    assert segment_average_precision({A: [box(0, 10, 0, 10)]}, {A: [box(0, 10, 50, 60)]}) == 0.0


def test_segment_ap_a_later_prediction_can_make_earlier_seconds_right():
    # .9: query time right, reference time wrong: nothing is right (P = R = 0), 10 s predicted on each axis.
    # .5: [0, 2)² overlaps the true segment, which now counts: query right [0, 10) = 10 of 10 predicted (union),
    # reference right [0, 2) = 2 of 12 predicted. P = √(1 · 2/12), R = √(10/10 · 2/10); AP = √(1/6 · 1/5) = √(1/30).
    predicted = {A: [box(0, 10, 50, 60, 0.9), square(0, 2, 0.5)]}
    assert segment_average_precision({A: [square(0, 10)]}, predicted) == pytest.approx(math.sqrt(1 / 30))


def test_segment_ap_empty_prediction_empty_truth_and_both():
    some = {A: [square(0, 10)]}
    assert [segment_average_precision(*given) for given in ((some, {}), ({}, some), ({}, {}))] == [0.0, 0.0, 1.0]
    assert segment_average_precision({A: []}, {A: []}) == 1.0


# Boundary error


def test_boundary_error_takes_the_best_detection_of_each_true_segment_that_was_hit():
    # First true segment: off by 1, 2, 0, 3 and by 4, 4, 4, 4: the smaller sum is taken. Second: exact. Third: not hit.
    # Distances 1, 2, 0, 3, 0, 0, 0, 0: mean 6/8, median 0.
    truth = {A: [box(10, 20, 110, 120), square(50, 60)], B: [square(0, 10)]}
    predicted = {A: [box(14, 24, 114, 124), box(11, 18, 110, 123), square(50, 60)]}
    error = boundary_error(truth, predicted)
    assert error is not None
    assert (error.mean_s, error.median_s, error.segments) == (0.75, 0.0, 2)


def test_boundary_error_without_a_hit_is_none():
    assert boundary_error({A: [square(0, 10)]}, {A: [box(0, 10, 50, 60)], B: [square(0, 10)]}) is None
    assert boundary_error({}, {}) is None


# Properties

Corpus = Mapping[tuple[str, str], Sequence[Segment]]


@st.composite
def segments(draw: st.DrawFn) -> Segment:
    (q, q_length), (r, r_length) = [draw(st.tuples(st.integers(-3, 12), st.integers(1, 8))) for _ in range(2)]
    return box(q, q + q_length, r, r + r_length, draw(st.sampled_from([0.1, 0.3, 0.5, 0.7, 0.9])))


corpora = st.dictionaries(st.sampled_from([A, B, C, ("q2", "r2")]), st.lists(segments(), max_size=4), max_size=4)


def seconds_of(low: float, high: float) -> set[int]:
    return set(range(int(low), int(high)))


def query_and_ref(segment: Segment) -> tuple[set[int], set[int]]:
    return seconds_of(segment.query_start, segment.query_end), seconds_of(segment.ref_start, segment.ref_end)


def meets(one: Segment, other: Segment) -> bool:
    return all(a & b for a, b in zip(query_and_ref(one), query_and_ref(other), strict=True))


def slow_share(ours: Sequence[Segment], theirs: Sequence[Segment]) -> float:
    product = 1.0
    for axis in (0, 1):
        covered = [
            query_and_ref(one)[axis] & set().union(*(query_and_ref(t)[axis] for t in theirs if meets(one, t)))
            for one in ours
        ]
        product *= sum(map(len, covered)) / sum(len(query_and_ref(one)[axis]) for one in ours)
    return product


def slow_segment_ap(truth: Corpus, predicted: Corpus) -> float:
    def total(corpus: Corpus, axis: int) -> int:
        return sum(len(set().union(*(query_and_ref(s)[axis] for s in found))) for found in corpus.values())

    ap = recall = 0.0
    for threshold in sorted({s.score for found in predicted.values() for s in found}, reverse=True):
        kept = {pair: [s for s in found if s.score >= threshold] for pair, found in predicted.items()}
        active = {
            pair: [t for t in known if any(meets(t, s) for s in kept.get(pair, ()))] for pair, known in truth.items()
        }
        right = [
            sum(
                len(
                    set().union(*(query_and_ref(s)[axis] for s in kept.get(pair, ())))
                    & set().union(*(query_and_ref(t)[axis] for t in active[pair]))
                )
                for pair in truth
            )
            for axis in (0, 1)
        ]
        precision = math.sqrt(math.prod(right[axis] / total(kept, axis) for axis in (0, 1)))
        new_recall = math.sqrt(math.prod(right[axis] / total(truth, axis) for axis in (0, 1)))
        ap += precision * (new_recall - recall)
        recall = new_recall
    return ap


@given(corpora, corpora)
def test_agrees_with_a_count_of_whole_seconds(truth, predicted):
    precisions = [slow_share(found, truth.get(pair, ())) for pair, found in predicted.items() if found]
    recalls = [slow_share(known, predicted.get(pair, ())) for pair, known in truth.items() if known]
    score = vcsl_score(truth, predicted)
    assert score.precision == pytest.approx(sum(precisions) / len(precisions) if precisions else 1.0)
    assert score.recall == pytest.approx(sum(recalls) / len(recalls) if recalls else 1.0)
    if precisions and recalls:
        assert segment_average_precision(truth, predicted) == pytest.approx(slow_segment_ap(truth, predicted))


@given(corpora)
def test_perfect_prediction_is_one_everywhere(truth):
    assert vcsl_score(truth, truth).f1 == 1.0
    assert vcdb_score(truth, truth).f1 == 1.0
    assert segment_average_precision(truth, truth) == pytest.approx(1.0)
    error = boundary_error(truth, truth)
    assert error is None or (error.mean_s, error.median_s) == (0.0, 0.0)


@given(corpora, corpora)
def test_metrics_lie_between_zero_and_one(truth, predicted):
    vcsl, vcdb = vcsl_score(truth, predicted), vcdb_score(truth, predicted)
    values = [vcsl.precision, vcsl.recall, vcsl.f1, vcdb.precision, vcdb.recall, vcdb.f1]
    assert all(0.0 <= value <= 1.0 for value in [*values, segment_average_precision(truth, predicted)])


@given(corpora, corpora)
def test_segment_ap_depends_on_the_order_of_scores_only(truth, predicted):
    squared = {
        pair: [box(s.query_start, s.query_end, s.ref_start, s.ref_end, s.score**2 / 3) for s in found]
        for pair, found in predicted.items()
    }
    assert segment_average_precision(truth, squared) == segment_average_precision(truth, predicted)


@given(corpora, corpora, st.randoms())
def test_order_of_pairs_and_segments_does_not_matter(truth, predicted, random):
    def shuffled(corpus: Corpus) -> Corpus:
        pairs = random.sample(list(corpus), len(corpus))
        return {pair: random.sample(list(corpus[pair]), len(corpus[pair])) for pair in pairs}

    for metric in (vcsl_score, vcdb_score, segment_average_precision, boundary_error):
        assert metric(shuffled(truth), shuffled(predicted)) == metric(truth, predicted)


@given(corpora, corpora)
def test_swapping_query_and_reference_changes_nothing(truth, predicted):
    def swapped(corpus: Corpus) -> Corpus:
        return {
            (ref, query): [box(s.ref_start, s.ref_end, s.query_start, s.query_end, s.score) for s in found]
            for (query, ref), found in corpus.items()
        }

    for metric in (vcsl_score, vcdb_score):
        assert metric(swapped(truth), swapped(predicted)).f1 == pytest.approx(metric(truth, predicted).f1)
    ap = segment_average_precision(truth, predicted)
    assert segment_average_precision(swapped(truth), swapped(predicted)) == pytest.approx(ap)


def test_two_thousand_pairs_take_less_than_a_few_seconds():
    truth = {(f"q{i}", f"r{i}"): [square(i % 7, i % 7 + 10), square(40, 60)] for i in range(2_000)}
    predicted = {
        (f"q{i}", f"r{i + i % 2}"): [square(i % 5, i % 5 + 12, i / 2_000), square(41, 61, 0.5)] for i in range(2_000)
    }
    start = time.process_time()
    for metric in (vcsl_score, vcdb_score, segment_average_precision, boundary_error):
        metric(truth, predicted)
    assert time.process_time() - start < 5.0
