"""What SPD's scores mean: how much of a finding is right, fitted among distractors and look-alikes of no test split.

python -m benchmarks.alignment.calibration [--weights NAME|FOLDER] [--backbone NAME|FILE] [--seeds 1 2 3] [--write]

OUTPUT/SEED/validation    attack benches, made where they are missing
OUTPUT/look_alike         look-alikes, of the training split, too
OUTPUT/features           embeddings of their videos, and of distractors'

Queries have the keyframes of ``cliptrace match``, and once more, as uploads, those of ``cliptrace dedup``, which are a
gallery's. Right of a finding is what it shares of all that it and the true copy cover, on the side where that is less
(IoU); of scenes that stand still in two videos that have nothing to do with each other, which are drawn, it is nothing.
--write puts the calibration, and the threshold from LEAST to MOST that suits it best and reports no such scene, into
the weights' config.json.
"""

from __future__ import annotations

import argparse
import itertools
import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.alignment.methods import above, as_match, snapped
from benchmarks.alignment.pairs import Bench, Pair, merged
from benchmarks.alignment.reliability import gap, overlap, reliability
from benchmarks.alignment.tuning import MIN_SCORES, best_threshold, f1_by_threshold
from benchmarks.alignment.videos import load_look_alikes, load_split
from benchmarks.attacks.splits import Split
from benchmarks.harness.command import Question, Result, add_backbone, add_seeds
from benchmarks.harness.tables import Table
from cliptrace.models.alignment.spd import Candidate, SPDConfig, candidates, chosen, looked_at
from cliptrace.models.backbones.registry import load_config
from cliptrace.models.ssan.fit import Line
from cliptrace.models.ssan.timed import TimedMap
from cliptrace.models.verification.probability import UNCALIBRATED, features, probability
from cliptrace.models.weights import WEIGHTS
from cliptrace.schemas.config import DEDUP_MIN_SCORE, DEFAULT_KEYFRAMES, QUERY_KEYFRAMES
from cliptrace.schemas.records import Match, Segment

Floats = NDArray[np.float64]
LOOK_ALIKES: tuple[Split, ...] = "train", "validation"
"""Splits. No network was trained on these pairs, but on some footage of the first split."""
LEAST, MOST = 0.5, 0.65
"""Between these is the threshold: what is more likely wrong than right is not reported, and a picture that is held, of
which the score is hardly above the second (models/alignment/spd.py), is."""
FAINTEST = 0.15
"""Similarity from which a map is fitted, too: of those that are hardly alike, which the product does not look at."""
_UPLOADED = ", uploaded"
_ROUNDS = 50
_RIDGE = 1e-3
_DISTRACTORS = (0.15, 0.2, 0.25, 0.3)
"""Similarities; of the validation splits' distractors, 99 of 100 pairs of videos stay below 0.27 in every keyframe."""
_STILL = (10, 20, 40, 80)
"""Keyframes of a scene, two a second."""


def measure(arguments: argparse.Namespace) -> Result:
    backbone, output = load_config(arguments.backbone), arguments.output
    splits = {
        seed: load_split("validation", backbone, output / str(seed), output / "features", seed, arguments.queries)
        for seed in arguments.seeds
    }
    matched, uploaded = (DEFAULT_KEYFRAMES, QUERY_KEYFRAMES), (DEFAULT_KEYFRAMES, DEFAULT_KEYFRAMES)
    benches = {str(seed): videos.bench(*matched, arguments.distractors) for seed, videos in splits.items()}
    for split in LOOK_ALIKES:
        alike = load_look_alikes(split, backbone, output / "look_alike", output / "features", arguments.seeds[0])
        benches[f"{split} look-alikes"] = alike.bench(*matched)
        benches[f"{split} look-alikes{_UPLOADED}"] = alike.bench(*uploaded)
    benches |= {f"{seed}{_UPLOADED}": videos.bench(*uploaded) for seed, videos in splits.items()}
    bench = merged(benches)
    uploads = merged({name: each for name, each in benches.items() if name.endswith(_UPLOADED)})
    config = SPDConfig(weights=arguments.weights, min_similarity=FAINTEST)
    found = [(pair, candidates(timed(pair), config, pair.scene)) for pair in bench.pairs]
    still = still_scenes(config)
    calibration = fit(found, still, bench)
    by_map = {**UNCALIBRATED, "calibration": calibration}
    looked = [(pair, list(look(pair, seen, by_map))) for pair, seen in found]
    told = {"calibration": calibration, "verified": fit(looked, [], bench, looked=True)}
    # Of several readings of one copy the best is told: scores are to be right of those.
    best_ones = [(pair, told_of(seen, told, config)) for pair, seen in looked]
    told["verified"] = fit(best_ones, [], bench, looked=True)
    before, after = matches(looked, UNCALIBRATED, config), matches(looked, told, config)
    f1 = f1_by_threshold(bench.truth, after)
    surest = max((probability(each.evidence, None, told) for each in still), default=0.0)
    most = int(np.searchsorted(MIN_SCORES, MOST, side="right")) - 1
    least = int(np.searchsorted(MIN_SCORES, LEAST))
    best = max(min(best_threshold(f1), most), least, int(np.searchsorted(MIN_SCORES, surest, side="right")))
    result = {
        "split": "validation",
        "distractors": arguments.distractors if all(videos.distractors for videos in splits.values()) else 0,
        "weights": arguments.weights,
        "candidates": sum(len(seen) for _, seen in looked),
        **told,
        "min_score": float(MIN_SCORES[best]),
        "vcsl_f1": float(f1[best]),
        "duplicates": duplicates(after, uploads),
        "expected_calibration_error": {"before": gap(*scored(before, bench)), "after": gap(*scored(after, bench))},
        "by_bench": {
            name: gap(*scored([match for match in after if match.query_id.startswith(f"{name} ")], bench))
            for name in benches
        },
        "reliability": reliability(*scored(after, bench)),
    }
    if arguments.write:
        write(arguments.weights, result)
    return result


def still_scenes(config: SPDConfig) -> list[Candidate]:
    """What the detector sees where two unrelated scenes stand still, and are as alike as distractors are at most."""
    found = []
    for level, (rows, columns) in itertools.product(_DISTRACTORS, itertools.product(_STILL, repeat=2)):
        scene = np.full((rows, columns), level, np.float32)
        found += candidates(TimedMap(scene, np.arange(rows) / 2, np.arange(columns) / 2), config)
    return found


def timed(pair: Pair) -> TimedMap:
    return TimedMap(pair.similarity, pair.query_times, pair.ref_times)


def look(pair: Pair, found: Sequence[Candidate], told: Mapping[str, Any]) -> Iterator[Candidate]:
    """As the product looks at what it has found."""
    if not (found and pair.scene and pair.scene.has_pictures):
        yield from found
        return
    yield from looked_at(found, timed(pair), pair.scene, told)


def fit(
    found: Sequence[tuple[Pair, list[Candidate]]], never: Sequence[Candidate], bench: Bench, looked: bool = False
) -> list[float]:
    """A weight for each feature, and a constant. never: what is no copy. looked: only of what was looked at. Held
    pictures are left out: of one moment, IoU says nothing."""
    each = [(pair, one) for pair, seen in found for one in seen if not one.held and (one.look or not looked)]
    rows = [features(one.evidence, one.look if looked else None) for _, one in each]
    rows += [features(one.evidence, None) for one in never]
    right = [rightness(one.line, pair, bench) for pair, one in each] + [0.0] * len(never)
    return [round(weight, 4) for weight in fit_logistic(np.array(rows), np.array(right))]


def told_of(found: Sequence[Candidate], told: Mapping[str, Any], config: SPDConfig) -> list[Candidate]:
    """The candidates that become segments, each once, but for those of which several become one."""
    by_line = {(*each.line[:4], each.backward): each for each in found}
    segments = chosen(found, told, config)
    lines = [(one.query_start, one.query_end, one.ref_start, one.ref_end, one.reversed) for one in segments]
    return [by_line[line] for line in lines if line in by_line]


def matches(found: Sequence[tuple[Pair, list[Candidate]]], told: Mapping[str, Any], config: SPDConfig) -> list[Match]:
    """What is found of each pair with this calibration, whatever its score."""
    each = ((pair, chosen(seen, told, config)) for pair, seen in found)
    return [as_match(pair, snapped(pair, segments)) for pair, segments in each if segments]


def duplicates(found: Sequence[Match], bench: Bench) -> Result:
    """Of the pairs that share something, and of distractors: how many there are, and how many dedup would report."""
    reported = {(match.query_id, match.ref_id) for match in above(found, DEDUP_MIN_SCORE)}
    alike = {pair for pair, segments in bench.truth.segments.items() if segments}
    distractors = {(pair.query_id, pair.ref_id) for pair in bench.pairs} - alike
    return {
        "min_score": DEDUP_MIN_SCORE,
        "copies": [len(reported & alike), len(alike)],
        "distractors": [len(reported & distractors), len(distractors)],
    }


def scored(found: Sequence[Match], bench: Bench) -> tuple[Floats, Floats]:
    """Scores of all segments that were found, and how much of each is right."""
    pairs = {(pair.query_id, pair.ref_id): pair for pair in bench.pairs}
    each = [(segment, pairs[match.query_id, match.ref_id]) for match in found for segment in match.segments]
    return np.array([segment.score for segment, _ in each]), np.array([rightness(*one, bench) for one in each])


def rightness(found: Segment | Line, pair: Pair, bench: Bench) -> float:
    """IoU with the copy that it is of, on the side where that is less."""
    known = bench.truth.segments.get((pair.query_id, pair.ref_id), ())
    return max((overlap(found, true) for true in known), default=0.0)


def fit_logistic(evidence: Floats, right: Floats) -> list[float]:
    """A weight for each column of float64[N, F], and a constant: logistic regression, by Newton's method.

    right: float64[N], from 0 to 1.
    """
    features = np.column_stack([evidence, np.ones(len(evidence))])
    weights = np.zeros(features.shape[1])
    for _ in range(_ROUNDS):
        probability = 1 / (1 + np.exp(-features @ weights))
        gradient = features.T @ (probability - right) + _RIDGE * weights
        curvature = (features * (probability * (1 - probability))[:, None]).T @ features + _RIDGE * np.eye(len(weights))
        weights = weights - np.linalg.solve(curvature, gradient)
    return [float(weight) for weight in weights]


def write(folder: str, result: Result) -> None:
    file = WEIGHTS / folder / "config.json"
    config = json.loads(file.read_text(encoding="utf-8"))
    config |= {name: result[name] for name in ("calibration", "verified", "min_score")}
    file.write_text(json.dumps(config, indent=2) + "\n", encoding="utf-8")


def options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--weights", default="spd", metavar="NAME|FOLDER")
    add_backbone(parser)
    add_seeds(parser)
    parser.add_argument("--distractors", type=int, default=10_000, metavar="N", help="videos that nobody copied from")
    parser.add_argument("--write", action="store_true", help="put it into the weights' config.json")


def tables(result: Result) -> Iterator[Table]:
    error, told = result["expected_calibration_error"], result["duplicates"]
    yield Table(
        f"What {result['weights']} finds on the validation splits of seeds {', '.join(map(str, result['seed']))}, "
        f"among {result['distractors']:,} distractors; calibration error {error['before']:.3f} → {error['after']:.3f} ("
        f"{', '.join(f'{name} {each:.3f}' for name, each in result['by_bench'].items())}); "
        f"F1 {result['vcsl_f1']:.3f} from {result['min_score']:.2f} on; from {told['min_score']:g} on, "
        "of uploads, {} of {} pairs with a copy and {} of {} distractors:".format(
            *told["copies"], *told["distractors"]
        ),
        ("findings", "mean score", "right"),
        [(row["findings"], f"{row['score']:.2f}", f"{row['right']:.2f}") for row in result["reliability"]],
    )


QUESTION = Question("benchmarks.alignment.calibration", __doc__, options, measure, tables)

if __name__ == "__main__":
    sys.exit(QUESTION.main())
