"""How many frames of a query have to be searched, and how near a frame must be for a pair of videos to be aligned.

python -m benchmarks.search.frames [--split validation|test] [--seeds 1 2 3] [--distractors 2000] [--backbone NAME|FILE]

All frames of a query are aligned, whatever was searched. Attack benches among distractors, and look-alikes.
"""

from __future__ import annotations

import argparse
import statistics
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from benchmarks.alignment.methods import Method, above
from benchmarks.alignment.pairs import Bench, Pair, merged
from benchmarks.alignment.videos import load_look_alikes, load_split
from benchmarks.harness.command import Question, Result, add_backbone, add_seeds
from benchmarks.search import tables
from cliptrace.models.alignment.candidates import SEARCHED_PER_SECOND, searched_frames
from cliptrace.models.backbones.registry import load_config
from cliptrace.models.metrics.report import Truth, evaluate
from cliptrace.schemas.config import BASIS_FPS, DEFAULT_KEYFRAMES, QUERY_KEYFRAMES
from cliptrace.schemas.records import Match
from cliptrace.transforms.matching import MatchConfig

RATES = (BASIS_FPS, 4.0, 2.0, 1.0, 0.5)
"""Frames a second that are searched."""
BARS = (0.15, 0.2, 0.22, 0.25, 0.3, 0.35)
LENGTHS: Mapping[str, tuple[float, float]] = {
    "under 3 s": (0.0, 3.0),
    "3 to 6 s": (3.0, 6.0),
    "longer": (6.0, np.inf),
    "all": (0.0, np.inf),
}
"""Seconds of the query that come from one video."""
_LEAST = BARS[0]


def options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--split", choices=("validation", "test"), default="validation")
    parser.add_argument("--distractors", type=int, default=2000, metavar="VIDEOS", help="of each attack bench")
    add_seeds(parser)
    add_backbone(parser)


def measure(arguments: argparse.Namespace) -> Result:
    backbone, output, split = load_config(arguments.backbone), arguments.output, arguments.split
    keyframes, features = (DEFAULT_KEYFRAMES, QUERY_KEYFRAMES), output / "features"
    attacks = {
        str(seed): load_split(split, backbone, output / str(seed), features, seed, arguments.queries).bench(
            *keyframes, arguments.distractors, BASIS_FPS
        )
        for seed in arguments.seeds
    }
    alike = load_look_alikes(split, backbone, output / "look_alike", features, arguments.seeds[0])
    benches = {"attacks": merged(attacks), "look-alikes": alike.bench(*keyframes, 0, BASIS_FPS)}
    product = MatchConfig.suited_to(backbone)
    method = Method(product.aligner, {"min_similarity": _LEAST})
    rows: dict[str, Any] = {}
    for name, bench in benches.items():
        found = above(method.run(bench.aligned(_LEAST)), product.min_score)
        rows[name] = {
            "frames": {f"{rate:g}": figures(bench, found, rate, product.min_similarity) for rate in RATES},
            "bars": {f"{bar:g}": figures(bench, found, SEARCHED_PER_SECOND, bar) for bar in BARS},
        }
    shipped = {"per_second": SEARCHED_PER_SECOND, "min_similarity": product.min_similarity}
    return {"split": split, "distractors": arguments.distractors, **shipped, "benches": rows}


def figures(bench: Bench, found: Sequence[Match], per_second: float, least: float) -> Result:
    """Of pairs with a frame of at least that similarity among those that are searched. found: of all pairs."""
    aligned = {(pair.query_id, pair.ref_id) for pair in bench.pairs if nearest(pair, per_second) >= least}
    kept = [match for match in found if (match.query_id, match.ref_id) in aligned]
    report = evaluate(bench.truth, kept)
    return {
        "aligned_per_query": len(aligned) / len({pair.query_id for pair in bench.pairs}),
        "searched_per_query": statistics.mean(searched(bench.pairs, per_second)),
        "recall": dict(recall(bench.truth, aligned)),
        "vcsl_f1": report.vcsl.f1,
        "vcdb_f1": report.vcdb.f1,
        "matches": len(kept),
    }


def nearest(pair: Pair, per_second: float) -> float:
    """The highest similarity of a frame that is searched, -1 without any."""
    assert pair.hits is not None
    asked = searched_frames(len(pair.query_times), float(pair.query_times[-1]), per_second)
    alike = pair.hits.similarities[np.isin(pair.hits.query_frames, asked)]
    return float(alike.max(initial=-1.0))


def searched(pairs: Iterable[Pair], per_second: float) -> Iterator[int]:
    """Frames of each query."""
    for times in {pair.query_id: pair.query_times for pair in pairs}.values():
        yield len(searched_frames(len(times), float(times[-1]), per_second))


def recall(truth: Truth, aligned: set[tuple[str, str]]) -> Iterator[tuple[str, tuple[int, int]]]:
    """Of pairs with copies of each length, how many are aligned, and how many there are."""
    seconds = {
        pair: sum(segment.query_end - segment.query_start for segment in known)
        for pair, known in truth.segments.items()
        if known
    }
    for name, (low, high) in LENGTHS.items():
        pairs = {pair for pair, copied in seconds.items() if low <= copied < high}
        yield name, (len(pairs & aligned), len(pairs))


QUESTION = Question("benchmarks.search.frames", __doc__, options, measure, tables.frames)

if __name__ == "__main__":
    sys.exit(QUESTION.main())
