"""The figures of the descriptor bench as tables for a terminal, one a part."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from rich.table import Table

from benchmarks.attacks.edits import EDITS, SEVERITIES
from benchmarks.frame_measures import PAIR_S, RECALL_S
from benchmarks.report import table
from benchmarks.seeds import shown

Result = dict[str, Any]
COLUMNS = (*SEVERITIES, "all")


def tables(result: Result) -> Iterator[Table]:
    rows = result["rows"]
    yield _recall(result)
    yield _recall_by_edit(rows)
    yield _micro_ap(result)
    yield _false_positives(result)
    yield _cost(rows)
    if matched := result["end_to_end"]:
        yield _end_to_end(matched)
        yield _end_to_end_by_edit(matched)


def _recall(result: Result) -> Table:
    data = result["data"]
    return table(
        f"1. recall@1 among {shown(data['gallery_frames'], 0)} gallery frames and {data['distractors']:,} distractors: "
        f"right video, within {RECALL_S} s or the same picture; {shown(data['true_frames'], 0)} query frames",
        ("backbone", "mean over edits", *SEVERITIES, "all frames", "at any moment"),
        [
            (
                name,
                *(shown(row["recall_at_1"]["macro"].get(column)) for column in ("all", *SEVERITIES)),
                shown(row["recall_at_1"]["micro"]["all"]),
                shown(row["right_video_at_1"]),
            )
            for name, row in result["rows"].items()
        ],
    )


def _recall_by_edit(rows: Result) -> Table:
    return table(
        "1. recall@1 by edit and severity, shares of query frames",
        ("edit", "backbone", *COLUMNS),
        [
            (edit, name, *(shown(row["recall_at_1"].get(edit, {}).get(column)) for column in COLUMNS))
            for edit in EDITS
            for name, row in rows.items()
            if edit in row["recall_at_1"]
        ],
    )


def _micro_ap(result: Result) -> Table:
    return table(
        f"2. micro-AP over pairs of a query frame and an item; right within {PAIR_S} s or the same picture; "
        f"{shown(result['data']['background_frames'], 0)} of the query frames have no truth",
        ("backbone", "micro-AP", "true pairs among the ten nearest"),
        [(name, shown(row["micro_ap"]), shown(row["recall_at_10_items"])) for name, row in result["rows"].items()],
    )


def _false_positives(result: Result) -> Table:
    columns = ("threshold", "video_pairs", "frames", "look_alikes")
    data = result["data"]
    return table(
        "3. false positives at the similarity that recalls so many true pairs. Of 1,000 background frames: pairs of "
        "videos wrongly linked; frames that find any item. Of 1,000 look-alike frame pairs: pairs above "
        f"({data['look_alike_frame_pairs']:,} of {data['look_alike_video_pairs']} pairs of videos)",
        ("backbone", "recall", "threshold", "video pairs", "frames", "look-alikes"),
        [
            (name, recall, *(shown(figures[column], 3 if column == "threshold" else 2) for column in columns))
            for name, row in result["rows"].items()
            for recall, figures in row["false_positives"].items()
        ],
    )


def _cost(rows: Result) -> Table:
    return table(
        "4. cost: one core, one thread, batches of 4; medians",
        ("backbone", "input", "ms a frame", "CPU ms a frame", "MB of weights", "bytes a keyframe"),
        [
            (
                name,
                f"{cost['input_size']}²",
                f"{cost['milliseconds']:.2f}",
                f"{cost['cpu_milliseconds']:.2f}",
                f"{cost['megabytes']:.2f}",
                cost["bytes_a_keyframe"],
            )
            for name, row in rows.items()
            if (cost := row.get("cost"))
        ],
    )


def _end_to_end(rows: Result) -> Table:
    columns = ("vcsl_f1", "vcdb_f1", "segment_ap", "mean_average_precision", "validation_vcsl_f1")
    return table(
        "6. end to end on the test split, temporal network tuned on the validation split, or as shipped",
        ("backbone", "VCSL F1", "VCDB F1", "segment AP", "mAP", "VCSL F1 valid."),
        [
            (
                name if way == "tuned" else f"{name}, as shipped",
                *(shown(figures[column]) for column in columns),
            )
            for name, row in rows.items()
            for way in ("tuned", "shipped")
            if (figures := row[way])
        ],
    )


def _end_to_end_by_edit(rows: Result) -> Table:
    return table(
        "6. VCDB recall of segments by edit and severity",
        ("edit", "backbone", *COLUMNS),
        [
            (edit, name, *(shown(row["edits"][edit].get(column)) for column in COLUMNS))
            for edit in EDITS
            for name, row in rows.items()
            if row["edits"].get(edit)
        ],
    )
