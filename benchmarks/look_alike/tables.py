"""The look-alike bench's tables, for a terminal and for documents."""

from __future__ import annotations

from typing import Any

from rich.table import Table

from benchmarks.look_alike.metrics import ALL, SCORES
from benchmarks.report import markdown, table

Result = dict[str, Any]
Columns = tuple[str, ...]
Rows = list[Columns]


def by_kind(result: Result) -> tuple[Columns, Rows]:
    names = list(result["thresholds"])
    columns = ("", "copies", "strangers", *(f"P/R ≥ {score:g}" for score in SCORES))
    columns = (*columns, *(f"claimed, {name}" for name in names), "calibration gap")
    rows: Rows = []
    for kind, row in result["kinds"].items():
        at = (row["at"][f"{score:g}"] for score in SCORES)
        claimed = (f"{row['strangers_claimed'][name]} of {row['strangers']}" for name in names)
        shares = (f"{_share(each['precision'])}/{_share(each['recall'])}" for each in at)
        rows.append(
            (
                kind,
                str(row["copies"]),
                str(row["strangers"]),
                *shares,
                *claimed,
                _share(row["expected_calibration_error"], 3),
            )
        )
    return columns, sorted(rows, key=lambda row: row[0] != ALL)


def reliability(result: Result) -> tuple[Columns, Rows]:
    rows: Rows = [(f"{row['findings']}", f"{row['score']:.2f}", f"{row['right']:.2f}") for row in result["reliability"]]
    return ("segments", "mean score", "right"), rows


def tables(result: Result) -> list[Table]:
    counts = result["data"]["counts"]
    title = f"{counts['references']} references ({result['split']} split), each with a stranger that looks like it"
    return [table(title, *by_kind(result)), table("What scores mean among look-alikes", *reliability(result))]


def section(result: Result) -> str:
    counts, at = result["data"]["counts"], result["thresholds"]
    return (
        f"### Look-alikes\n\n{counts['references']} references, {counts['queries']['copy']} copies of them, and for "
        "each reference a stranger that looks like it: the same camera or room at another time, screens and captions "
        f"of one design with other words, two matches of one game ({result['split']} split; no source and no design "
        "is in two splits). Asked with `cliptrace match`; a claim is right that names a copy's own reference with an "
        f"IoU of half on both sides. By default matches are reported from {at['match']:g} on, and duplicates from "
        f"{at['dedup']:g}; claimed are the strangers of whom either says so. P/R: precision and recall from a "
        "score on; the calibration gap is the expected calibration error.\n\n"
        + markdown(*by_kind(result))
        + "\nOf segments of each score, how much is right:\n\n"
        + markdown(*reliability(result))
    )


def _share(value: float | None, digits: int = 2) -> str:
    return "–" if value is None else f"{value:.{digits}f}"
