"""The settings that a backbone ships with, chosen on the validation splits of several attack benches together.

python -m benchmarks.thresholds --backbone NAME|FILE [--seeds 1 2 3]

OUTPUT/attacks, OUTPUT/features   as benchmarks.descriptor has them
OUTPUT/thresholds.json            what is printed, and the environment it was measured in

min_similarity and min_score go into the backbone's config. The temporal network keeps its own defaults: the short gaps
that suit the short copies of this bench would split longer ones wherever a few keyframes fail to match. No test split
is looked at: what the choice is worth there, benchmarks.descriptor and benchmarks.copies say "as shipped".
"""

from __future__ import annotations

import argparse
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.table import Table

from benchmarks.attacks.build import build
from benchmarks.attacks.splits import find_footage
from benchmarks.contestants import Network
from benchmarks.copies import as_shipped
from benchmarks.end_to_end import Variant
from benchmarks.environment import environment
from benchmarks.methods import END_TO_END_GRID
from benchmarks.pairs import merged
from benchmarks.report import save, show, table
from benchmarks.tuning import Trial, Tuner
from cliptrace.models.backbones.background import Background
from cliptrace.models.backbones.registry import load_config
from cliptrace.schemas.errors import CliptraceError, UsageError
from cliptrace.transforms.matching import MatchConfig

Result = dict[str, Any]


def run(arguments: argparse.Namespace, command: str) -> Result:
    backbone, footage = load_config(arguments.backbone), find_footage()
    product = MatchConfig.suited_to(backbone, aligner="tn")
    network = Network(backbone, (), arguments.output / "features")
    variant = Variant(network.keyframes, (), Background.of(backbone))
    benches = {}
    for seed in arguments.seeds:
        folder = arguments.output / "attacks" / f"validation-{seed}"
        benches[seed] = variant.bench(build("validation", folder, seed, arguments.queries, footage))
    bench = merged(benches)
    with Tuner(bench) as tuner:
        chosen = tuner.tune(product.aligner, END_TO_END_GRID)
    return {
        **environment(command, arguments.seeds[0]),
        "seed": arguments.seeds,
        "split": "validation",
        "backbone": backbone.name,
        "rows": {"chosen": _row(chosen), "as shipped": _row(as_shipped(product, bench))},
    }


def _row(trial: Trial) -> Result:
    return {"vcsl_f1": trial.f1, "min_score": trial.min_score, **trial.method.settings}


def tables(result: Result) -> list[Table]:
    columns = ("vcsl_f1", "min_score", *END_TO_END_GRID)
    return [
        table(
            f"{result['backbone']} on the validation splits of seeds {', '.join(map(str, result['seed']))}",
            ("", *columns),
            [
                (name, *(f"{row[column]:.3g}" if column in row else "default" for column in columns))
                for name, row in result["rows"].items()
            ],
        )
    ]


def main(argv: Sequence[str] | None = None) -> int:
    given = sys.argv[1:] if argv is None else argv
    parser = argparse.ArgumentParser(prog="benchmarks.thresholds", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--backbone", required=True, metavar="NAME|FILE")
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3], help="of the attack benches")
    parser.add_argument("--queries", type=int, default=120, help="of each bench; 15 of 100 hold no copy")
    parser.add_argument("--output", type=Path, default=Path("bench-out"))
    try:
        arguments = parser.parse_args(given)
        result = run(arguments, f"python -m benchmarks.thresholds {shlex.join(given)}")
    except CliptraceError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2 if isinstance(error, UsageError) else 1
    save(result, arguments.output / "thresholds.json")
    show(tables(result), result)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
