"""Videos that look alike: what ``cliptrace match`` makes of look-alikes, and of copies beside them.

python -m benchmarks.look_alike [--split test] [--seed 1]

OUTPUT/look_alike/SPLIT      the set (benchmarks.look_alike.build), made where it is missing

All references lie in one gallery. Everything is as it ships, but that nothing is left out for its score.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from benchmarks.attacks.build import Dataset
from benchmarks.attacks.splits import SPLITS
from benchmarks.harness.command import Question, Result, add_seed
from benchmarks.look_alike import metrics, tables
from benchmarks.look_alike.build import build
from cliptrace.models.backbones.registry import load_config
from cliptrace.pipelines import index, match
from cliptrace.schemas.config import DEDUP_MIN_SCORE, DEFAULT_BACKBONE
from cliptrace.schemas.errors import CliptraceError
from cliptrace.transforms.matching import MatchConfig

_PACKAGES = ("numpy", "onnxruntime", "opencv-python-headless", "pymilvus", "milvus-lite")


def options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--split", choices=SPLITS, default="test")
    add_seed(parser)


def measure(arguments: argparse.Namespace) -> Result:
    dataset = build(arguments.split, arguments.output / "look_alike" / arguments.split, arguments.seed)
    return {"split": arguments.split, **judge(dataset, ask(dataset))}


def ask(dataset: Dataset) -> list[Result]:
    """Every match of every query, whatever its score, as ``cliptrace match`` writes them."""
    started = time.monotonic()
    with tempfile.TemporaryDirectory(dir=dataset.root) as folder:
        gallery, output = f"{folder}/gallery", f"{folder}/matches.jsonl"
        indexed = index.run(index.prepare(index.IndexOptions(sources=[str(dataset.gallery)], gallery=gallery)))
        between = time.monotonic()
        asked = match.MatchOptions(queries=[str(dataset.queries)], gallery=gallery, output=output, min_score=0.0)
        matched = match.run(match.prepare(asked))
        lines = Path(output).read_text(encoding="utf-8").splitlines()
    if indexed.failed or matched.failed:
        raise CliptraceError(f"{indexed.failed} references and {len(matched.failed)} queries failed")
    print(f"indexed in {between - started:.0f} s, matched in {time.monotonic() - between:.0f} s", file=sys.stderr)
    return [json.loads(line) for line in lines]


def judge(dataset: Dataset, rows: Sequence[Result]) -> Result:
    pairs: dict[str, Result] = json.loads((dataset.root / "pairs.json").read_text(encoding="utf-8"))
    claims = metrics.claims_of(rows, pairs, dataset.truth())
    thresholds = {"match": MatchConfig.suited_to(load_config(DEFAULT_BACKBONE)).min_score, "dedup": DEDUP_MIN_SCORE}
    return {
        "data": {"backbone": DEFAULT_BACKBONE, "counts": dataset.facts["counts"]},
        "thresholds": thresholds,
        "kinds": metrics.by_kind(claims, pairs, thresholds),
        "reliability": metrics.reliability_of(claims),
        "look_alikes_found": look_alikes_found(claims),
    }


def look_alikes_found(claims: Sequence[metrics.Claim]) -> dict[str, float]:
    """Of the look-alikes that dedup would accuse, each with its best score: where to look."""
    told = sorted((c for c in claims if c.role == "other" and c.score >= DEDUP_MIN_SCORE), key=lambda c: c.score)
    return {claim.query: round(claim.score, 3) for claim in reversed(told)}


QUESTION = Question("benchmarks.look_alike", __doc__, options, measure, tables.look_alike, _PACKAGES)

if __name__ == "__main__":
    sys.exit(QUESTION.main())
