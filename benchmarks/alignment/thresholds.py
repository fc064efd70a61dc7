"""The settings that a backbone ships with, chosen on the validation splits of several attack benches together.

python -m benchmarks.alignment.thresholds --backbone NAME|FILE [--seeds 1 2 3]

OUTPUT/attacks, OUTPUT/features   as benchmarks.descriptor has them

min_similarity and min_score go into the backbone's config. The temporal network keeps its own defaults: the short gaps
that suit the short copies of this bench would split longer ones wherever a few keyframes fail to match. No test split
is looked at: what the choice is worth there, benchmarks.descriptor and benchmarks.alignment say "as shipped".
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator

from benchmarks.alignment.measures import as_shipped
from benchmarks.alignment.methods import END_TO_END_GRID
from benchmarks.alignment.pairs import merged
from benchmarks.alignment.tuning import Trial, Tuner
from benchmarks.attacks.build import build
from benchmarks.attacks.splits import find_footage
from benchmarks.descriptor.contestants import Network
from benchmarks.descriptor.end_to_end import Variant
from benchmarks.harness.command import Question, Result, add_backbone, add_seeds
from benchmarks.harness.tables import Table
from cliptrace.models.backbones.background import Background
from cliptrace.models.backbones.registry import load_config
from cliptrace.transforms.matching import MatchConfig


def options(parser: argparse.ArgumentParser) -> None:
    add_backbone(parser)
    add_seeds(parser)


def measure(arguments: argparse.Namespace) -> Result:
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
        "split": "validation",
        "backbone": backbone.name,
        "rows": {"chosen": _row(chosen), "as shipped": _row(as_shipped(product, bench))},
    }


def _row(trial: Trial) -> Result:
    return {"vcsl_f1": trial.f1, "min_score": trial.min_score, **trial.method.settings}


def tables(result: Result) -> Iterator[Table]:
    columns = ("vcsl_f1", "min_score", *END_TO_END_GRID)
    yield Table(
        f"{result['backbone']} on the validation splits of seeds {', '.join(map(str, result['seed']))}:",
        ("", *columns),
        [
            (name, *(f"{row[column]:.3g}" if column in row else "default" for column in columns))
            for name, row in result["rows"].items()
        ],
    )


QUESTION = Question("benchmarks.alignment.thresholds", __doc__, options, measure, tables)

if __name__ == "__main__":
    sys.exit(QUESTION.main())
