"""The figures of the copy bench as tables for a terminal."""

from __future__ import annotations

from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks.attacks.edits import SEVERITIES
from benchmarks.environment import describe

Result = dict[str, Any]


def show(result: Result) -> None:
    """Everything that was measured, no wider than 120 columns."""
    console = Console(width=120, highlight=False)
    for table in (_methods(result), _settings(result), _edits(result)):
        console.print(table)
    console.print(describe(result))
    console.print(result["command"])


def _methods(result: Result) -> Table:
    data = result["data"]
    rows, columns = data["median_map"]
    table = Table(
        title=f"Copies found on the test split: {data['test']['segments']} segments, {data['candidate_pairs']} "
        f"candidate pairs (with {_share(data['candidate_recall'])} of the true), maps about {rows:.0f} by {columns:.0f}"
    )
    table.add_column("method")
    for column in ("VCSL P", "R", "F1", "VCDB F1", "AP", "mAP", "border mean s", "median s", "ms a map", "F1 valid."):
        table.add_column(column, justify="right")
    for name, row in result["methods"].items():
        border = row["boundary_error"]
        table.add_row(
            name,
            *(_share(row["vcsl"][part]) for part in ("precision", "recall", "f1")),
            *(_share(share) for share in (row["vcdb"]["f1"], row["segment_ap"], row["mean_average_precision"])),
            *((f"{border['mean_s']:.2f}", f"{border['median_s']:.2f}") if border else ("-", "-")),
            f"{row['milliseconds_a_map']:.2f}" if row["milliseconds_a_map"] is not None else "-",
            _share(row["validation_vcsl_f1"]),
        )
    return table


def _settings(result: Result) -> Table:
    tuned_among = f"{result['data']['tuned_among']:,} strangers"
    table = Table(title=f"Settings chosen on the validation split, among {tuned_among}; others are the defaults")
    for column in ("method", "min_score", "settings"):
        table.add_column(column)
    for name, row in result["methods"].items():
        settings = ", ".join(f"{key} {value:g}" for key, value in row["settings"].items())
        table.add_row(name, f"{row['min_score']:.2f}", settings)
    return table


def _edits(result: Result) -> Table:
    best, others = result["best"], [name for name in result["per_edit"] if name != result["best"]]
    table = Table(title="Recall of segments by edit: hit on both sides (VCDB), of how many; s: of seconds (VCSL)")
    table.add_column("edit")
    for column in (*(f"{best} {severity}" for severity in SEVERITIES), f"{best} all", f"{best} s", *others):
        table.add_column(column, justify="right")
    for edit, row in result["per_edit"][best].items():
        cells = (
            f"{row[column]['vcdb_recall']:.2f} of {row[column]['segments']:>2}" if row[column]["segments"] else "-"
            for column in (*SEVERITIES, "all")
        )
        elsewhere = (f"{result['per_edit'][name][edit]['all']['vcdb_recall']:.2f}" for name in others)
        table.add_row(edit, *cells, f"{row['all']['vcsl_recall']:.2f}", *elsewhere)
    return table


def _share(value: float) -> str:
    return f"{value:.3f}"
