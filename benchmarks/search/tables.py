"""What is searched of a query, and how fast a gallery is compared with itself, as tables."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from benchmarks.harness.tables import Table

Result = dict[str, Any]


def groups(result: Result) -> Iterator[Table]:
    data = result["data"]
    yield Table(
        f"Which videos are compared, of all pairs of a gallery; one in {data['copied']} is a copy of an earlier one, "
        "the others are distractors. A search of every video is measured with as many as are named, taken times all.",
        (
            "keyframes",
            "videos",
            "wall s",
            "CPU s",
            "pairs",
            "copies met",
            "search a video, CPU s",
            "of videos",
            "pairs unlike",
            "peak MB",
        ),
        [
            (
                f"{row['keyframes']:,}",
                f"{row['videos']:,}",
                f"{row['wall_s']:.1f}",
                f"{row['cpu_s']:.1f}",
                f"{row['pairs']:,}",
                f"{row['recall']:.3f}",
                f"{row['searched']['cpu_s']:.1f}",
                f"{row['searched']['videos']:,}",
                f"{row['searched']['unlike']:,}",
                f"{row['peak_mb']:,.0f}",
            )
            for row in result["sizes"]
        ],
    )
    if footage := result.get("footage"):
        yield Table(
            f"{footage['videos']} videos of footage, {footage['wall_s']:.1f} s: {len(footage['groups'])} groups, "
            f"{footage['parts']} pairs that share a part.",
            ("keep", "copies of it"),
            [(group[0], ", ".join(group[1:])) for group in footage["groups"]],
        )


def frames(result: Result) -> Iterator[Table]:
    for name, bench in result["benches"].items():
        (first, *_) = bench["frames"].values()
        columns = ("frames searched", "videos aligned", *first["recall"], "VCSL F1", "VCDB F1", "matches")
        above_frames = f"Frames of a query that are searched a second, {name}; shipped: {result['per_second']:g}."
        above_bars = f"Similarity from which a video is aligned, {name}; shipped: {result['min_similarity']:g}."
        yield Table(above_frames, ("a second", *columns), list(map(_searched, bench["frames"].items())))
        yield Table(above_bars, ("from", *columns), list(map(_searched, bench["bars"].items())))


def _searched(entry: tuple[str, Result]) -> tuple[str, ...]:
    name, row = entry
    return (
        name,
        f"{row['searched_per_query']:.0f}",
        f"{row['aligned_per_query']:.1f}",
        *(f"{found} of {count}" for found, count in row["recall"].values()),
        f"{row['vcsl_f1']:.3f}",
        f"{row['vcdb_f1']:.3f}",
        str(row["matches"]),
    )


def kernels(result: Result) -> Iterator[Table]:
    data = result["data"]
    yield Table(
        f"The {data['nearest']} nearest videos of each of {data['query_keyframes']} keyframes, {data['dimension']} "
        f"numbers each, by the best row of a video; milliseconds of {data['repeats']} such queries, on all cores. "
        "Recall: of the truly nearest videos. The first is what the product does. Second look: the "
        f"{data['second_look']} videos that are nearest in 8 bits are compared again in float32, whose bytes are "
        f"counted, too. faiss is asked for {data['faiss_rows']:,} rows, which are grouped by video.",
        ("kernel", "keyframes", "ms p50", "ms p95", "bytes a keyframe", "build s", "recall"),
        [
            (
                name,
                f"{size['keyframes']:,}",
                f"{row['milliseconds']['p50']:.1f}",
                f"{row['milliseconds']['p95']:.1f}",
                f"{row['bytes_a_keyframe']:,.0f}",
                f"{row['build_s']:.1f}",
                f"{row['recall']:.4f}",
            )
            for size in result["sizes"]
            for name, row in size["kernels"].items()
        ],
    )
