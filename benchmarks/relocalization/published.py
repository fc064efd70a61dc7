"""mAP@1 of all contestants on a published data set, beside the paper's figures.

python -m benchmarks.relocalization.published --dataset activitynet|thumos14|video_reloc --annotations FILE…
    --features FILE|DIR [--seeds 1 2 3]

annotations: the set's own files (benchmarks/relocalization/datasets.py). features: of its videos
(models/clips/files.py). Labels of the test split are seen in no training; for ActivityNet and THUMOS14 the split is
drawn by the seed. A second call with the same files goes on where the first one was interrupted.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from statistics import fmean

import numpy as np
import torch

from benchmarks.harness.command import Question, Result
from benchmarks.harness.tables import Table
from benchmarks.relocalization.baselines.contestant import Contestant
from benchmarks.relocalization.contestants import CONTESTANTS, PAPERS, Given, trained
from benchmarks.relocalization.datasets import SHARES, activitynet, split_labels, thumos14, video_reloc
from benchmarks.relocalization.measures import best_tiou, map_at_1, recall_at_1
from benchmarks.relocalization.pairs import Pairs, PieceOfVideo, Source, WholeVideo
from cliptrace.models.clips.files import FeatureFiles
from cliptrace.models.relocalization.config import GraphTraining
from cliptrace.models.relocalization.examples import Proposer
from cliptrace.models.relocalization.train import proposer, train_actionness
from cliptrace.schemas.errors import UsageError

THRESHOLDS = (0.5, 0.6, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95)
PAPER = {
    "activitynet": {
        "chance": {"0.5": 16.1, "0.6": 11.3, "0.7": 5.6, "0.8": 3.1, "0.9": 1.2},
        "frame level": {"0.5": 20.2, "0.6": 14.6, "0.7": 10.4, "0.8": 5.4, "0.9": 2.5},
        "video level": {"0.5": 25.4, "0.6": 18.1, "0.7": 12.7, "0.8": 6.3, "0.9": 2.6},
        "SST": {"0.5": 34.7, "0.6": 25.8, "0.7": 18.3, "0.8": 8.1, "0.9": 3.0},
        "AFT+SRM": dict(zip(map(str, THRESHOLDS), (40.6, 40.5, 40.4, 35.5, 30.0, 24.1, 16.1, 7.5), strict=True)),
        "cross-gated bilinear matching": {"0.5": 45.8, "0.6": 37.7, "0.7": 28.2, "0.8": 17.1, "0.9": 7.3},
        PAPERS: dict(zip(map(str, THRESHOLDS), (49.28, 49.05, 49.3, 44.01, 37.46, 29.59, 22.07, 9.92), strict=True)),
    },
    "thumos14": {
        "AFT+SRM": {"0.5": 36.5, "0.6": 36.4, "0.7": 36.2, "0.8": 24.7, "0.9": 9.8},
        PAPERS: {"0.5": 42.11, "0.6": 41.76, "0.7": 40.02, "0.8": 28.34, "0.9": 11.01},
    },
    "video_reloc": {},
}
"""Tables 1 and 2, in percent; what they leave empty is not here."""
_LONGEST = 256
"""Steps of a reference that is learned from."""


def options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--dataset", choices=("activitynet", "thumos14", "video_reloc"), required=True)
    parser.add_argument("--annotations", type=Path, nargs="+", required=True, metavar="FILE")
    parser.add_argument("--features", type=Path, required=True, metavar="FILE|DIR")
    parser.add_argument("--dimension", type=int, default=500, help="numbers of a feature (default: %(default)s)")
    parser.add_argument("--every", type=int, default=1, help="use one of so many features (default: %(default)s)")
    parser.add_argument("--step-s", type=float, help="seconds from a feature to the next, where no duration is known")
    parser.add_argument("--seeds", type=int, nargs="+", default=[1])
    parser.add_argument("--contestants", nargs="+", choices=CONTESTANTS, default=CONTESTANTS)
    parser.add_argument("--steps", type=int, default=4000, help="batches of each training (default: %(default)s)")
    parser.add_argument("--queries", type=int, default=2000, help="at most so many (default: %(default)s)")


def measure(arguments: argparse.Namespace) -> Result:
    torch.set_num_threads(1)  # of networks this small, more would only wait for one another
    split = _splits(arguments)
    seeds = {}
    for seed in arguments.seeds:
        learned, asked = split(seed)
        folder = arguments.output / arguments.dataset / str(seed)
        config = GraphTraining(steps=arguments.steps, seed=seed)
        propose = proposer(train_actionness(learned, folder / "actionness", config), config.proposing)
        given = Given(learned, propose, folder, arguments.steps, seed)
        contestants = trained(given, arguments.contestants)
        seeds[str(seed)] = {
            "can_ask": {"training": len(learned), "testing": len(asked)},
            **_scores(contestants, propose, asked, arguments.queries, seed),
        }
    return {"dataset": arguments.dataset, "paper": PAPER[arguments.dataset], "seeds": seeds}


def _splits(arguments: argparse.Namespace) -> Callable[[int], tuple[Pairs, Pairs]]:
    """By seed: what is learned from, and what is asked. Videos without features take no part."""
    files = FeatureFiles(arguments.features, arguments.dimension)
    if arguments.dataset == "video_reloc":
        pieces = video_reloc(arguments.annotations)
        given = {split: _there([PieceOfVideo(piece, files) for piece in each], files) for split, each in pieces.items()}
        pairs = [Pairs(given[split], _labels(given[split]), _LONGEST) for split in ("training", "testing")]
        return lambda seed: (pairs[0], pairs[1])
    videos = {"activitynet": activitynet, "thumos14": thumos14}[arguments.dataset](arguments.annotations)
    sources = _there([WholeVideo(video, files, arguments.every, arguments.step_s) for video in videos], files)

    def split(seed: int) -> tuple[Pairs, Pairs]:
        of = split_labels(_labels(sources), SHARES[arguments.dataset], seed)
        learned = [source for source in sources if of["training"].issuperset(source.labels)]
        asked = [source for source in sources if not of["testing"].isdisjoint(source.labels)]
        return Pairs(learned, of["training"], _LONGEST), Pairs(asked, of["testing"], _LONGEST)

    return split


def _there(sources: Sequence[Source], files: FeatureFiles) -> list[Source]:
    there = [source for source in sources if source.id in files]
    if sources and not there:
        raise UsageError(f"{files.path}: features of none of the {len(sources):,} videos or pieces that are annotated")
    return there


def _labels(sources: Sequence[Source]) -> set[str]:
    return {label for source in sources for label in source.labels}


def _scores(
    contestants: dict[str, Contestant], propose: Proposer, pairs: Pairs, queries: int, seed: int
) -> dict[str, object]:
    labels: list[str] = []
    best: dict[str, list[float]] = {name: [] for name in contestants}
    for example in pairs.asked(queries, seed):
        proposals = propose(example.reference)
        labels.append(example.label)
        for name, contestant in contestants.items():
            found = contestant.locate(example.query, example.reference, proposals)
            best[name].append(best_tiou(found, example.moments))
    return {
        "queries": len(labels),
        "labels": len(set(labels)),
        "map_at_1": {name: map_at_1(np.array(each), labels, THRESHOLDS) for name, each in best.items()},
        "recall_at_1": {name: recall_at_1(np.array(each), THRESHOLDS) for name, each in best.items()},
    }


def tables(result: Result) -> Iterator[Table]:
    seeds = result["seeds"]
    asked = " and ".join(f"{seed['queries']:,} queries of {seed['labels']} labels" for seed in seeds.values())
    steps = [f"{each:g}" for each in THRESHOLDS]
    for measured, title in (("map_at_1", "mAP@1"), ("recall_at_1", "share of all queries")):
        rows: list[tuple[str, ...]] = []
        for name in next(iter(seeds.values()))[measured]:
            figures = [seed[measured][name] for seed in seeds.values()]
            rows.append((name, *(_spread([100 * figure[step] for figure in figures]) for step in steps)))
            if paper := result["paper"].get(name):
                rows.append(("  the paper", *(f"{paper[step]:.1f}" if step in paper else "" for step in steps)))
        yield Table(
            f"{result['dataset']}: {title} by tIoU in percent; {asked}; seeds {', '.join(seeds)}, ± half the range.",
            ("", *steps),
            rows,
            detail=measured != "map_at_1",
        )


def _spread(values: Sequence[float]) -> str:
    mean = f"{fmean(values):.1f}"
    return mean if len(values) == 1 else f"{mean} ±{(max(values) - min(values)) / 2:.1f}"


QUESTION = Question("benchmarks.relocalization.published", __doc__, options, measure, tables)

if __name__ == "__main__":
    sys.exit(QUESTION.main())
