"""The tables that benchmarks.ssan prints."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich.table import Table

from benchmarks.report import table
from benchmarks.seeds import shown


def tables(result: Mapping[str, Any]) -> list[Table]:
    made = []
    for choice, methods in result["aligners"].items():
        lines = [
            (
                name,
                *(shown(row["vcsl"][part]) for part in ("precision", "recall", "f1")),
                *(shown(row[figure]) for figure in ("segment_ap", "mean_average_precision")),
                shown(row["vcdb"]["f1"]),
                shown(row["boundary_error"] and row["boundary_error"]["mean_s"], 2),
                shown(row["milliseconds_a_map"], 2),
            )
            for name, row in methods.items()
        ]
        columns = ("", "VCSL P", "R", "F1", "segment AP", "mAP", "VCDB F1", "boundary s", "ms a map")
        made.append(table(f"Aligners on identical maps: {choice}", columns, lines))
    made.append(
        table(
            "Keyframes, SPD on their maps",
            ("", "stored", "MB an hour", "s away", "VCSL F1", "VCDB F1", "segment AP", "boundary s"),
            [
                (
                    name,
                    shown(row["stored"]),
                    shown(row["megabytes_an_hour"], 2),
                    shown(row["away_s"], 2),
                    shown(row["vcsl"]["f1"]),
                    shown(row["vcdb"]["f1"]),
                    shown(row["segment_ap"]),
                    shown(row["boundary_error"] and row["boundary_error"]["mean_s"], 2),
                )
                for name, row in result["keyframes"].items()
            ],
        )
    )
    counts = list(next(iter(result["strangers"].values())))
    made.append(
        table(
            "VCSL F1 among so many strangers",
            ("", *counts),
            [(name, *(shown(row[count]["f1"]) for count in counts)) for name, row in result["strangers"].items()],
        )
    )
    made.append(
        table(
            "Strangers that share an intro: share of the pairs that are matched for it",
            ("", "without stop-list", "with stop-list"),
            [
                (f"{kind}, {aligner}", *(f"{ways[f'{way} stop-list']:.2f}" for way in ("without", "with")))
                for kind, aligners in result["intros"].items()
                for aligner, ways in aligners.items()
            ],
        )
    )
    figures = list(next(iter(result["program"].values())))
    made.append(
        table(
            "Through cliptrace index, match and evaluate, and in process; first seed",
            ("", *figures),
            [(name, *(f"{row[figure]:.4f}" for figure in figures)) for name, row in result["program"].items()],
        )
    )
    return made
