"""Videos that look alike: what ``cliptrace match`` makes of look-alikes, and of copies beside them.

python -m benchmarks.look_alike [--split test] [--seed 1]

OUTPUT/look_alike/SPLIT      the set (benchmarks.look_alike.build), made where it is missing

All references lie in one gallery. Everything is as it ships, but that nothing is left out for its score; asked once
more with the candidates that descriptors of whole videos name.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import get_args

from benchmarks.attacks.build import Dataset
from benchmarks.attacks.splits import SPLITS
from benchmarks.harness.command import Question, Result, add_seed
from benchmarks.look_alike import metrics, tables
from benchmarks.look_alike.build import build
from cliptrace.models.backbones.registry import load_config
from cliptrace.pipelines import index, match
from cliptrace.schemas.config import DEDUP_MIN_SCORE, DEFAULT_BACKBONE, Retrieval
from cliptrace.schemas.errors import CliptraceError
from cliptrace.transforms.matching import MatchConfig

_PACKAGES = ("numpy", "onnxruntime", "opencv-python-headless", "pymilvus", "milvus-lite")


def options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--split", choices=SPLITS, default="test")
    add_seed(parser)


def measure(arguments: argparse.Namespace) -> Result:
    dataset = build(arguments.split, arguments.output / "look_alike" / arguments.split, arguments.seed)
    answers = ask(dataset)
    pairs: dict[str, Result] = json.loads((dataset.root / "pairs.json").read_text(encoding="utf-8"))
    claims = {name: metrics.claims_of(rows, pairs, dataset.truth()) for name, rows in answers.items()}
    return {"split": arguments.split, **judge(dataset, pairs, claims)}


def ask(dataset: Dataset) -> dict[Retrieval, list[Result]]:
    """By what names the candidates: every match of every query, whatever its score, as ``cliptrace match`` has it."""
    started = time.monotonic()
    answers: dict[Retrieval, list[Result]] = {}
    with tempfile.TemporaryDirectory(dir=dataset.root) as folder:
        gallery = f"{folder}/gallery"
        indexed = index.run(index.prepare(index.IndexOptions(sources=[str(dataset.gallery)], gallery=gallery)))
        if indexed.failed:
            raise CliptraceError(f"{indexed.failed} references failed")
        print(f"indexed in {time.monotonic() - started:.0f} s", file=sys.stderr)
        for retrieval in get_args(Retrieval):
            started, output = time.monotonic(), f"{folder}/{retrieval}.jsonl"
            asked = match.MatchOptions(
                queries=[str(dataset.queries)], gallery=gallery, output=output, min_score=0.0, retrieval=retrieval
            )
            matched = match.run(match.prepare(asked))
            if matched.failed:
                raise CliptraceError(f"{len(matched.failed)} queries failed")
            answers[retrieval] = [json.loads(line) for line in Path(output).read_text(encoding="utf-8").splitlines()]
            print(f"matched by {retrieval} in {time.monotonic() - started:.0f} s", file=sys.stderr)
    return answers


def judge(dataset: Dataset, pairs: Mapping[str, Result], found: Mapping[Retrieval, Sequence[metrics.Claim]]) -> Result:
    claims = found["frame"]
    thresholds = {"match": MatchConfig.suited_to(load_config(DEFAULT_BACKBONE)).min_score, "dedup": DEDUP_MIN_SCORE}
    return {
        "data": {"backbone": DEFAULT_BACKBONE, "counts": dataset.facts["counts"]},
        "thresholds": thresholds,
        "kinds": metrics.by_kind(claims, pairs, thresholds),
        "reliability": metrics.reliability_of(claims),
        "look_alikes_found": look_alikes_found(claims),
        "retrieval": {name: metrics.figures(each, pairs, thresholds) for name, each in found.items()},
    }


def look_alikes_found(claims: Sequence[metrics.Claim]) -> dict[str, float]:
    """Of the look-alikes that dedup would accuse, each with its best score: where to look."""
    told = sorted((c for c in claims if c.role == "other" and c.score >= DEDUP_MIN_SCORE), key=lambda c: c.score)
    return {claim.query: round(claim.score, 3) for claim in reversed(told)}


QUESTION = Question("benchmarks.look_alike", __doc__, options, measure, tables.look_alike, _PACKAGES)

if __name__ == "__main__":
    sys.exit(QUESTION.main())
