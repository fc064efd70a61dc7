"""Moments of untrimmed videos: the paper's model, its baselines, and what has come since, on the same features.

python -m benchmarks.relocalization [--seeds 1 2 3] [--steps 600] [--no-ablations] [--export FOLDER]

Videos are composed from clips (models/relocalization/compose.py), and a few were filmed without a cut (uncut.py).
Labels and sources of the test split are in no training; signs are asked, and never learned from. All see the same
features, and where they need them the same proposals. The validation split gives the score from which on the exported
locator tells what it finds.
"""

from __future__ import annotations

import argparse
import dataclasses
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from benchmarks.harness.command import Question, Result
from benchmarks.relocalization import tables, uncut
from benchmarks.relocalization.baselines.contestant import Contestant
from benchmarks.relocalization.contestants import PRODUCTS, SHIPPED, Given, Graph, PointWise, graph, trained
from benchmarks.relocalization.footage import load
from benchmarks.relocalization.measures import best_tiou, map_at_1, proposal_recall, with_absent
from benchmarks.relocalization.windows import sliding_windows
from cliptrace.models.clips import open_clip_encoder
from cliptrace.models.relocalization.compose import Composer
from cliptrace.models.relocalization.config import Composition, GraphTraining
from cliptrace.models.relocalization.example import Example
from cliptrace.models.relocalization.examples import Proposer
from cliptrace.models.relocalization.export import export_anchor_free, export_graph
from cliptrace.models.relocalization.footage import Clip
from cliptrace.models.relocalization.network import Actionness
from cliptrace.models.relocalization.train import proposer, train_actionness
from cliptrace.schemas.config import DEFAULT_CLIPS

THRESHOLDS = (0.5, 0.6, 0.7, 0.8, 0.9)
KINDS: Mapping[str, tuple[str, int]] = {"games": ("game_", 3), "signs": ("sign_", 2)}
"""What labels begin with, and queries of each."""
_COUNTS = (10, 30, 100)
_LEAST_TIOU = 0.5
_MOST_FALSE = 0.1
"""False answers on validation that the exported locator's least score allows."""
_ABLATIONS: Mapping[str, Mapping[str, Any]] = {
    "sums": {"fusion": "graph"},
    "an LSTM each": {"shared": False},
    "no graph": {"fusion": "none"},
    "k = 1": {"scales": (1,)},
    "k = 1, 2": {"scales": (1, 2)},
    "k = 1, 2, 3": {},
    "L = 1": {"layers": 1},
    "L = 3": {"layers": 3},
    "no regression": {"regression": False},
    "no mask": {"masked": False},
}
Answers = dict[str, NDArray[np.float64]]
"""Of each contestant float64[Q, 2]: tIoU and score of its best answer to each query."""


def options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3], help="of training and of the videos")
    parser.add_argument("--steps", type=int, default=600, help="of each training")
    parser.add_argument(
        "--no-ablations", dest="ablations", action="store_false", help="of the multi-graph model, with the first seed"
    )
    parser.add_argument("--export", type=Path, metavar="FOLDER", help="write the first seed's locators")


def measure(arguments: argparse.Namespace) -> Result:
    torch.set_num_threads(1)  # of networks this small, more would only wait for one another
    clips = load(arguments.output / "features")
    splits = {"validation": clips.validation, "test": clips.test}
    training = Composer(clips.train, Composition())
    seeds: dict[str, Any] = {}
    ablations: dict[str, Any] = {}
    for seed in arguments.seeds:
        folder = arguments.output / str(seed)
        config = GraphTraining(steps=arguments.steps, seed=seed)
        actionness = train_actionness(training, folder / "actionness", config)
        given = Given(training, proposer(actionness, config.proposing), folder, arguments.steps, seed)
        named = trained(given)
        asked = {split: _asked(each, seed) for split, each in splits.items()}
        for kinds, examples in zip(asked["test"], uncut.asked(clips.uncut, np.random.default_rng(seed)), strict=True):
            kinds[uncut.KIND] = examples
        seeds[str(seed)] = {split: _measured(named, given.propose, *each) for split, each in asked.items()}
        there, _ = asked["test"]
        actions = proposer(actionness, config.proposing, signals=(0,))
        ways = {"TAG": given.propose, "TAG, actions alone": actions, "sliding windows": _windows}
        seeds[str(seed)]["proposals"] = {kind: _recall(ways, each) for kind, each in there.items()}
        if seed == arguments.seeds[0]:
            if arguments.ablations:
                products = dataclasses.replace(config, fusion="product", shared=True)
                ablations = _ablations(given, products, there)
            if arguments.export:
                _export(named, actionness, seeds[str(seed)]["validation"]["absent"], arguments.export)
    return {"clips": {split: len(each) for split, each in splits.items()}, "seeds": seeds, "ablations": ablations}


def _asked(clips: Sequence[Clip], seed: int) -> tuple[dict[str, list[Example]], dict[str, list[Example]]]:
    """By kind some queries of each label, of clips as they are; and as many whose moment is not there."""
    plain = dataclasses.replace(Composition(), scenes=0.0, wear=(0.0, 0.0))
    there, absent = {}, {}
    for kind, (prefix, each) in KINDS.items():
        composer = Composer(clips, plain, [clip.label for clip in clips if clip.label.startswith(prefix)])
        random = np.random.default_rng(seed)
        labels = [label for label in composer.labels for _ in range(each)]
        there[kind] = [composer.of_label(label, random) for label in labels]
        absent[kind] = [composer.of_label(label, random, absent=True) for label in labels]
    return there, absent


def _measured(
    named: Mapping[str, Contestant],
    propose: Proposer,
    there: Mapping[str, Sequence[Example]],
    absent: Mapping[str, Sequence[Example]],
) -> dict[str, Any]:
    """mAP@1 by kind, and over games and signs alike; and where half of the references hold no such moment, by kind and
    contestant: the score from which on one in ten of those is answered, and how many of the others are, rightly."""
    found: dict[str, Any] = {"map_at_1": {}, "absent": {}}
    for kind, examples in there.items():
        right, wrong = _answers(named, propose, examples), _answers(named, propose, absent[kind])
        found["map_at_1"][kind] = {name: _map(answers, examples) for name, answers in right.items()}
        found["absent"][kind] = {name: _with_absent(answers, wrong[name]) for name, answers in right.items()}
    kinds = [found["map_at_1"][kind] for kind in KINDS]
    found["map_at_1"]["all"] = {
        name: {step: float(np.mean([kind[name][step] for kind in kinds])) for step in kinds[0][name]} for name in named
    }
    return found


def _answers(named: Mapping[str, Contestant], propose: Proposer, examples: Sequence[Example]) -> Answers:
    answers: dict[str, list[tuple[float, float]]] = {name: [] for name in named}
    for example in examples:
        proposals = propose(example.reference)
        for name, contestant in named.items():
            told = contestant.locate(example.query, example.reference, proposals)
            best = float(told[0, 2]) if len(told) else -np.inf
            answers[name].append((best_tiou(told, example.moments), best))
    return {name: np.array(each) for name, each in answers.items()}


def _map(answers: NDArray[np.float64], examples: Sequence[Example]) -> dict[str, float]:
    return map_at_1(answers[:, 0], [example.label for example in examples], THRESHOLDS)


def _with_absent(there: NDArray[np.float64], absent: NDArray[np.float64]) -> dict[str, float]:
    tious, scores = np.concatenate([there, absent]).T
    present = np.arange(len(scores)) < len(there)
    least = float(np.quantile(scores[~present], 1 - _MOST_FALSE, method="higher"))
    answered = with_absent(tious, scores, present, least, _LEAST_TIOU)
    return {"least_score": least, **dataclasses.asdict(answered)}


def _recall(ways: Mapping[str, Proposer], examples: Sequence[Example]) -> dict[str, Any]:
    moments = [example.moments for example in examples]
    found = {}
    for name, way in ways.items():
        proposals = [way(example.reference) for example in examples]
        recall = proposal_recall(proposals, moments, _COUNTS, THRESHOLDS)
        found[name] = {"proposals": float(np.mean([len(each) for each in proposals])), "recall": recall}
    return found


def _windows(reference: NDArray[np.float32]) -> NDArray[np.float32]:
    """In an order that tells nothing: else the shortest would be the first."""
    windows = sliding_windows(reference)
    return windows[np.random.default_rng(0).permutation(len(windows))]


def _ablations(given: Given, config: GraphTraining, there: Mapping[str, Sequence[Example]]) -> dict[str, Any]:
    named = {
        name: graph(given, dataclasses.replace(config, **changed), name if changed else config.fusion)
        for name, changed in _ABLATIONS.items()
    }
    return dict(_measured(named, given.propose, there, there)["map_at_1"]["all"])


def _export(named: Mapping[str, Contestant], actionness: Actionness, absent: Mapping[str, Any], folder: Path) -> None:
    """The multi-graph model with products, and what ships with the score that one in ten of the absent moments of
    validation reaches: of games, since signs are learned from in no way."""
    ships, multi_graph = named[SHIPPED], named[PRODUCTS]
    assert isinstance(ships, PointWise)
    assert isinstance(multi_graph, Graph)
    least, least_fit = (round(absent["games"][name]["least_score"], 3) for name in (SHIPPED, PRODUCTS))
    sha256 = open_clip_encoder(DEFAULT_CLIPS).sha256
    export_anchor_free(ships.network, folder / "anchor_free", ships.network.config, sha256, least)
    export_graph(multi_graph.network, actionness, folder, multi_graph.network.config, sha256, least_fit)


QUESTION = Question("benchmarks.relocalization", __doc__, options, measure, tables.relocalization)

if __name__ == "__main__":
    sys.exit(QUESTION.main())
