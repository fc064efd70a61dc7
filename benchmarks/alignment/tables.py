"""What the copy bench found, as tables."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from benchmarks.attacks.edits import SEVERITIES
from benchmarks.harness.tables import Table

Result = dict[str, Any]


def alignment(result: Result) -> Iterator[Table]:
    data, best = result["data"], result["best"]
    test, others = data["test"], [name for name in result["per_edit"] if name != best]
    yield Table(
        f"The attack bench: edits made by ffmpeg from real footage, with exact truth; frames embedded by "
        f"{data['backbone']}. Every aligner is tuned on the validation split, among {data['tuned_among']:,} "
        f"distractors, and measured once on the test split: {test['segments']} copied segments, {test['gallery']} "
        f"gallery videos, {test['seconds'] / 60:.0f} minutes of queries.",
        ("", "VCSL P", "R", "F1", "VCDB F1", "segment AP", "mAP", "boundary s, mean / median", "ms a map"),
        [(name, *_method(row)) for name, row in result["methods"].items()],
    )
    yield Table(
        "Settings chosen on the validation split; others are the defaults:",
        ("", "VCSL F1 there", "min_score", "settings"),
        [
            (
                name,
                f"{row['validation_vcsl_f1']:.3f}",
                f"{row['min_score']:.2f}",
                ", ".join(f"{key} {value:g}" for key, value in row["settings"].items()),
            )
            for name, row in result["methods"].items()
        ],
        detail=True,
    )
    for what, of in (("edit", result["per_edit"]), ("length of the copy", result["per_length"])):
        yield Table(
            f"Segments hit on both sides (VCDB recall) by {what}, as tuned and as shipped, {best} by severity:",
            ("", *(f"{best} {severity}" for severity in SEVERITIES), f"{best} all", *others),
            [
                (
                    name.replace("_", " "),
                    *(_recalled(row[column]) for column in (*SEVERITIES, "all")),
                    *(f"{of[other][name]['all']['vcdb_recall']:.2f}" for other in others),
                )
                for name, row in of[best].items()
            ],
        )


def _method(row: Result) -> Iterator[str]:
    vcsl, border, took = row["vcsl"], row["boundary_error"], row["milliseconds_a_map"]
    shares = (vcsl["precision"], vcsl["recall"], vcsl["f1"], row["vcdb"]["f1"])
    yield from (f"{share:.3f}" for share in (*shares, row["segment_ap"], row["mean_average_precision"]))
    yield f"{border['mean_s']:.2f} / {border['median_s']:.2f}" if border else "-"
    yield "" if took is None else f"{took:.2f}"


def _recalled(cell: Result) -> str:
    return f"{cell['vcdb_recall']:.2f} of {cell['segments']}" if cell["segments"] else ""
