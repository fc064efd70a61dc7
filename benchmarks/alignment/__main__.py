"""How well copies are found: every aligner tuned on the validation split, measured once on the test split.

python -m benchmarks.alignment [--backbone NAME|FILE] [--queries 120] [--seed 1]

OUTPUT/validation, OUTPUT/test   the attack bench (benchmarks.attacks.build), made where it is missing
OUTPUT/features                  embeddings of its videos, and of distractors'

Settings and thresholds are chosen among distractors, as a gallery has them: a threshold that no distractor had a say in
lets them in. Segment AP and mAP rank everything that a method finds; the other figures are of what scores at least its
min_score.
"""

from __future__ import annotations

import argparse
import sys
from statistics import median

from benchmarks.alignment import tables
from benchmarks.alignment.measures import TUNED_AMONG, compare_methods, per_edit, per_length
from benchmarks.alignment.videos import load_split
from benchmarks.harness.command import Question, Result, add_backbone, add_queries, add_seed
from cliptrace.models.alignment import ALIGNERS
from cliptrace.models.backbones.registry import load_config
from cliptrace.schemas.config import DEFAULT_KEYFRAMES, QUERY_KEYFRAMES
from cliptrace.transforms.matching import MatchConfig


def options(parser: argparse.ArgumentParser) -> None:
    add_backbone(parser)
    add_queries(parser)
    add_seed(parser)


def measure(arguments: argparse.Namespace) -> Result:
    backbone, output = load_config(arguments.backbone), arguments.output
    validation, test = (
        load_split(split, backbone, output, output / "features", arguments.seed, arguments.queries)
        for split in ("validation", "test")
    )
    keyframes = (DEFAULT_KEYFRAMES, QUERY_KEYFRAMES)
    test_bench = test.bench(*keyframes)
    methods, found = compare_methods(
        validation.bench(*keyframes, TUNED_AMONG), test_bench, MatchConfig.suited_to(backbone)
    )
    best = max(ALIGNERS, key=lambda name: methods[name]["validation_vcsl_f1"])
    sidecar = test.dataset.sidecar()
    true_maps = [p.similarity.shape for p in test_bench.pairs if (p.query_id, p.ref_id) in test_bench.truth.pairs]
    return {
        "data": {
            "backbone": backbone.name,
            "validation": validation.dataset.facts["counts"],
            "test": test.dataset.facts["counts"],
            "candidate_pairs": len(test_bench.pairs),
            "candidate_recall": len(true_maps) / len(test_bench.truth.pairs),
            "median_map": [median(side) for side in zip(*true_maps, strict=True)],
            "keyframes": [str(each) for each in keyframes],
            "tuned_among": TUNED_AMONG if validation.distractors else 0,
        },
        "methods": methods,
        "best": best,
        "per_edit": {name: per_edit(matches, test_bench.truth, sidecar) for name, matches in found.items()},
        "per_length": {name: per_length(matches, test_bench.truth, sidecar) for name, matches in found.items()},
    }


QUESTION = Question("benchmarks.alignment", __doc__, options, measure, tables.alignment)

if __name__ == "__main__":
    sys.exit(QUESTION.main())
