"""Videos that look alike: what ``cliptrace match`` makes of strangers, and of copies beside them.

python -m benchmarks.look_alike [--split test] [--seed 1] [--output bench-out]

OUTPUT/look_alike/SPLIT      the set (benchmarks.look_alike.build), made where it is missing
OUTPUT/look_alike.json       what is printed, and the environment it was measured in

All references lie in one gallery. Everything is as it ships, but that nothing is left out for its score.
"""

from __future__ import annotations

import argparse
import json
import logging
import shlex
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.attacks.build import Dataset
from benchmarks.attacks.splits import SPLITS
from benchmarks.environment import environment
from benchmarks.look_alike import metrics
from benchmarks.look_alike.build import build
from benchmarks.look_alike.tables import tables
from benchmarks.report import save, show
from cliptrace.models.backbones.registry import load_config
from cliptrace.pipelines import index, match
from cliptrace.schemas.config import DEDUP_MIN_SCORE, DEFAULT_BACKBONE
from cliptrace.schemas.errors import CliptraceError, UsageError
from cliptrace.transforms.matching import MatchConfig

Result = dict[str, Any]
_PACKAGES = ("numpy", "onnxruntime", "opencv-python-headless", "pymilvus", "milvus-lite")


def main(argv: Sequence[str] | None = None) -> int:
    given = sys.argv[1:] if argv is None else argv
    parser = argparse.ArgumentParser(prog="benchmarks.look_alike", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--split", choices=SPLITS, default="test")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--output", type=Path, default=Path("bench-out"))
    arguments = parser.parse_args(given)
    try:
        dataset = build(arguments.split, arguments.output / "look_alike" / arguments.split, arguments.seed)
        rows = ask(dataset)
        command = f"python -m benchmarks.look_alike {shlex.join(given)}".rstrip()
        result = {**environment(command, arguments.seed, _PACKAGES), "split": arguments.split, **judge(dataset, rows)}
    except CliptraceError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2 if isinstance(error, UsageError) else 1
    save(result, arguments.output / "look_alike.json")
    show(tables(result), result)
    return 0


def ask(dataset: Dataset) -> list[Result]:
    """Every match of every query, whatever its score, as ``cliptrace match`` writes them."""
    logging.getLogger("grpc._server").setLevel(logging.CRITICAL)  # it logs what Milvus Lite leaves out on purpose
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
        "strangers_found": strangers_found(claims),
    }


def strangers_found(claims: Sequence[metrics.Claim]) -> dict[str, float]:
    """Of the strangers that dedup would accuse, each with its best score: where to look."""
    told = sorted((c for c in claims if c.role == "other" and c.score >= DEDUP_MIN_SCORE), key=lambda c: c.score)
    return {claim.query: round(claim.score, 3) for claim in reversed(told)}


if __name__ == "__main__":
    raise SystemExit(main())
