"""What SSAN gains: SPD beside the other aligners, SKE beside other keyframes, among distractors, and in the program.

python -m benchmarks.alignment.ssan [--seeds 1 2 3] [--trained DIR]

OUTPUT/SEED/validation, OUTPUT/SEED/test   attack benches (benchmarks.attacks.build), made where they are missing
OUTPUT/features                            embeddings of their videos, and of distractors'

Settings and thresholds are chosen on the validation splits of all seeds together, among distractors as a gallery has
them: a threshold that no distractor had a say in lets them in. Test splits are looked at once. Distractors are of other
splits. --trained: what ``cliptrace train ssan`` wrote; without it, only what ships is compared.
"""

from __future__ import annotations

import argparse
import dataclasses
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import fmean
from typing import Literal

import numpy as np

from benchmarks.alignment import ssan_tables
from benchmarks.alignment.distractor_videos import sharing_an_intro
from benchmarks.alignment.measures import TUNED_AMONG, as_shipped
from benchmarks.alignment.measures import measure as measure_trial
from benchmarks.alignment.methods import GRIDS, above
from benchmarks.alignment.pairs import Bench, Pair, as_truth, merged
from benchmarks.alignment.selections import Choice, at_random, content, local_maxima, scored, uniform
from benchmarks.alignment.tuning import Trial, Tuner
from benchmarks.alignment.videos import Videos, load_split
from benchmarks.attacks.splits import find_footage
from benchmarks.harness.command import Question, Result, add_seeds
from benchmarks.harness.program import ran
from benchmarks.harness.seeds import spread
from cliptrace.models.backbones.background import Background
from cliptrace.models.backbones.registry import Embedder, load_config
from cliptrace.models.metrics.report import Evaluation, evaluate
from cliptrace.schemas.config import (
    BASIS_FPS,
    DEFAULT_BACKBONE,
    DEFAULT_KEYFRAMES,
    QUERY_KEYFRAMES,
    SKE_POINTS,
    BackboneConfig,
)
from cliptrace.schemas.errors import UsageError
from cliptrace.transforms.matching import MatchConfig

BYTES_A_NUMBER = 2
"""Galleries store half precision."""
Trials = Mapping[str, Trial]
Splits = Mapping[int, Videos]
"""Seed → the validation or the test split of its bench."""


@dataclasses.dataclass(frozen=True, slots=True)
class Row:
    """Keyframes, and the SPD that looks at their maps."""

    choice: Choice
    spd: str = "spd"


def rows(trained: Path | None, validations: Splits) -> list[Row]:
    """What table 2 of SSAN compares, and the baselines of SKE; what ships is the SKE of a joint training."""
    plain = [uniform(8, False), uniform(2, False), uniform(1, False)]
    plain += [uniform(per_second, True) for per_second in (2, 1.5, 1.1)]
    baselines = [at_random(1.5), content(0.1), local_maxima()]
    learned = [Row(scored("shipped", "ske", point)) for point in SKE_POINTS]
    if trained is not None:
        alone = trained / "separate"
        pairs = {
            "SKE and SPD, each alone,": (alone / "ske", alone / "spd"),
            "SKE jointly, SPD alone,": (trained / "ske", alone / "spd"),
            "SSAN, both jointly,": (trained / "ske", trained / "spd"),
        }
        for name, (ske, spd) in pairs.items():
            learned += [Row(as_many(validations, name, str(ske), point), str(spd)) for point in ("balanced", "coarse")]
    return [*(Row(choice) for choice in (*plain, *baselines)), *learned]


def as_many(validations: Splits, name: str, folder: str, point: str) -> Choice:
    """Keyframes that another SKE scores, as many of the validation splits as the shipped one takes there."""

    def stored(choice: Choice) -> float:
        return fmean(coverage(videos, choice)["stored"] for videos in validations.values())

    apart = stored(scored(name, folder, point)) / stored(scored("shipped", "ske", point))
    return scored(name, folder, point, apart)


def coverage(videos: Videos, choice: Choice) -> dict[str, float]:
    """Share of the gallery's basis frames that is stored, mean seconds from any of them to the nearest one that is."""
    gallery = [videos.frames[path.name] for path in videos.dataset.gallery.iterdir()]
    kept = [video.chosen_by(choice.gallery).times for video in gallery]
    stored = sum(map(len, kept)) / sum(len(video.times) for video in gallery)
    away = [np.abs(video.times[:, None] - times).min(axis=1) for video, times in zip(gallery, kept, strict=True)]
    return {"stored": stored, "away_s": float(np.concatenate(away).mean())}


def megabytes_an_hour(stored: float, dimension: int) -> float:
    """Of embeddings, where that share of the basis frames is stored."""
    return stored * BASIS_FPS * 3600 * dimension * BYTES_A_NUMBER / 1e6


def benches(splits: Splits, choice: Choice, distractors: int = 0) -> dict[int, Bench]:
    queries = choice.queries or choice.gallery
    return {seed: videos.chosen_by(choice.gallery, queries, distractors) for seed, videos in splits.items()}


def tuner_of(validations: Splits, choice: Choice) -> Tuner:
    return Tuner(merged(benches(validations, choice, TUNED_AMONG)))


def tune_all(validations: Splits, choice: Choice) -> Trials:
    with tuner_of(validations, choice) as tuner:
        return {name: tuner.tune(name, grid) for name, grid in GRIDS.items()}


def compare_aligners(trials: Trials, tests: Splits, choice: Choice) -> dict[str, Result]:
    """All aligners on identical maps, each as the validation splits tuned it."""
    per_seed = benches(tests, choice).values()
    return {name: spread([measure_trial(trial, bench) for bench in per_seed]) for name, trial in trials.items()}


def compare_keyframes(validations: Splits, tests: Splits, compared: Sequence[Row], dimension: int) -> dict[str, Result]:
    """SPD, with the threshold that suits each way of choosing keyframes. dimension: of an embedding."""
    found = {}
    for row in compared:
        with tuner_of(validations, row.choice) as tuner:
            trial = tuner.tune("spd", GRIDS["spd"], {"weights": row.spd})
        per_seed = []
        for seed, bench in benches(tests, row.choice).items():
            result = measure_trial(trial, bench)
            del result["settings"]["weights"]  # a folder of this machine; the row's name says whose
            covered = coverage(tests[seed], row.choice)
            costs = {"megabytes_an_hour": megabytes_an_hour(covered["stored"], dimension)}
            per_seed.append({**covered, **costs, **result})
        found[row.choice.name] = spread(per_seed)
    return found


def compare_distractors(
    contestants: Mapping[str, tuple[Choice, Trial]], tests: Splits, counts: Sequence[int]
) -> dict[str, Result]:
    """VCSL F1 of what reaches the threshold, and AP of all that is found, among so many distractors."""
    found: dict[str, Result] = {}
    for name, (choice, trial) in contestants.items():
        row = found[name] = {}
        for count in counts:
            scores = []
            for bench in benches(tests, choice, count).values():
                matches = trial.method.run(bench)
                reported = evaluate(bench.truth, above(matches, trial.min_score))
                ranked = evaluate(bench.truth, matches)
                scores.append({"f1": reported.vcsl.f1, "segment_ap": ranked.segment_ap})
            row[str(count)] = spread(scores)
    return found


def compare_intros(trials: Trials, test: Videos, choice: Choice, backbone: BackboneConfig) -> dict[str, Result]:
    """Share of pairs of distractors that are matched for the intro that they share."""
    queries = choice.queries or choice.gallery
    background, embedder = Background.of(backbone), Embedder.open(backbone)
    assert background  # the default backbone has one
    classes = sharing_an_intro(test.distractors, choice.gallery, queries, background, embedder)

    def matched(trial: Trial, pairs: list[Pair]) -> float:
        return len(above(trial.method.run(Bench(tuple(pairs), as_truth([]))), trial.min_score)) / len(pairs)

    return {
        kind: {
            aligner: {f"{way} stop-list": matched(trial, pairs) for way, pairs in ways.items()}
            for aligner, trial in trials.items()
        }
        for kind, ways in classes.items()
    }


def through_the_program(test: Videos, shipped: Trial) -> dict[str, Result]:
    """``cliptrace index``, ``match`` and ``evaluate`` with their defaults, and the same in process."""
    program = ran(test.dataset).evaluation
    # In process with an exact search, and without a stop-list, of which so small a gallery has none.
    bench = test.bench(DEFAULT_KEYFRAMES, QUERY_KEYFRAMES)
    here = evaluate(bench.truth, above(shipped.method.run(bench), shipped.min_score))
    return {"program": _figures(program), "in process": _figures(here)}


def _figures(report: Evaluation) -> Result:
    return {
        "vcsl_f1": report.vcsl.f1,
        "vcdb_f1": report.vcdb.f1,
        "segment_ap": report.segment_ap,
        "mean_average_precision": report.mean_average_precision,
    }


def options(parser: argparse.ArgumentParser) -> None:
    add_seeds(parser)
    parser.add_argument("--distractors", type=int, nargs="+", default=[0, 100, 1000, 10_000], metavar="N")
    parser.add_argument("--trained", type=Path, metavar="DIR", help="what cliptrace train ssan wrote, if it did")


def measure(arguments: argparse.Namespace) -> Result:
    if not find_footage().families:
        raise UsageError("distractors are footage of other splits: set CLIPTRACE_FOOTAGE to a folder that has them")
    backbone = load_config(DEFAULT_BACKBONE)
    validations, tests = (_load(split, backbone, arguments) for split in ("validation", "test"))
    first = tests[arguments.seeds[0]]
    trained = arguments.trained.resolve() if arguments.trained else None
    if trained and not trained.is_dir():
        print(f"{trained} is not there: only what ships is compared", file=sys.stderr)
        trained = None
    compared = rows(trained, validations)
    sparse, ours = uniform(2, False), scored("shipped", "ske", "balanced")
    of_sparse, of_ours = tune_all(validations, sparse), tune_all(validations, ours)
    product = MatchConfig.suited_to(backbone)
    shipped = as_shipped(product, merged(benches(validations, ours, TUNED_AMONG)))
    contestants = {
        f"{sparse.name}, tn": (sparse, of_sparse["tn"]),
        f"{ours.name}, tn": (ours, of_ours["tn"]),
        f"{ours.name}, spd": (ours, of_ours["spd"]),
        f"{ours.name}, {product.aligner} as shipped": (ours, shipped),
    }
    return {
        "tuned_among": TUNED_AMONG,
        "data": {"backbone": backbone.name, "test": [test.dataset.facts["counts"] for test in tests.values()]},
        "aligners": {
            sparse.name: compare_aligners(of_sparse, tests, sparse),
            ours.name: compare_aligners({**of_ours, f"{product.aligner}, as shipped": shipped}, tests, ours),
        },
        "keyframes": compare_keyframes(validations, tests, compared, backbone.dimension),
        "distractors": compare_distractors(contestants, tests, arguments.distractors),
        "intros": compare_intros({name: of_ours[name] for name in ("tn", "spd")}, first, ours, backbone),
        "program": through_the_program(first, shipped),
    }


def _load(split: Literal["validation", "test"], backbone: BackboneConfig, arguments: argparse.Namespace) -> Splits:
    output, queries = arguments.output, arguments.queries
    return {
        seed: load_split(split, backbone, output / str(seed), output / "features", seed, queries)
        for seed in arguments.seeds
    }


QUESTION = Question("benchmarks.alignment.ssan", __doc__, options, measure, ssan_tables.ssan)

if __name__ == "__main__":
    sys.exit(QUESTION.main())
