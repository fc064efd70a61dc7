"""What a backbone is worth to the product: segments found with its keyframes, 2 a second, and the temporal network;
with and without its background set.

Settings are tuned on the validation split for each backbone and seed; the test split is looked at once.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from benchmarks.alignment.measures import as_shipped, measure, per_edit
from benchmarks.alignment.methods import END_TO_END_GRID, Grid, above
from benchmarks.alignment.pairs import Bench, as_truth, make_bench
from benchmarks.alignment.tuning import Trial, Tuner
from benchmarks.attacks.build import Dataset
from benchmarks.harness.features import Keyframes
from cliptrace.models.backbones.background import Background
from cliptrace.transforms.matching import MatchConfig

Embed = Callable[[Sequence[Path], tuple[str, ...]], dict[Path, Keyframes]]


@dataclasses.dataclass(frozen=True, slots=True)
class Variant:
    """embed: paths and the names of views → keyframes. views: of queries. background: None for plain similarities.

    product: the settings that ``cliptrace match`` would use; None where it would not match like this.
    """

    embed: Embed
    views: tuple[str, ...]
    background: Background | None
    product: MatchConfig | None = None

    def bench(self, dataset: Dataset) -> Bench:
        queries = self.embed(sorted(dataset.queries.iterdir()), self.views)
        gallery = self.embed(sorted(dataset.gallery.iterdir()), ())
        asked, known = ({path.name: video for path, video in videos.items()} for videos in (queries, gallery))
        return make_bench(asked, known, as_truth(dataset.truth()), self.background)


def measure_end_to_end(
    variant: Variant, validation: Dataset, test: Dataset, grid: Grid = END_TO_END_GRID
) -> dict[str, Any]:
    """One seed. tuned, shipped: figures. edits: recall_by_edit, tuned."""
    chosen_on, bench = variant.bench(validation), variant.bench(test)
    with Tuner(chosen_on) as tuner:
        trial = tuner.tune("tn", grid)
    return {
        "tuned": figures(trial, bench),
        "shipped": figures(as_shipped(variant.product, chosen_on), bench) if variant.product else None,
        "edits": recall_by_edit(trial, bench, test),
    }


def recall_by_edit(trial: Trial, bench: Bench, dataset: Dataset) -> dict[str, Any]:
    """VCDB recall of the segments that each edit was done to, by severity and "all"."""
    rows = per_edit(above(trial.method.run(bench), trial.min_score), bench.truth, dataset.sidecar())
    return {
        edit: {column: cell["vcdb_recall"] for column, cell in row.items() if cell["segments"]}
        for edit, row in rows.items()
    }


def figures(trial: Trial, test: Bench) -> dict[str, Any]:
    measured = measure(trial, test)
    return {
        "vcsl_f1": measured["vcsl"]["f1"],
        "vcdb_f1": measured["vcdb"]["f1"],
        "segment_ap": measured["segment_ap"],
        "mean_average_precision": measured["mean_average_precision"],
        "validation_vcsl_f1": trial.f1,
        "min_score": trial.min_score,
        "settings": dict(trial.method.settings),
    }
