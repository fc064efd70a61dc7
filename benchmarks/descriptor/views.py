"""What the query-side views of ``cliptrace match --views`` find, and what they cost: each kind, some together, all.

python -m benchmarks.descriptor.views [--backbone NAME|FILE] [--seeds 1 2 3]

OUTPUT/attacks, OUTPUT/features   as benchmarks.descriptor has them; all views of a query are embedded once

All with the settings that ship. The validation split is there to choose by.
"""

from __future__ import annotations

import argparse
import sys
import time
from statistics import median

import numpy as np

from benchmarks.alignment.measures import as_shipped
from benchmarks.attacks.build import Dataset, build
from benchmarks.attacks.splits import find_footage
from benchmarks.descriptor import tables
from benchmarks.descriptor.contestants import Network
from benchmarks.descriptor.end_to_end import Variant, figures, recall_by_edit
from benchmarks.descriptor.frame_cost import BATCH, REPETITIONS, one_core
from benchmarks.harness.command import Question, Result, add_backbone, add_seeds
from benchmarks.harness.seeds import spread
from cliptrace.models.backbones.background import Background
from cliptrace.models.backbones.registry import Embedder, load_config
from cliptrace.models.views import embed_views, view_count
from cliptrace.schemas.config import QUERY_VIEWS, BackboneConfig
from cliptrace.transforms.matching import MatchConfig

CHOICES: tuple[tuple[str, ...], ...] = (
    (),
    *((name,) for name in QUERY_VIEWS),
    ("turns", "halves"),
    ("mirror", "turns", "halves"),
    QUERY_VIEWS,
)


def options(parser: argparse.ArgumentParser) -> None:
    add_backbone(parser)
    add_seeds(parser)


def measure(arguments: argparse.Namespace) -> Result:
    backbone, footage = load_config(arguments.backbone), find_footage()
    network = Network(backbone, (), arguments.output / "features")
    splits: dict[str, list[Dataset]] = {
        split: [
            build(split, arguments.output / "attacks" / f"{split}-{seed}", seed, arguments.queries, footage)
            for seed in arguments.seeds
        ]
        for split in ("validation", "test")
    }
    took = milliseconds(backbone)
    product, background = MatchConfig.suited_to(backbone), Background.of(backbone)
    rows: dict[str, Result] = {}
    for views in CHOICES:
        variant = Variant(network.keyframes, views, background)
        seeds = [_measure(variant, product, *both) for both in zip(splits["validation"], splits["test"], strict=True)]
        rows["+".join(views) or "none"] = {
            "embeddings": view_count(views),
            "milliseconds": took[views],
            **spread(seeds),
        }
    return {
        "data": {"backbone": backbone.name},
        "rows": rows,
    }


def _measure(variant: Variant, product: MatchConfig, validation: Dataset, test: Dataset) -> Result:
    trial, bench = as_shipped(product, variant.bench(validation)), variant.bench(test)
    return {**figures(trial, bench), "edits": recall_by_edit(trial, bench, test)}


def milliseconds(backbone: BackboneConfig, repetitions: int = REPETITIONS) -> dict[tuple[str, ...], float]:
    """Choice → milliseconds to embed one keyframe of a query on one core, the choices taking turns; medians."""
    embedder = Embedder.open(backbone)
    shape = (BATCH, backbone.input_size, backbone.input_size, 3)
    frames = np.random.default_rng(1).integers(0, 256, shape, np.uint8)
    took: dict[tuple[str, ...], list[float]] = {views: [] for views in CHOICES}
    with one_core():
        for _ in range(repetitions):
            for views, times in took.items():
                started = time.perf_counter()
                embed_views(embedder.embed, frames, views)
                times.append(1000 * (time.perf_counter() - started) / BATCH)
    return {views: median(times) for views, times in took.items()}


QUESTION = Question("benchmarks.descriptor.views", __doc__, options, measure, tables.views)

if __name__ == "__main__":
    sys.exit(QUESTION.main())
