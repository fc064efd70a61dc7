"""Moments of untrimmed videos: the paper's model, its baselines, and what has come since, on the same features.

python -m benchmarks.relocalization [--seeds 1 2 3] [--steps 600] [--ablations] [--export FOLDER]

Videos are composed from clips (models/relocalization/compose.py). Labels, people and sources of the test split are in
no training; signs are asked, and never learned from. All see the same features, and where they need them the same
proposals. The validation split says what is exported, and from which score on something is told.
"""

from __future__ import annotations

import argparse
import dataclasses
import hashlib
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks.harness.command import Question, Result
from benchmarks.relocalization import tables
from benchmarks.relocalization.baselines import BASELINES
from benchmarks.relocalization.baselines.contestant import BaselineTraining, Contestant
from benchmarks.relocalization.contestants import Chamfer, Graph, OnMap, PointWise
from benchmarks.relocalization.footage import load
from benchmarks.relocalization.measures import best_tiou, map_at_1, proposal_recall, with_absent
from cliptrace.models.clips import open_clip_encoder
from cliptrace.models.relocalization.compose import Composer
from cliptrace.models.relocalization.config import AnchorFreeTraining, Composition, GraphTraining, MapTraining
from cliptrace.models.relocalization.example import Example
from cliptrace.models.relocalization.examples import Proposer
from cliptrace.models.relocalization.export import export_anchor_free
from cliptrace.models.relocalization.proposals import sliding_windows
from cliptrace.models.relocalization.train import proposer, train_actionness

THRESHOLDS = (0.5, 0.6, 0.7, 0.8, 0.9)
SHIPPED = "anchor-free"
KINDS: Mapping[str, tuple[str, int]] = {"games": ("game_", 3), "signs": ("sign_", 2)}
"""What labels begin with, and queries of each."""
_COUNTS = (10, 30, 100)
_LEAST_TIOU = 0.5
_MOST_FALSE = 0.1
"""False answers on validation that the exported locator's least score allows."""
_ABLATIONS: Mapping[str, Mapping[str, Any]] = {
    "no graph": {"fusion": "none"},
    "k = 1": {"scales": (1,)},
    "k = 1, 2": {"scales": (1, 2)},
    "k = 1, 2, 3": {},
    "L = 1": {"layers": 1},
    "L = 3": {"layers": 3},
    "no regression": {"regression": False},
    "no mask": {"masked": False},
}
Sets = dict[str, list[Example]]


def options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3], help="of training and of the videos")
    parser.add_argument("--steps", type=int, default=600, help="of each training")
    parser.add_argument("--ablations", action="store_true", help="of the paper's model, with the first seed")
    parser.add_argument("--export", type=Path, metavar="FOLDER", help="write the first seed's anchor-free locator")


def measure(arguments: argparse.Namespace) -> Result:
    torch.set_num_threads(1)  # of networks this small, more would only wait for one another
    clips = load(arguments.output / "features")
    seeds: dict[str, Any] = {}
    for seed in arguments.seeds:
        folder = arguments.output / str(seed)
        training = Composer(clips.train, Composition())
        graph = GraphTraining(steps=arguments.steps, seed=seed)
        propose = _remembered(proposer(train_actionness(training, folder / "actionness", graph), graph.proposing))
        named = _contestants(training, propose, folder, graph)
        asked = {split: _sets(getattr(clips, split), seed) for split in ("validation", "test")}
        seeds[str(seed)] = {split: _scores(named, propose, each) for split, each in asked.items()}
        seeds[str(seed)]["absent"] = {
            split: _absent(named, propose, asked[split], _sets(getattr(clips, split), seed, absent=True))
            for split in asked
        }
        seeds[str(seed)]["proposals"] = {kind: _recall(propose, each) for kind, each in asked["test"].items()}
        if seed == arguments.seeds[0]:
            ablated = _ablations(training, propose, folder, graph, asked["test"]) if arguments.ablations else {}
            if arguments.export:
                _export(named[SHIPPED], seeds[str(seed)]["absent"]["validation"], arguments.export)
    return {"clips": {split: len(getattr(clips, split)) for split in asked}, "seeds": seeds, "ablations": ablated}


def _contestants(training: Composer, propose: Proposer, folder: Path, graph: GraphTraining) -> dict[str, Contestant]:
    baseline = BaselineTraining(steps=graph.steps, seed=graph.seed)
    given: dict[str, Any] = {"steps": graph.steps, "seed": graph.seed}
    named: dict[str, Contestant] = {
        name: train(training.example, propose, folder / name.replace(" ", "-"), baseline)
        for name, train in BASELINES.items()
    }
    named["proposals by Chamfer"] = Chamfer()
    named["multi-graph (the paper)"] = Graph(training, propose, folder / "graph", graph)
    attention = dataclasses.replace(graph, fusion="attention")
    named["attention for graphs"] = Graph(training, propose, folder / "attention", attention)
    named["SPD on the semantic map"] = OnMap(training, folder / "map", MapTraining(**given))
    named[SHIPPED] = PointWise(training, folder / "anchor-free", AnchorFreeTraining(**given))
    return named


def _remembered(propose: Proposer) -> Proposer:
    """All contestants are asked for the same references."""
    known: dict[bytes, Any] = {}

    def remembered(reference: Any) -> Any:
        key = hashlib.sha256(reference.tobytes()).digest()
        if key not in known:
            known[key] = propose(reference)
        return known[key]

    return remembered


def _sets(clips: Sequence[Any], seed: int, absent: bool = False) -> Sets:
    """By kind: some queries of each label, of clips as they are."""
    plain = dataclasses.replace(Composition(), scenes=0.0, wear=(0.0, 0.0))
    random = np.random.default_rng([seed, absent])
    found: Sets = {}
    for kind, (prefix, each) in KINDS.items():
        composer = Composer(clips, plain, sorted({clip.label for clip in clips if clip.label.startswith(prefix)}))
        found[kind] = [composer.of_label(label, random, absent) for label in composer.labels for _ in range(each)]
    return found


def _scores(named: Mapping[str, Contestant], propose: Proposer, sets: Sets) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for kind, examples in sets.items():
        labels = [example.label for example in examples]
        best = {
            name: np.array([_asked(each, propose, example)[0] for example in examples]) for name, each in named.items()
        }
        found[kind] = {name: map_at_1(tious, labels, THRESHOLDS) for name, tious in best.items()}
    found["all"] = {
        name: {
            step: float(np.mean([found[kind][name][step] for kind in sets])) for step in map("{:g}".format, THRESHOLDS)
        }
        for name in named
    }
    return found


def _asked(contestant: Contestant, propose: Proposer, example: Example) -> tuple[float, float]:
    """tIoU and score of the best answer."""
    answers = contestant.locate(example.query, example.reference, propose(example.reference))
    return best_tiou(answers, example.moments), float(answers[0, 2]) if len(answers) else -np.inf


def _absent(named: Mapping[str, Contestant], propose: Proposer, there: Sets, absent: Sets) -> dict[str, Any]:
    """Half of the references hold no such moment. By kind, and contestant that is told of it: the score from which on
    one in ten of those is answered, and how many of the others are, rightly."""
    found: dict[str, Any] = {}
    for kind in there:
        examples = [*there[kind], *absent[kind]]
        present = np.arange(len(examples)) < len(there[kind])
        for name in (SHIPPED, "proposals by Chamfer", "frame level"):
            tious, scores = np.array([_asked(named[name], propose, example) for example in examples]).T
            least = float(np.quantile(scores[~present], 1 - _MOST_FALSE))
            answers = with_absent(tious, scores, present, least, _LEAST_TIOU)
            found.setdefault(kind, {})[name] = {"least_score": least, **dataclasses.asdict(answers)}
    return found


def _recall(propose: Proposer, examples: Sequence[Example]) -> dict[str, Any]:
    moments = [example.moments for example in examples]
    ways = {"TAG": propose, "sliding windows": lambda reference: _spread(sliding_windows(len(reference)))}
    found = {}
    for name, way in ways.items():
        proposals = [way(example.reference) for example in examples]
        recall = proposal_recall(proposals, moments, _COUNTS, THRESHOLDS)
        found[name] = {"proposals": float(np.mean([len(each) for each in proposals])), "recall": recall}
    return found


def _spread(windows: Any) -> Any:
    """In an order that tells nothing: else the shortest would be the first."""
    return windows[np.random.default_rng(0).permutation(len(windows))]


def _ablations(training: Composer, propose: Proposer, folder: Path, graph: GraphTraining, sets: Sets) -> dict[str, Any]:
    named: dict[str, Contestant] = {}
    for name, changed in _ABLATIONS.items():
        config = dataclasses.replace(graph, **changed)
        named[name] = Graph(training, propose, folder / ("graph" if not changed else name.replace(" ", "")), config)
    return dict(_scores(named, propose, sets)["all"])


def _export(contestant: Contestant, absent: Mapping[str, Any], folder: Path) -> None:
    """With the score from which on one in ten of the absent moments of validation is told."""
    assert isinstance(contestant, PointWise)
    least = float(np.mean([absent[kind][SHIPPED]["least_score"] for kind in absent]))
    encoder = open_clip_encoder("lite0_motion")
    export_anchor_free(contestant.network, folder, contestant.network.config, encoder.sha256, round(least, 3))


QUESTION = Question("benchmarks.relocalization", __doc__, options, measure, tables.relocalization)

if __name__ == "__main__":
    sys.exit(QUESTION.main())
