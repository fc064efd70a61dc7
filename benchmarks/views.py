"""What the query-side views of ``cliptrace match --views`` find, and what they cost: each kind, some together, all.

python -m benchmarks.views [--backbone NAME|FILE] [--seeds 1 2 3]

OUTPUT/attacks, OUTPUT/features   as benchmarks.descriptor has them; all views of a query are embedded once
OUTPUT/views.json                 what is printed, and the environment it was measured in

All with the settings that ship. The validation split is there to choose by.
"""

from __future__ import annotations

import argparse
import shlex
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from rich.table import Table

from benchmarks.attacks.build import Dataset, build
from benchmarks.attacks.edits import EDITS
from benchmarks.attacks.splits import find_footage
from benchmarks.contestants import Network
from benchmarks.copies import as_shipped
from benchmarks.end_to_end import Variant, figures, recall_by_edit
from benchmarks.environment import environment
from benchmarks.frame_cost import BATCH, REPETITIONS, one_core
from benchmarks.report import save, show, table
from benchmarks.seeds import shown, spread
from cliptrace.models.backbones.background import Background
from cliptrace.models.backbones.registry import Embedder, load_config
from cliptrace.models.views import embed_views, view_count
from cliptrace.schemas.config import DEFAULT_BACKBONE, QUERY_VIEWS, BackboneConfig
from cliptrace.schemas.errors import CliptraceError, UsageError
from cliptrace.transforms.matching import MatchConfig

Result = dict[str, Any]
CHOICES: tuple[tuple[str, ...], ...] = (
    (),
    *((name,) for name in QUERY_VIEWS),
    ("turns", "halves"),
    ("mirror", "turns", "halves"),
    QUERY_VIEWS,
)


def run(arguments: argparse.Namespace, command: str) -> Result:
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
        **environment(command, arguments.seeds[0]),
        "seed": arguments.seeds,
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


def tables(result: Result) -> Iterator[Table]:
    rows = result["rows"]
    yield table(
        f"query-side views with {result['data']['backbone']}, settings as shipped",
        ("views", "embeddings", "ms a keyframe", "valid. F1", "VCSL F1", "VCDB F1", "segment AP", "mAP"),
        [
            (
                name,
                row["embeddings"],
                f"{row['milliseconds']:.1f}",
                *(shown(row[key]) for key in ("validation_vcsl_f1", "vcsl_f1", "vcdb_f1", "segment_ap")),
                shown(row["mean_average_precision"]),
            )
            for name, row in rows.items()
        ],
    )
    yield table(
        "VCDB recall by edit",
        ("edit", *rows),
        [(edit, *(shown(row["edits"].get(edit, {}).get("all"), 2) for row in rows.values())) for edit in EDITS],
    )


def main(argv: Sequence[str] | None = None) -> int:
    given = sys.argv[1:] if argv is None else argv
    parser = argparse.ArgumentParser(prog="benchmarks.views", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--backbone", default=DEFAULT_BACKBONE, metavar="NAME|FILE")
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3], help="of the attack benches")
    parser.add_argument("--queries", type=int, default=120, help="of each bench; 15 of 100 hold no copy")
    parser.add_argument("--output", type=Path, default=Path("bench-out"))
    try:
        arguments = parser.parse_args(given)
        result = run(arguments, f"python -m benchmarks.views {shlex.join(given)}".strip())
    except CliptraceError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2 if isinstance(error, UsageError) else 1
    save(result, arguments.output / "views.json")
    show(tables(result), result)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
