"""What the descriptor bench and the bench of views found, as tables."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from benchmarks.attacks.edits import EDITS, SEVERITIES
from benchmarks.descriptor.frame_measures import PAIR_S, RECALL_S
from benchmarks.harness.seeds import shown
from benchmarks.harness.tables import Table

Result = dict[str, Any]
COLUMNS = (*SEVERITIES, "all")
_FOUND = ("vcsl_f1", "vcdb_f1", "segment_ap", "mean_average_precision")
_FOUND_AS = ("VCSL F1", "VCDB F1", "segment AP", "mAP")


def descriptor(result: Result) -> Iterator[Table]:
    data = result["data"]
    yield Table(
        f"Keyframes of edited copies, searched among {data['distractors']:,} distractors and the gallery's frames "
        f"({result['split']} split, seeds {_seeds(result)}). False positives per 1,000 frames or frame pairs, at the "
        "similarity that recalls 70 % of true pairs: wrongly linked videos, look-alike scenes.",
        ("", "recall@1", "of severe edits", "micro-AP", "videos", "look-alikes", "ms a frame", "bytes"),
        [(name, *_frames(row)) for name, row in result["rows"].items()],
    )
    yield from _details(result)
    if found := result["end_to_end"]:
        yield Table(
            "End to end, the temporal network tuned on the validation split for each, or as shipped:",
            ("", *_FOUND_AS),
            [
                (name if way == "tuned" else f"{name}, as shipped", *(shown(row[way][figure]) for figure in _FOUND))
                for name, row in found.items()
                for way in ("tuned", "shipped")
                if row[way]
            ],
        )
        yield _by_edit(found)


def views(result: Result) -> Iterator[Table]:
    rows = result["rows"]
    yield Table(
        f"{result['data']['backbone']} with the settings that ship, test split, seeds {_seeds(result)}; milliseconds "
        "to embed a keyframe of a query on one core.",
        ("`match --views`", "embeddings", "ms", *_FOUND_AS),
        [
            (name, row["embeddings"], f"{row['milliseconds']:.1f}", *(shown(row[figure]) for figure in _FOUND))
            for name, row in rows.items()
        ],
    )
    yield Table(
        "On the validation split, to choose by:",
        ("`match --views`", "VCSL F1"),
        [(name, shown(row["validation_vcsl_f1"])) for name, row in rows.items()],
        detail=True,
    )
    yield _by_edit(rows)


def _details(result: Result) -> Iterator[Table]:
    data, rows = result["data"], result["rows"]
    yield Table(
        f"Recall@1 among {shown(data['gallery_frames'], 0)} gallery frames: right video, within {RECALL_S} s or the "
        f"same picture; {shown(data['true_frames'], 0)} query frames. Among the ten nearest: true pairs, within "
        f"{PAIR_S} s; {shown(data['background_frames'], 0)} of the query frames have no truth.",
        ("", "mean over edits", *SEVERITIES, "all frames", "at any moment", "among the ten nearest"),
        [
            (
                name,
                *(shown(row["recall_at_1"]["macro"].get(column)) for column in ("all", *SEVERITIES)),
                shown(row["recall_at_1"]["micro"]["all"]),
                shown(row["right_video_at_1"]),
                shown(row["recall_at_10_items"]),
            )
            for name, row in rows.items()
        ],
        detail=True,
    )
    yield Table(
        "Recall@1 by edit and severity, shares of query frames:",
        ("edit", "backbone", *COLUMNS),
        [
            (edit, name, *(shown(row["recall_at_1"].get(edit, {}).get(column)) for column in COLUMNS))
            for edit in EDITS
            for name, row in rows.items()
            if edit in row["recall_at_1"]
        ],
        detail=True,
    )
    yield Table(
        "False positives at the similarity that recalls so many true pairs. Of 1,000 background frames: pairs of "
        "videos wrongly linked; frames that find any item. Of 1,000 look-alike frame pairs: pairs above "
        f"({data['look_alike_frame_pairs']:,} of {data['look_alike_video_pairs']} pairs of videos).",
        ("", "recall", "threshold", "videos", "frames", "look-alikes"),
        [
            (
                name,
                recall,
                shown(at["threshold"]),
                *(shown(at[of], 2) for of in ("video_pairs", "frames", "look_alikes")),
            )
            for name, row in rows.items()
            for recall, at in row["false_positives"].items()
        ],
        detail=True,
    )
    yield Table(
        "Cost: one core, one thread, batches of 4; medians.",
        ("", "input", "ms a frame", "CPU ms a frame", "MB of weights"),
        [
            (
                name,
                f"{cost['input_size']}²",
                *(f"{cost[figure]:.2f}" for figure in ("milliseconds", "cpu_milliseconds", "megabytes")),
            )
            for name, row in rows.items()
            if (cost := row.get("cost"))
        ],
        detail=True,
    )


def _frames(row: Result) -> Iterator[object]:
    recall, wrong, cost = row["recall_at_1"]["macro"], row["false_positives"]["70%"], row.get("cost")
    yield from (shown(figure) for figure in (recall["all"], recall.get("severe"), row["micro_ap"]))
    yield from (shown(wrong[of], 1) for of in ("video_pairs", "look_alikes"))
    yield from (f"{cost['milliseconds']:.1f}", cost["bytes_a_keyframe"]) if cost else ("", "")


def _by_edit(rows: Result) -> Table:
    return Table(
        "Segments hit on both sides (VCDB recall) by edit:",
        ("", *rows),
        [
            (edit.replace("_", " "), *(shown(row["edits"].get(edit, {}).get("all"), 2) for row in rows.values()))
            for edit in EDITS
            if any(row["edits"].get(edit) for row in rows.values())
        ],
    )


def _seeds(result: Result) -> str:
    return ", ".join(map(str, result["seed"]))
