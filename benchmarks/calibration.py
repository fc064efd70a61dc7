"""What SPD's scores mean: the share of its findings that are right, fitted on the validation splits.

python -m benchmarks.calibration [--weights NAME|FOLDER] [--backbone NAME|FILE] [--seeds 1 2 3] [--write]

OUTPUT/SEED/validation    attack benches, made where they are missing
OUTPUT/calibration.json   what is printed, and the environment it was measured in

A finding is right when it shares half of what it and a true copy cover together, on both sides. --write puts the
calibration, and the threshold with the best F1, into the weights' config.json. No test split is looked at.
"""

from __future__ import annotations

import argparse
import dataclasses
import functools
import json
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
from numpy.typing import NDArray
from rich.table import Table

from benchmarks.copies import load_split
from benchmarks.environment import environment
from benchmarks.methods import Method
from benchmarks.pairs import Bench
from benchmarks.report import save, show, table
from benchmarks.thresholds import merged
from benchmarks.tuning import MIN_SCORES, f1_by_threshold
from models.alignment import spd
from models.alignment.merging import common
from models.backbones.registry import load_config
from models.ssan.evidence import Evidence, probability
from models.weights import WEIGHTS
from schemas.config import DEFAULT_BACKBONE, DEFAULT_KEYFRAMES, QUERY_KEYFRAMES
from schemas.errors import CliptraceError, UsageError
from schemas.records import Match, Segment

Floats = NDArray[np.float64]
Result = dict[str, Any]
_RIGHT = 0.5
_BINS = 10
_ROUNDS = 50
_RIDGE = 1e-3


def run(arguments: argparse.Namespace, command: str) -> Result:
    backbone = load_config(arguments.backbone)
    splits = {
        seed: load_split("validation", backbone, arguments.output / str(seed), seed, arguments.queries)
        for seed in arguments.seeds
    }
    bench = merged({seed: videos.bench(DEFAULT_KEYFRAMES, QUERY_KEYFRAMES) for seed, videos in splits.items()})
    known: dict[float, Evidence] = {}
    with mock.patch.object(spd, "probability", functools.partial(_noted, known)):
        found = Method("spd", {"weights": arguments.weights}).run(bench)
    scores, right = findings(found, bench)
    evidence = np.array([known[score] for score in scores])
    calibration = fit_logistic(evidence, right)
    calibrated = np.array([probability(Evidence(*each), calibration) for each in evidence])
    f1 = f1_by_threshold(bench.truth, rescored(found, calibrated))
    best = int(f1.argmax())
    return {
        **environment(command, arguments.seeds[0]),
        "seed": arguments.seeds,
        "split": "validation",
        "weights": arguments.weights,
        "findings": len(scores),
        "calibration": [round(each, 4) for each in calibration],
        "min_score": float(MIN_SCORES[best]),
        "vcsl_f1": float(f1[best]),
        "expected_calibration_error": {"before": gap(scores, right), "after": gap(calibrated, right)},
        "reliability": reliability(calibrated, right),
    }


def findings(found: Sequence[Match], bench: Bench) -> tuple[Floats, NDArray[np.bool_]]:
    """Scores of all segments that were found, and which of them are right."""
    scores: list[float] = []
    right: list[bool] = []
    for match in found:
        known = bench.truth.segments.get((match.query_id, match.ref_id), ())
        for segment in match.segments:
            scores.append(segment.score)
            right.append(any(overlap(segment, true) >= _RIGHT for true in known))
    return np.array(scores), np.array(right, np.bool_)


def rescored(found: Sequence[Match], scores: Floats) -> list[Match]:
    """With other scores of their segments, one after the other."""
    rest = iter(scores.tolist())
    changed = []
    for match in found:
        segments = tuple(dataclasses.replace(segment, score=next(rest)) for segment in match.segments)
        changed.append(dataclasses.replace(match, segments=segments, score=max(s.score for s in segments)))
    return changed


def overlap(a: Segment, b: Segment) -> float:
    """IoU on the side where it is less."""

    def one(start: float, end: float, other_start: float, other_end: float) -> float:
        shared = common(start, end, other_start, other_end)
        return shared / (end - start + other_end - other_start - shared)

    return min(
        one(a.query_start, a.query_end, b.query_start, b.query_end), one(a.ref_start, a.ref_end, b.ref_start, b.ref_end)
    )


def fit_logistic(evidence: Floats, right: NDArray[np.bool_]) -> list[float]:
    """A weight for each column of float64[N, F], and a constant: logistic regression, by Newton's method."""
    features = np.column_stack([evidence, np.ones(len(evidence))])
    weights = np.zeros(features.shape[1])
    for _ in range(_ROUNDS):
        probability = 1 / (1 + np.exp(-features @ weights))
        gradient = features.T @ (probability - right) + _RIDGE * weights
        curvature = (features * (probability * (1 - probability))[:, None]).T @ features + _RIDGE * np.eye(len(weights))
        weights = weights - np.linalg.solve(curvature, gradient)
    return [float(weight) for weight in weights]


def _noted(known: dict[float, Evidence], evidence: Evidence, calibration: Sequence[float]) -> float:
    """The score as it is now, by which the evidence is found again."""
    score = probability(evidence, calibration)
    known[score] = evidence
    return score


def gap(scores: Floats, right: NDArray[np.bool_]) -> float:
    """Expected calibration error: mean distance of score and share that is right, over bins of the score."""
    rows = reliability(scores, right)
    total = sum(row["findings"] for row in rows)
    return float(sum(row["findings"] * abs(row["score"] - row["right"]) for row in rows) / max(total, 1))


def reliability(scores: Floats, right: NDArray[np.bool_]) -> list[Result]:
    bins = np.minimum((scores * _BINS).astype(int), _BINS - 1)
    return [
        {
            "findings": int((bins == each).sum()),
            "score": float(scores[bins == each].mean()),
            "right": float(right[bins == each].mean()),
        }
        for each in np.unique(bins)
    ]


def write(folder: str, result: Result) -> None:
    file = WEIGHTS / folder / "config.json"
    config = json.loads(file.read_text(encoding="utf-8"))
    config |= {"calibration": result["calibration"], "min_score": result["min_score"]}
    file.write_text(json.dumps(config, indent=2) + "\n", encoding="utf-8")


def tables(result: Result) -> list[Table]:
    error = result["expected_calibration_error"]
    return [
        table(
            f"{result['findings']} findings of {result['weights']} on the validation splits of seeds "
            f"{', '.join(map(str, result['seed']))}; calibration error {error['before']:.3f} → {error['after']:.3f}; "
            f"best F1 {result['vcsl_f1']:.3f} from {result['min_score']:.2f} on",
            ("findings", "mean score", "right"),
            [(f"{row['findings']}", f"{row['score']:.2f}", f"{row['right']:.2f}") for row in result["reliability"]],
        )
    ]


def main(argv: Sequence[str] | None = None) -> int:
    given = sys.argv[1:] if argv is None else argv
    parser = argparse.ArgumentParser(prog="benchmarks.calibration", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--weights", default="spd", metavar="NAME|FOLDER")
    parser.add_argument("--backbone", default=DEFAULT_BACKBONE, metavar="NAME|FILE")
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3], help="of the attack benches")
    parser.add_argument("--queries", type=int, default=120, help="of each bench; 15 of 100 hold no copy")
    parser.add_argument("--write", action="store_true", help="put it into the weights' config.json")
    parser.add_argument("--output", type=Path, default=Path("bench-out"))
    try:
        arguments = parser.parse_args(given)
        result = run(arguments, f"python -m benchmarks.calibration {shlex.join(given)}".rstrip())
        if arguments.write:
            write(arguments.weights, result)
    except CliptraceError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2 if isinstance(error, UsageError) else 1
    save(result, arguments.output / "calibration.json")
    show(tables(result), result)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
