"""One vector a video: STAR-GNN beside what has come since, among more and more distractors.

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
    clips = load(backbone, arguments.output / "features", config.footage)
    counts = [count for count in (0, 100, 1000, 10000) if count <= arguments.distractors]
    of_seeds: dict[str, Named] = {}
    seeds: dict[str, Any] = {}
    for seed in map(str, arguments.seeds):
        seeded = dataclasses.replace(config, seed=int(seed))
        named = of_seeds[seed] = contestants(clips, backbone, seeded, arguments.output / seed)
        seeds[seed] = {
            "validation": galleries(named, clips.validation, clips.distractors, int(seed), counts[:3], config),
            "test": galleries(named, clips.test, clips.distractors, int(seed), counts, config),
        }
    first = str(arguments.seeds[0])
    shipped = best_star_gnn(seeds)
    if arguments.export:
        learned = of_seeds[first][shipped]
        assert isinstance(learned, Learned)
        network = learned.network
        assert isinstance(network, StarGNN)
        export_star_gnn(network, clips.projection, arguments.export, network.config, backbone)
    ablated = ablations(clips, dataclasses.replace(config, seed=int(first)), arguments.output, counts[:3])
    sizes = make_gallery(with_embeddings(clips.test), config.copies, 1, QUERY_SHARES["most or all"]).videos
    return {
        "videos": {name: len(getattr(clips, name)) for name in ("train", "validation", "test", "distractors")},
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
    others: Sequence[Clip],
    seed: int,
    counts: Sequence[int],
    config: StarGNNTraining,
) -> dict[str, dict[str, dict[str, float]]]:
    """By the share of a video that is asked for: mAP of each contestant by number of distractors."""
    found = {}
    for name, share in QUERY_SHARES.items():
        gallery = make_gallery(with_embeddings(clips), config.copies, seed, share)
        asked = counts if name == "most or all" else counts[:3]
        found[name] = ranked(named, gallery, distractors(with_embeddings(others), asked[-1], seed), asked)
    return found


def contestants(clips: Clips, backbone: BackboneConfig, config: StarGNNTraining, output: Path) -> Named:
    """All of them, trained where they learn."""
    training = with_embeddings(clips.train)
    dimension = training[0].embeddings.shape[2]
    if (background := Background.of(backbone)) is None:
        raise UsageError(f"{backbone.name} has no background set; use one that has")
    rows = np.concatenate([clip.embeddings.astype(np.float32).mean(axis=1) for clip in training])
    whitening = Whitening.fit(rows / np.linalg.norm(rows, axis=1, keepdims=True), dimension, _SHRINKAGE)
    named: Named = {
        "random": of.Random(dimension, config.seed),
        "mean": of.Pooled(of.mean),
        "mean, whitened": of.Whitened(of.mean, whitening),
        "MAC": of.Pooled(of.mac),
        "R-MAC": of.Pooled(of.rmac),
        "mean of what is distinctive": of.Distinctive(background),
        "MUVERA": of.FixedDimensional(3, 4, 64, dimension, dimension),
        "MUVERA, unabridged": of.FixedDimensional(4, 8, 64, 0, dimension),
        "parts of 4 s": of.Parts(round(4 * config.footage.per_second)),
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
    return named


def star_gnn(clips: Sequence[Clip], config: StarGNNTraining, output: Path) -> Learned:
    """Trained once, whoever asks. output: folder of all that have this seed."""
    torch.manual_seed(config.seed)
    network = StarGNN(clips[0].nodes.shape[3], config)
    return train(network, clips, chosen_regions(config.scales), output / digest(config)[:12], config, metric(config))


def ablations(clips: Clips, config: StarGNNTraining, output: Path, counts: Sequence[int]) -> Result:
    """Tables 2, 3 and 4 of the paper, of the layer that it has them of, on the test split."""
    training, config = with_embeddings(clips.train), dataclasses.replace(config, convolution="cluster_gcn")
    asked: dict[str, dict[str, StarGNNTraining]] = {
        "regions": {
            str(scales): dataclasses.replace(config, scales=scales) for scales in ((1,), (2,), (3,), config.scales)
        },
        "weights": {str(weighted): dataclasses.replace(config, weighted=weighted) for weighted in (True, False)},
        "training share": {str(share): dataclasses.replace(config, share=share) for share in (0.1, 0.2, 0.5, 0.7, 1.0)},
        "aggregation": {each: dataclasses.replace(config, aggregation=each) for each in ("mean", "max")},
    }
    gallery = make_gallery(with_embeddings(clips.test), config.copies, config.seed, QUERY_SHARES["most or all"])
    found = {}
    for table, rows in asked.items():
        named = {name: star_gnn(training, row, output / str(config.seed)) for name, row in rows.items()}
        others = distractors(with_embeddings(clips.distractors), counts[-1], config.seed)
        found[table] = ranked(named, gallery, others, counts)
    return found


QUESTION = Question("benchmarks.star_gnn", __doc__, options, measure, tables.star_gnn)

if __name__ == "__main__":
    sys.exit(QUESTION.main())
