"""What a method finds of a bench: tuned on the validation split, measured once on the test split."""

from __future__ import annotations

import dataclasses
import math
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
from cliptrace.schemas.records import Match, Segment
from cliptrace.transforms.matching import MatchConfig

TUNED_AMONG = 1000
"""Distractors in the gallery when settings are chosen."""
LENGTHS = {"under 3 s": (0.0, 3.0), "3 to 6 s": (3.0, 6.0), "longer": (6.0, math.inf)}
"""Of a copy."""
Result = dict[str, Any]
Sidecar = Mapping[str, Mapping[str, Any]]
"""Query → what was done to it."""
Copies = Mapping[tuple[str, str], Sequence[Segment]]
"""(query, reference) → what one has of the other."""


def compare_methods(
    validation: Bench, test: Bench, product: MatchConfig, grids: Mapping[str, Grid] = GRIDS
) -> tuple[dict[str, Result], dict[str, list[Match]]]:
    """Figures of every method, and the matches that aligners report."""
    with Tuner(validation) as tuner:
        tuned = [tuner.tune(name, grid) for name, grid in grids.items()]
    shipped = as_shipped(product, validation.aligned(product.min_similarity))
    trials = {trial.method.name: (trial, test) for trial in tuned}
    trials[f"{product.aligner}, as shipped"] = shipped, test.aligned(product.min_similarity)
    found = {name: trial.method.run(bench) for name, (trial, bench) in trials.items()}
    return (
        {name: figures(trial, bench, found[name]) for name, (trial, bench) in trials.items()},
        {
            name: above(found[name], trial.min_score)
            for name, (trial, _) in trials.items()
            if trial.method.name in CONTESTANTS
        },
    )


def as_shipped(product: MatchConfig, validation: Bench) -> Trial:
    """What ``cliptrace match`` does unless it is told otherwise."""
    method = Method(product.aligner, {"min_similarity": product.min_similarity})
    curve = f1_by_threshold(validation.truth, method.run(validation))
    return Trial(method, product.min_score, float(curve[round(product.min_score * 100)]))


def measure(trial: Trial, test: Bench) -> Result:
    """One look at the test split with what the validation split chose."""
    return figures(trial, test, trial.method.run(test))


def figures(trial: Trial, test: Bench, found: Sequence[Match]) -> Result:
    """found: all that the method finds of the test split."""
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


def per_edit(found: Sequence[Match], truth: Truth, sidecar: Sidecar) -> dict[str, Result]:
    """Recall of the copies that an edit was done to, by severity. VCDB: share of segments hit; VCSL: of seconds."""
    edited = {pair: known for pair, known in truth.segments.items() if pair[0] in sidecar}
    return {
        edit: _by_severity(found, sidecar, {p: known for p, known in edited.items() if sidecar[p[0]]["edit"] == edit})
        for edit in EDITS
    }


def per_length(found: Sequence[Match], truth: Truth, sidecar: Sidecar) -> dict[str, Result]:
    """As ``per_edit``, of the copies that take so many seconds of the query."""

    def between(least: float, most: float) -> Copies:
        return {
            pair: [copy for copy in known if least <= copy.query_end - copy.query_start < most]
            for pair, known in truth.segments.items()
            if pair[0] in sidecar
        }

    return {name: _by_severity(found, sidecar, between(*span)) for name, span in LENGTHS.items()}


def _by_severity(found: Sequence[Match], sidecar: Sidecar, copies: Copies) -> Result:
    row: Result = {}
    for column in (*SEVERITIES, "all"):
        true = {
            pair: known for pair, known in copies.items() if known and column in (sidecar[pair[0]]["severity"], "all")
        }
        mine = {pair: match.segments for match in found if (pair := (match.query_id, match.ref_id)) in true}
        row[column] = {
            "segments": sum(map(len, true.values())),
            "vcdb_recall": vcdb_score(true, mine).recall,
            "vcsl_recall": vcsl_score(true, mine).recall,
        }
    return row


def _milliseconds(method: Method, bench: Bench) -> float | None:
    """Median over the maps of true pairs, one at a time on one core; most other maps are empty, and done at once."""
    took = []
    for pair in bench.pairs:
        if (pair.query_id, pair.ref_id) in bench.truth.pairs:
            started = time.perf_counter()
            method.segments(pair)
            took.append(time.perf_counter() - started)
    return 1000.0 * median(took) if took else None
