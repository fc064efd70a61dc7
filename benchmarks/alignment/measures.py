"""What a method finds of a bench: tuned on the validation split, measured once on the test split."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Mapping, Sequence
from statistics import median
from typing import Any

from benchmarks.alignment.methods import CONTESTANTS, GRIDS, Grid, Method, above
from benchmarks.alignment.pairs import Bench
from benchmarks.alignment.tuning import Trial, Tuner, f1_by_threshold
from benchmarks.attacks.edits import EDITS, SEVERITIES
from cliptrace.models.metrics.report import Truth, evaluate
from cliptrace.models.metrics.segments import vcdb_score, vcsl_score
from cliptrace.schemas.records import Match
from cliptrace.transforms.matching import MatchConfig

TUNED_AMONG = 1000
"""Distractors in the gallery when settings are chosen."""
Result = dict[str, Any]


def compare_methods(
    validation: Bench, test: Bench, product: MatchConfig, grids: Mapping[str, Grid] = GRIDS
) -> dict[str, Result]:
    with Tuner(validation) as tuner:
        trials = [tuner.tune(name, grid) for name, grid in grids.items()]
    shipped = as_shipped(product, validation.aligned(product.min_similarity))
    return {
        **{trial.method.name: measure(trial, test) for trial in trials},
        f"{product.aligner}, as shipped": measure(shipped, test.aligned(product.min_similarity)),
    }


def as_shipped(product: MatchConfig, validation: Bench) -> Trial:
    """What ``cliptrace match`` does unless it is told otherwise."""
    method = Method(product.aligner, {"min_similarity": product.min_similarity})
    curve = f1_by_threshold(validation.truth, method.run(validation))
    return Trial(method, product.min_score, float(curve[round(product.min_score * 100)]))


def measure(trial: Trial, test: Bench) -> Result:
    """One look at the test split with what the validation split chose."""
    found = trial.method.run(test)
    ranked, reported = evaluate(test.truth, found), evaluate(test.truth, above(found, trial.min_score))
    is_aligner = trial.method.name in CONTESTANTS
    return {
        "settings": dict(trial.method.settings),
        "min_score": trial.min_score,
        "validation_vcsl_f1": trial.f1,
        "vcsl": dataclasses.asdict(reported.vcsl),
        "vcdb": dataclasses.asdict(reported.vcdb),
        "segment_ap": ranked.segment_ap,
        "mean_average_precision": ranked.mean_average_precision,
        "boundary_error": dataclasses.asdict(reported.boundary_error) if reported.boundary_error else None,
        "milliseconds_a_map": _milliseconds(trial.method, test) if is_aligner else None,
    }


def per_edit(found: Sequence[Match], truth: Truth, sidecar: Mapping[str, Mapping[str, Any]]) -> dict[str, Result]:
    """Recall of the copies that an edit was done to, by severity. VCDB: share of segments hit; VCSL: of seconds."""
    rows = {}
    for edit in EDITS:
        row: Result = {}
        for column in (*SEVERITIES, "all"):
            queries = {
                query
                for query, record in sidecar.items()
                if record["edit"] == edit and column in (record["severity"], "all")
            }
            true = {pair: known for pair, known in truth.segments.items() if pair[0] in queries}
            mine = {(match.query_id, match.ref_id): match.segments for match in found if match.query_id in queries}
            row[column] = {
                "segments": sum(map(len, true.values())),
                "vcdb_recall": vcdb_score(true, mine).recall,
                "vcsl_recall": vcsl_score(true, mine).recall,
            }
        rows[edit] = row
    return rows


def _milliseconds(method: Method, bench: Bench) -> float | None:
    """Median over the maps of true pairs, one at a time on one core; most other maps are empty, and done at once."""
    took = []
    for pair in bench.pairs:
        if (pair.query_id, pair.ref_id) in bench.truth.pairs:
            started = time.perf_counter()
            method.segments(pair)
            took.append(time.perf_counter() - started)
    return 1000.0 * median(took) if took else None
