"""What a backbone is worth to the product: segments found with its keyframes, 2 a second, and the temporal network;
with and without its background set, with and without query-side views.

Settings are tuned on the validation split for each backbone and seed; the test split is looked at once.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from benchmarks.attacks.build import Dataset
from benchmarks.copies import measure, per_edit
from benchmarks.features import Keyframes
from benchmarks.methods import END_TO_END_GRID, Grid, above
from benchmarks.pairs import Bench, as_truth, make_bench
from benchmarks.tuning import Tuner
from models.backbones.background import Background

Embed = Callable[[Sequence[Path], tuple[str, ...]], dict[Path, Keyframes]]


@dataclasses.dataclass(frozen=True, slots=True)
class Variant:
    """embed: paths and the names of views → keyframes. views: of queries. background: None for plain similarities."""

    embed: Embed
    views: tuple[str, ...]
    background: Background | None

    def bench(self, dataset: Dataset) -> Bench:
        queries = self.embed(sorted(dataset.queries.iterdir()), self.views)
        gallery = self.embed(sorted(dataset.gallery.iterdir()), ())
        named = ({path.name: video for path, video in videos.items()} for videos in (queries, gallery))
        return make_bench(*named, as_truth(dataset.truth()), self.background)


def measure_end_to_end(
    variant: Variant, validation: Dataset, test: Dataset, grid: Grid = END_TO_END_GRID
) -> dict[str, Any]:
    """One seed. edits: VCDB recall of the segments that each edit was done to, by severity and "all"."""
    with Tuner(variant.bench(validation)) as tuner:
        trial = tuner.tune("tn", grid)
    bench = variant.bench(test)
    figures = measure(trial, bench)
    found = above(trial.method.run(bench), trial.min_score)
    edits = per_edit(found, bench.truth, test.sidecar())
    return {
        "vcsl_f1": figures["vcsl"]["f1"],
        "vcdb_f1": figures["vcdb"]["f1"],
        "segment_ap": figures["segment_ap"],
        "mean_average_precision": figures["mean_average_precision"],
        "validation_vcsl_f1": trial.f1,
        "min_score": trial.min_score,
        "settings": dict(trial.method.settings),
        "edits": {
            edit: {column: cell["vcdb_recall"] for column, cell in row.items() if cell["segments"]}
            for edit, row in edits.items()
        },
    }
