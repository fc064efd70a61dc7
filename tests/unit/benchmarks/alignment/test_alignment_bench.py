"""The copy bench on synthetic features: what perfection scores, and that nothing is learnt from the test split."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from benchmarks.alignment.measures import compare_methods, measure, per_edit, per_length
from benchmarks.alignment.methods import Grid, Method, above
from benchmarks.alignment.pairs import Bench, as_truth, make_bench
from benchmarks.alignment.tuning import MIN_SCORES, Trial, Tuner, best_threshold, f1_by_threshold
from benchmarks.alignment.videos import Videos
from benchmarks.attacks.build import Dataset
from benchmarks.attacks.plan import Truth as TruthRow
from benchmarks.harness.features import BasisFrames, Keyframes
from cliptrace.models.alignment.similarity import similarity_map
from cliptrace.models.backbones.background import BETA, Background
from cliptrace.models.keyframes import make_selector
from cliptrace.models.metrics.report import Truth
from cliptrace.models.metrics.segments import vcsl_score
from cliptrace.schemas.config import BASIS_FPS, TILE_S, KeyframeConfig
from cliptrace.schemas.records import Match, Segment
from cliptrace.transforms.matching import MatchConfig

DIMENSION = 64


def video(seconds: int, seed: int) -> Keyframes:
    """Two keyframes a second that look like no others."""
    embeddings = np.random.default_rng(seed).normal(size=(2 * seconds, DIMENSION)).astype(np.float32)
    embeddings /= np.linalg.norm(embeddings, axis=1, keepdims=True)
    return Keyframes(np.arange(2 * seconds) / 2, embeddings)


def basis(seed: int) -> BasisFrames:
    """Ten seconds of basis frames that look like no others."""
    embeddings = np.random.default_rng(seed).normal(size=(80, DIMENSION)).astype(np.float32)
    embeddings /= np.linalg.norm(embeddings, axis=1, keepdims=True)
    return BasisFrames(np.arange(80) / BASIS_FPS, embeddings, np.empty(0), np.zeros((80, 32, 32, 3), np.uint8))


def with_copy(query: Keyframes, ref: Keyframes, query_s: int, ref_s: int, seconds: int) -> Keyframes:
    embeddings = query.embeddings.copy()
    embeddings[2 * query_s : 2 * (query_s + seconds)] = ref.embeddings[2 * ref_s : 2 * (ref_s + seconds)]
    return Keyframes(query.times, embeddings)


@pytest.fixture
def bench() -> Bench:
    """Four references, three queries: a copy of eight seconds, one of five, and none."""
    gallery = {f"ref{number}": video(20, number) for number in range(4)}
    queries = {f"query{number}": video(16, 100 + number) for number in range(3)}
    queries["query0"] = with_copy(queries["query0"], gallery["ref1"], 4, 10, 8)
    queries["query1"] = with_copy(queries["query1"], gallery["ref3"], 9, 2, 5)
    rows = [TruthRow("query0", "ref1", 4, 12, 10, 18), TruthRow("query1", "ref3", 9, 14, 2, 7)]
    return make_bench(queries, gallery, as_truth(rows))


@dataclasses.dataclass(frozen=True, slots=True)
class Oracle(Method):
    """Finds what the truth says."""

    truth: Truth = dataclasses.field(default_factory=lambda: Truth({}))

    def run(self, bench: Bench) -> list[Match]:
        known = self.truth.segments
        return [Match(query, query, ref, ref, 1.0, tuple(known[query, ref])) for query, ref in known]


def test_a_perfect_prediction_scores_one_everywhere(bench: Bench) -> None:
    row = measure(Trial(Oracle("oracle", truth=bench.truth), min_score=0.5, f1=1.0), bench)

    assert row["vcsl"] == row["vcdb"] == {"precision": 1.0, "recall": 1.0, "f1": 1.0}
    assert row["segment_ap"] == row["mean_average_precision"] == 1.0
    assert row["boundary_error"] == {"mean_s": 0.0, "median_s": 0.0, "segments": 2}


def test_search_and_aligner_find_clean_copies(bench: Bench) -> None:
    row = measure(Trial(Method("tn"), min_score=0.3, f1=1.0), bench)

    assert row["vcdb"]["f1"] == 1.0
    assert row["vcsl"]["f1"] > 0.9
    assert row["mean_average_precision"] == 1.0


def test_views_and_a_background_go_through_the_bench() -> None:
    gallery = {f"ref{number}": video(20, number) for number in range(4)}
    plain = video(16, 100)
    copied = with_copy(plain, gallery["ref1"], 4, 10, 8)
    views = Keyframes(plain.times, np.stack([plain.embeddings, copied.embeddings], axis=1))

    without, with_views = (make_bench({"q": query}, gallery, Truth({})) for query in (plain, views))
    known = Background(copied.embeddings[8:24])  # the copied seconds are everybody's
    normalised = make_bench({"q": views}, gallery, Truth({}), known)

    def best(bench: Bench) -> tuple[str, float]:
        return max(((pair.ref_id, float(pair.similarity.max())) for pair in bench.pairs), key=lambda found: found[1])

    assert best(with_views) == ("ref1", pytest.approx(1.0, abs=1e-5))
    assert best(without)[1] < 0.7
    assert with_views.pairs[0].ref_id == "ref1"
    assert all(len(pair.query_times) == 32 for pair in with_views.pairs)
    bias = known.bias(views.embeddings)
    for bench, taken_off in ((with_views, None), (normalised, bias)):
        for pair in bench.pairs:
            expected = similarity_map(views.embeddings, gallery[pair.ref_id].embeddings, taken_off)
            np.testing.assert_array_equal(pair.similarity, expected)
    with_copies, lowered = (
        next(pair for pair in bench.pairs if pair.ref_id == "ref1") for bench in (with_views, normalised)
    )
    assert lowered.similarity[8, 20] < with_copies.similarity[8, 20] - 0.3 * BETA
    assert lowered.vote < with_copies.vote


def test_tuning_never_sees_the_test_split(bench: Bench) -> None:
    nothing_is_true = dataclasses.replace(bench, truth=Truth({}))
    empty = dataclasses.replace(bench, pairs=())
    grids: dict[str, Grid] = {"dtw": {"min_similarity": (0.2, 0.4, 0.6)}, "random": {}}

    chosen = [
        {
            name: (row["settings"], row["min_score"], row["validation_vcsl_f1"])
            for name, row in compare_methods(bench, test, MatchConfig(), grids)[0].items()
        }
        for test in (bench, nothing_is_true, empty)
    ]

    assert chosen[0] == chosen[1] == chosen[2]


def test_distractors_are_searched_where_they_are_asked_for(tmp_path: Path) -> None:
    for name in ("gallery/known.mp4", "queries/asked.mp4"):
        (tmp_path / name).parent.mkdir()
        (tmp_path / name).touch()
    (tmp_path / "truth.csv").write_text("query_id,ref_id,query_start,query_end,ref_start,ref_end\n")
    known, asked = (basis(seed) for seed in (1, 2))
    split = Videos(Dataset(tmp_path, {}), {"known.mp4": known, "asked.mp4": asked}, {"twin.mp4": asked}, None)
    each = KeyframeConfig("uniform", per_second=BASIS_FPS)

    alone, among = (split.bench(each, each, distractors) for distractors in (0, 3))

    assert {pair.ref_id for pair in alone.pairs} == {"known.mp4"}
    assert max(among.pairs, key=lambda pair: pair.vote).ref_id == "distractor twin.mp4"
    assert len({pair.ref_id for pair in among.pairs}) == 4
    without = dataclasses.replace(split, distractors={})
    assert {pair.ref_id for pair in without.bench(each, each, 3).pairs} == {"known.mp4"}


def test_coordinate_search_keeps_what_it_holds_unless_another_value_is_better(bench: Bench) -> None:
    grid = {"min_similarity": (0.99, 0.6), "min_length_s": (2.0, 15.0)}
    with Tuner(bench, processes=1) as tuner:
        trial = tuner.tune("tn", grid, start={"min_similarity": 0.999, "min_length_s": 2.0})

    assert trial.method.settings == {"min_similarity": 0.999, "min_length_s": 2.0}
    assert trial.f1 > 0.9


def test_each_threshold_scores_as_if_the_rest_had_not_been_found(bench: Bench) -> None:
    found = [
        Match("query0", "", "ref1", "", 0.9, (Segment(4, 8, 10, 14, 0.9), Segment(8, 12, 3, 7, 0.4))),
        Match("query1", "", "ref3", "", 0.3, (Segment(9, 12, 2, 5, 0.3),)),
        Match("query2", "", "ref0", "", 0.35, (Segment(1, 5, 1, 5, 0.35),)),
    ]

    expected = []
    for min_score in MIN_SCORES:
        left = {(match.query_id, match.ref_id): match.segments for match in above(found, min_score)}
        expected.append(vcsl_score(bench.truth.segments, left).f1)

    assert f1_by_threshold(bench.truth, found) == pytest.approx(expected)


def test_of_thresholds_that_are_as_good_the_highest_is_chosen() -> None:
    f1 = np.zeros(len(MIN_SCORES))
    f1[[10, 20, 30]] = 0.9, 0.8985, 0.8975
    assert best_threshold(f1) == 20


def test_recall_is_counted_by_edit_and_severity(bench: Bench) -> None:
    sidecar = {
        "query0": {"edit": "crop", "severity": "mild"},
        "query1": {"edit": "crop", "severity": "severe"},
        "query2": {"edit": "", "severity": ""},
    }
    half = Match("query0", "query0", "ref1", "ref1", 1.0, (Segment(4, 8, 10, 14, 1.0),))

    crop = per_edit([half], bench.truth, sidecar)["crop"]

    assert crop["mild"] == {"segments": 1, "vcdb_recall": 1.0, "vcsl_recall": 0.25}
    assert crop["severe"] == {"segments": 1, "vcdb_recall": 0.0, "vcsl_recall": 0.0}
    assert crop["all"] == {"segments": 2, "vcdb_recall": 0.5, "vcsl_recall": 0.125}


def test_recall_is_counted_by_length_of_the_copy(bench: Bench) -> None:
    sidecar = {query: {"edit": "crop", "severity": "mild"} for query, _ in bench.truth.segments}
    lengths = per_length([], bench.truth, sidecar)
    assert sum(row["all"]["segments"] for row in lengths.values()) == sum(map(len, bench.truth.segments.values()))
    longer = [
        copy for known in bench.truth.segments.values() for copy in known if copy.query_end - copy.query_start >= 6
    ]
    assert lengths["longer"]["mild"]["segments"] == len(longer)


def test_a_match_without_a_segment_above_the_threshold_is_gone() -> None:
    segments = (Segment(0, 4, 0, 4, 0.8), Segment(6, 9, 6, 9, 0.4))
    match = Match("q", "q", "r", "r", 0.8, segments)

    assert above([match], 0.8) == [dataclasses.replace(match, segments=segments[:1])]
    assert above([match], 0.81) == []


def test_selection_starts_anew_with_each_tile() -> None:
    count = round(TILE_S * BASIS_FPS) + 20
    times, thumbs = np.arange(count) / BASIS_FPS, np.zeros((count, 32, 32, 3), np.uint8)
    frames = BasisFrames(times, np.eye(count, 4, dtype=np.float32), np.empty(0), thumbs)

    times = frames.chosen_by(make_selector(KeyframeConfig("content", max_gap_s=5.0), BASIS_FPS)).times

    assert list(times[-2:]) == [70.0, TILE_S]
