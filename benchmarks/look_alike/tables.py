"""What the look-alike bench found, as tables."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from benchmarks.harness.tables import Table
from benchmarks.look_alike.metrics import ALL, SCORES

Result = dict[str, Any]


def look_alike(result: Result) -> Iterator[Table]:
    counts, at = result["data"]["counts"], result["thresholds"]
    yield Table(
        f"{counts['references']} references, {counts['queries']['copy']} copies, and for each reference a video "
        "that only looks like it: the same camera or room at another time, screens and captions of one design with "
        f"other words, two matches of one game ({result['split']} split; no source and no design is in two splits). "
        "Asked with `cliptrace match`; a claim is right that names a copy's own reference with an IoU of half on both "
        f"sides. By default matches are reported from {at['match']:g} on, and duplicates from {at['dedup']:g}; claimed "
        "are the look-alikes of whom either says so. P/R: precision and recall from a score on; the calibration gap is "
        "the expected calibration error.",
        (
            *("", "copies", "look-alikes", *(f"P/R ≥ {score:g}" for score in SCORES)),
            *(*(f"claimed, {name}" for name in at), "calibration gap"),
        ),
        sorted((_kind(kind, row) for kind, row in result["kinds"].items()), key=lambda row: row[0] != ALL),
    )
    yield Table(
        "Of segments of each score, how much is right:",
        ("segments", "mean score", "right"),
        [(row["findings"], f"{row['score']:.2f}", f"{row['right']:.2f}") for row in result["reliability"]],
    )
    retrieval = result["retrieval"]
    yield Table(
        "Over all, by what names the videos that a query is compared with (`--retrieval`):",
        ("", *(f"P/R ≥ {score:g}" for score in SCORES), *(f"claimed, {name}" for name in at), "calibration gap"),
        [(name, *_figures(row)) for name, row in retrieval.items()],
    )


def _kind(kind: str, row: Result) -> tuple[str, ...]:
    return (kind, str(row["copies"]), str(row["look_alikes"]), *_figures(row))


def _figures(row: Result) -> tuple[str, ...]:
    at = (row["at"][f"{score:g}"] for score in SCORES)
    return (
        *(f"{_share(each['precision'])}/{_share(each['recall'])}" for each in at),
        *(f"{claimed} of {row['look_alikes']}" for claimed in row["look_alikes_claimed"].values()),
        _share(row["expected_calibration_error"], 3),
    )


def _share(value: float | None, digits: int = 2) -> str:
    return "–" if value is None else f"{value:.{digits}f}"
