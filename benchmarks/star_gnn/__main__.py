"""One vector a video: STAR-GNN beside what has come since, among more and more distractors, and among look-alikes.

python -m benchmarks.star_gnn [--seeds 1 2 3] [--distractors 10000] [--export FOLDER] [--backbone NAME|FILE]

All contestants see the same frames. The validation split chooses what ships, the test split is what is told.
"""

from __future__ import annotations

import argparse
import dataclasses
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import fmean
from typing import Any

import numpy as np
import torch

from benchmarks.attacks.splits import SPLITS, Split
from benchmarks.harness.command import Question, Result, add_backbone
from benchmarks.star_gnn import contestants as of
from benchmarks.star_gnn import tables
from benchmarks.star_gnn.copies import distractors, make_gallery
from benchmarks.star_gnn.heads import (
    DML,
    Learned,
    Linear,
    Weighted,
    contrastive,
    distilled,
    metric,
    train,
    with_embeddings,
)
from benchmarks.star_gnn.look_alikes import load_look_alikes
from benchmarks.star_gnn.ranking import bytes_each, ranked
from benchmarks.star_gnn.videos import Clips, load
from cliptrace.models.backbones.background import Background
from cliptrace.models.backbones.registry import load_config
from cliptrace.models.backbones.whitening import Whitening
from cliptrace.models.star_gnn.clips import Clip
from cliptrace.models.star_gnn.config import CONVOLUTIONS, StarGNNTraining
from cliptrace.models.star_gnn.export import export_star_gnn
from cliptrace.models.star_gnn.inference import chosen_regions
from cliptrace.models.star_gnn.network import StarGNN
from cliptrace.models.training.config import digest
from cliptrace.schemas.config import BackboneConfig
from cliptrace.schemas.errors import UsageError

Named = dict[str, of.Contestant]

QUERY_SHARES: Mapping[str, tuple[float, float]] = {"most or all": (0.5, 1.0), "a third": (0.3, 0.35)}
"""Of a video that a query shows."""
_TEMPERATURE = 0.07
_SHRINKAGE = 0.1
_FRAME = 14
"""The row of a frame that is its embedding."""


def options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3], help="of training and of the galleries")
    parser.add_argument("--distractors", type=int, default=10000, metavar="VIDEOS")
    parser.add_argument("--steps", type=int, default=StarGNNTraining().steps, help="of each training")
    parser.add_argument(
        "--export", type=Path, metavar="FOLDER", help="write the STAR-GNN of the first seed that validation ranks best"
    )
    add_backbone(parser)


def measure(arguments: argparse.Namespace) -> Result:
    torch.set_num_threads(1)  # of products this small more threads only wait for one another
    backbone, config = load_config(arguments.backbone), StarGNNTraining(steps=arguments.steps)
    cache = arguments.output / "features"
    clips = load(backbone, cache, config.footage)
    alike = {split: load_look_alikes(split, backbone, cache, config.footage, clips.projection) for split in SPLITS}
    training = with_embeddings([*clips.train, *alike["train"]])
    counts = [count for count in (0, 100, 1000, 10000) if count <= arguments.distractors]
    of_seeds: dict[str, Named] = {}
    seeds: dict[str, Any] = {}
    for seed in map(str, arguments.seeds):
        seeded = dataclasses.replace(config, seed=int(seed))
        named = of_seeds[seed] = contestants(training, backbone, seeded, arguments.output / seed)
        seeds[seed] = {
            "validation": galleries(
                named, clips.validation, alike["validation"], clips.distractors, int(seed), counts[:3], config
            ),
            "test": galleries(named, clips.test, alike["test"], clips.distractors, int(seed), counts, config),
        }
    first = str(arguments.seeds[0])
    shipped = best_star_gnn(seeds)
    if arguments.export:
        learned = of_seeds[first][shipped]
        assert isinstance(learned, Learned)
        network = learned.network
        assert isinstance(network, StarGNN)
        export_star_gnn(network, clips.projection, arguments.export, network.config, backbone)
    ablated = ablations(clips, alike, dataclasses.replace(config, seed=int(first)), arguments.output, counts[:3])
    sizes = make_gallery(with_embeddings(clips.test), config.copies, 1, QUERY_SHARES["most or all"]).videos
    return {
        "videos": {name: len(getattr(clips, name)) for name in ("train", "validation", "test", "distractors")},
        "look_alikes": {split: len(its) // 2 for split, its in alike.items()},
        "bytes": {name: bytes_each(each, sizes) for name, each in of_seeds[first].items()},
        "star_gnn": shipped,
        "seeds": seeds,
        "ablations": ablated,
    }


def best_star_gnn(seeds: Mapping[str, Any]) -> str:
    """By validation, among the most distractors there."""
    shares = [seed["validation"]["most or all"] for seed in seeds.values()]

    def precision(name: str) -> float:
        return fmean(list(share[name].values())[-1] for share in shares)

    return max((name for name in shares[0] if name.startswith("STAR-GNN")), key=precision)


def galleries(
    named: Named,
    clips: Sequence[Clip],
    alike: Sequence[Clip],
    others: Sequence[Clip],
    seed: int,
    counts: Sequence[int],
    config: StarGNNTraining,
) -> dict[str, dict[str, dict[str, float]]]:
    """By the share of a video that is asked for: mAP of each contestant by number of distractors. And of look-alikes,
    with no distractors but one another."""
    found = {}
    for name, share in QUERY_SHARES.items():
        gallery = make_gallery(with_embeddings(clips), config.copies, seed, share)
        asked = counts if name == "most or all" else counts[:3]
        found[name] = ranked(named, gallery, distractors(with_embeddings(others), asked[-1], seed), asked)
    gallery = make_gallery(with_embeddings(alike), config.copies, seed, QUERY_SHARES["most or all"])
    return found | {tables.AMONG_LOOK_ALIKES: ranked(named, gallery, [], [0])}


def contestants(training: Sequence[Clip], backbone: BackboneConfig, config: StarGNNTraining, output: Path) -> Named:
    """All of them, trained where they learn."""
    dimension = training[0].embeddings.shape[2]
    if (background := Background.of(backbone)) is None:
        raise UsageError(f"{backbone.name} has no background set; use one that has")
    rows = np.concatenate([clip.embeddings.astype(np.float32).mean(axis=1) for clip in training])
    whitening = Whitening.fit(rows / np.linalg.norm(rows, axis=1, keepdims=True), dimension, _SHRINKAGE)
    a_part = round(4 * config.footage.per_second)
    named: Named = {
        "random": of.Random(dimension, config.seed),
        "mean": of.Pooled(of.mean),
        "mean, whitened": of.Whitened(of.mean, whitening),
        "MAC": of.Pooled(of.mac),
        "R-MAC": of.Pooled(of.rmac),
        "mean of what is distinctive": of.Distinctive(background),
        "MUVERA": of.FixedDimensional(3, 4, 64, dimension, dimension),
        "MUVERA, unabridged": of.FixedDimensional(4, 8, 64, 0, dimension),
        "parts of 4 s": of.InParts(of.Pooled(of.mean), a_part),
        "all frames (Chamfer)": of.Pooled(of.frames),
    }
    heads: dict[str, tuple[torch.nn.Module, Sequence[int], Any]] = {
        "DML": (DML(dimension), [_FRAME], metric(config)),
        "linear, triplet": (Linear(dimension), [_FRAME], metric(config)),
        "linear, InfoNCE": (Linear(dimension), [_FRAME], contrastive(_TEMPERATURE)),
        "learned weights": (Weighted(dimension), [_FRAME], metric(config)),
        "distilled from frames": (Linear(dimension), [_FRAME], distilled),
    }
    for name, (network, regions, loss) in heads.items():
        torch.manual_seed(config.seed)
        named[name] = train(network, training, regions, output / name, config, loss)
    for convolution in CONVOLUTIONS:
        for kind in ("triplet", "contrastive"):
            wanted = dataclasses.replace(config, convolution=convolution, loss=kind)
            named[f"STAR-GNN, {convolution}, {kind}"] = star_gnn(training, wanted, output)
    named["parts of 4 s, distilled STAR-GNN"] = of.InParts(of_parts(training, config, a_part, output), a_part)
    return named


def star_gnn(clips: Sequence[Clip], config: StarGNNTraining, output: Path) -> Learned:
    """Trained once, whoever asks. output: folder of all that have this seed."""
    torch.manual_seed(config.seed)
    network = StarGNN(clips[0].nodes.shape[3], config)
    return train(network, clips, chosen_regions(config.scales), output / digest(config)[:12], config, metric(config))


def of_parts(clips: Sequence[Clip], config: StarGNNTraining, frames: int, output: Path) -> Learned:
    """STAR-GNN of so many frames, which shall be as near as theirs are."""
    torch.manual_seed(config.seed)
    config = dataclasses.replace(config, copies=dataclasses.replace(config.copies, frames=frames))
    network, regions = StarGNN(clips[0].nodes.shape[3], config), list(chosen_regions(config.scales))
    learned = train(network, clips, [*regions, _FRAME], output / "distilled parts", config, distilled)
    return dataclasses.replace(learned, regions=regions)


def ablations(
    clips: Clips, alike: Mapping[Split, Sequence[Clip]], config: StarGNNTraining, output: Path, counts: Sequence[int]
) -> Result:
    """Tables 2, 3 and 4 of the paper, of the layer that it has them of; and what the one that ships learns from. On the
    test split."""
    edited, all_of_it = with_embeddings(clips.train), with_embeddings([*clips.train, *alike["train"]])
    no_natural = dataclasses.replace(config, copies=dataclasses.replace(config.copies, natural=0.0))
    of_paper = dataclasses.replace(config, convolution="cluster_gcn")
    asked: dict[str, dict[str, tuple[Sequence[Clip], StarGNNTraining]]] = {
        tables.LEARNED_FROM: {
            "edited copies, other moments": (edited, no_natural),
            "these and natural copies": (edited, config),
            "these and look-alikes": (all_of_it, no_natural),
            "all of these": (all_of_it, config),
        },
        "regions": {
            str(scales): (all_of_it, dataclasses.replace(of_paper, scales=scales))
            for scales in ((1,), (2,), (3,), config.scales)
        },
        "weights": {
            str(weighted): (all_of_it, dataclasses.replace(of_paper, weighted=weighted)) for weighted in (True, False)
        },
        "training share": {
            str(share): (edited, dataclasses.replace(of_paper, share=share)) for share in (0.1, 0.2, 0.5, 0.7, 1.0)
        },
        "aggregation": {each: (all_of_it, dataclasses.replace(of_paper, aggregation=each)) for each in ("mean", "max")},
    }
    galleries = {
        of: make_gallery(with_embeddings(its), config.copies, config.seed, QUERY_SHARES["most or all"])
        for of, its in (("test", clips.test), (tables.AMONG_LOOK_ALIKES, alike["test"]))
    }
    found = {}
    for table, rows in asked.items():
        named = {}
        for name, (training, row) in rows.items():
            folder = output / str(config.seed) / ("edited" if training is edited else "")
            named[name] = star_gnn(training, row, folder)
        others = distractors(with_embeddings(clips.distractors), counts[-1], config.seed)
        far = ranked(named, galleries["test"], others, counts)
        near = ranked(named, galleries[tables.AMONG_LOOK_ALIKES], [], [0])
        found[table] = {name: far[name] | {tables.AMONG_LOOK_ALIKES: near[name]["0"]} for name in rows}
    return found


QUESTION = Question("benchmarks.star_gnn", __doc__, options, measure, tables.star_gnn)

if __name__ == "__main__":
    sys.exit(QUESTION.main())
