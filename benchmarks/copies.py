"""How well copies are found: every aligner tuned on the validation split, measured once on the test split.

python -m benchmarks.copies [--backbone NAME|FILE] [--queries 120] [--seed 1] [--output bench-out]

OUTPUT/validation, OUTPUT/test   the attack bench (benchmarks.attacks.build), made where it is missing
OUTPUT/features                  embeddings of its videos, and of strangers'
OUTPUT/copies.json               what is printed, and the environment it was measured in

Settings and thresholds are chosen among strangers, as a gallery has them: a threshold that no stranger had a say in
lets them in. Segment AP and mAP rank everything that a method finds; the other figures are of what scores at least its
min_score.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import Any, Literal

from benchmarks.attacks.build import Dataset, build
from benchmarks.attacks.edits import EDITS, SEVERITIES
from benchmarks.attacks.splits import Split, find_footage
from benchmarks.distractors import distractor_paths
from benchmarks.environment import environment
from benchmarks.features import BasisFrames, basis_frames
from benchmarks.look_alike.build import build as build_look_alikes
from benchmarks.methods import CONTESTANTS, GRIDS, Grid, Method, above
from benchmarks.pairs import Bench, as_truth, make_bench
from benchmarks.strangers import distractors
from benchmarks.tables import show
from benchmarks.tuning import Trial, Tuner, f1_by_threshold
from cliptrace.models.alignment import ALIGNERS
from cliptrace.models.backbones.background import Background
from cliptrace.models.backbones.registry import load_config
from cliptrace.models.keyframes import Selector, make_selector
from cliptrace.models.metrics.report import Truth, evaluate
from cliptrace.models.metrics.segments import vcdb_score, vcsl_score
from cliptrace.schemas.config import (
    BASIS_FPS,
    DEFAULT_BACKBONE,
    DEFAULT_KEYFRAMES,
    QUERY_KEYFRAMES,
    BackboneConfig,
    KeyframeConfig,
)
from cliptrace.schemas.errors import CliptraceError, UsageError
from cliptrace.schemas.records import Match
from cliptrace.transforms.matching import MatchConfig

TUNED_AMONG = 1000
"""Strangers in the gallery when settings are chosen."""
Result = dict[str, Any]


@dataclasses.dataclass(frozen=True, slots=True)
class Videos:
    """One split: its videos as basis frames, and what is true of them. strangers: footage of other splits, if any."""

    dataset: Dataset
    frames: Mapping[str, BasisFrames]
    strangers: Mapping[str, BasisFrames]
    background: Background | None

    def bench(self, config: KeyframeConfig, of_queries: KeyframeConfig, strangers: int = 0) -> Bench:
        """config: of the gallery."""
        return self.chosen_by(make_selector(config, BASIS_FPS), make_selector(of_queries, BASIS_FPS), strangers)

    def chosen_by(self, of_gallery: Selector, of_queries: Selector, strangers: int = 0) -> Bench:
        """strangers: how many videos of the gallery no query was copied from."""
        queries, gallery = (
            {path.name: self.frames[path.name].chosen_by(each) for path in sorted(folder.iterdir())}
            for folder, each in ((self.dataset.queries, of_queries), (self.dataset.gallery, of_gallery))
        )
        others = distractors(self.strangers, of_gallery, strangers)
        return make_bench(queries, {**gallery, **others}, as_truth(self.dataset.truth()), self.background)


def compare_methods(
    validation: Bench, test: Bench, product: MatchConfig, grids: Mapping[str, Grid] = GRIDS
) -> dict[str, Result]:
    with Tuner(validation) as tuner:
        trials = [tuner.tune(name, grid) for name, grid in grids.items()]
    return {
        **{trial.method.name: measure(trial, test) for trial in trials},
        f"{product.aligner}, as shipped": measure(as_shipped(product, validation), test),
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


def load_split(
    split: Literal["validation", "test"], backbone: BackboneConfig, bench: Path, features: Path, seed: int, queries: int
) -> Videos:
    """bench: folder of both splits. features: where embeddings are kept."""
    footage = find_footage()
    dataset = build(split, bench / split, seed, queries, footage)
    paths = [path for folder in (dataset.gallery, dataset.queries) for path in sorted(folder.iterdir())]
    frames, strangers = (basis_frames(each, backbone, features) for each in (paths, distractor_paths(footage, split)))
    return Videos(dataset, frames, strangers, Background.of(backbone))


def load_look_alikes(split: Split, backbone: BackboneConfig, bench: Path, features: Path, seed: int) -> Videos:
    """As ``load_split``, of look-alikes and true copies of them."""
    dataset = build_look_alikes(split, bench / split, seed)
    paths = [path for folder in (dataset.gallery, dataset.queries) for path in sorted(folder.iterdir())]
    return Videos(dataset, basis_frames(paths, backbone, features), {}, Background.of(backbone))


def run(output: Path, seed: int, queries: int, backbone: BackboneConfig) -> Result:
    validation, test = (
        load_split(split, backbone, output, output / "features", seed, queries) for split in ("validation", "test")
    )
    keyframes = (DEFAULT_KEYFRAMES, QUERY_KEYFRAMES)
    test_bench = test.bench(*keyframes)
    methods = compare_methods(validation.bench(*keyframes, TUNED_AMONG), test_bench, MatchConfig.suited_to(backbone))
    best = max(ALIGNERS, key=lambda name: methods[name]["validation_vcsl_f1"])
    found = {
        name: above(Method(name, methods[name]["settings"]).run(test_bench), methods[name]["min_score"])
        for name in ALIGNERS
    }
    true_maps = [p.similarity.shape for p in test_bench.pairs if (p.query_id, p.ref_id) in test_bench.truth.pairs]
    return {
        **environment(f"python -m benchmarks.copies --backbone {backbone.name} --queries {queries}", seed),
        "data": {
            "backbone": backbone.name,
            "validation": validation.dataset.facts["counts"],
            "test": test.dataset.facts["counts"],
            "candidate_pairs": len(test_bench.pairs),
            "candidate_recall": len(true_maps) / len(test_bench.truth.pairs),
            "median_map": [median(side) for side in zip(*true_maps, strict=True)],
            "keyframes": [str(each) for each in keyframes],
            "tuned_among": TUNED_AMONG if validation.strangers else 0,
        },
        "methods": methods,
        "best": best,
        "per_edit": {name: per_edit(found[name], test_bench.truth, test.dataset.sidecar()) for name in ALIGNERS},
    }


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="benchmarks.copies", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--backbone", default=DEFAULT_BACKBONE, metavar="NAME|FILE")
    parser.add_argument("--queries", type=int, default=120, help="of either split; 15 of 100 hold no copy")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--output", type=Path, default=Path("bench-out"))
    arguments = parser.parse_args(argv)
    try:
        result = run(arguments.output, arguments.seed, arguments.queries, load_config(arguments.backbone))
    except CliptraceError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2 if isinstance(error, UsageError) else 1
    (arguments.output / "copies.json").write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    show(result)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
