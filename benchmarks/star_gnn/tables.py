"""Vectors of videos, as tables."""

from __future__ import annotations

from collections.abc import Iterator
from statistics import fmean
from typing import Any

from benchmarks.harness.tables import Table

Result = dict[str, Any]

AMONG_LOOK_ALIKES = "among look-alikes"
"""What is asked, beside queries that show so much of a video."""
LEARNED_FROM = "what it learns from"
"""The ablation that is of what ships; the others are of the paper's layer."""


def star_gnn(result: Result) -> Iterator[Table]:
    seeds = list(result["seeds"].values())
    for split in ("test", "validation"):
        for asked, figures in seeds[0][split].items():
            counts = list(next(iter(figures.values())))
            rows = {name: [[seed[split][asked][name][count] for seed in seeds] for count in counts] for name in figures}
            order = sorted(rows, key=lambda name: -fmean(rows[name][-1]))
            alike = asked == AMONG_LOOK_ALIKES
            what = (
                f"mAP among look-alikes, {split} split ({result['look_alikes'][split]} pairs of videos)"
                if alike
                else f"mAP by number of distractors, {split} split ({result['videos'][split]} videos), queries that "
                f"show {asked} of a video"
            )
            yield Table(
                f"{what}; mean (least to most) of seeds {', '.join(result['seeds'])}.",
                ("", "bytes a video", *(["mAP"] if alike else [f"{int(count):,}" for count in counts])),
                [(name, f"{result['bytes'][name]:,.0f}", *map(_spread, rows[name])) for name in order],
                detail=split == "validation",
            )
    for title, rows in result["ablations"].items():
        columns = list(next(iter(rows.values())))
        convolution = "simple graph convolution" if title == LEARNED_FROM else "Cluster-GCN"
        yield Table(
            f"STAR-GNN with {convolution} and the triplet loss, by {title}: mAP by number of distractors, and among "
            "look-alikes, test split, one seed.",
            ("", *(f"{int(column):,}" if column.isdigit() else column for column in columns)),
            [(name, *(f"{row[column]:.4f}" for column in columns)) for name, row in rows.items()],
        )


def _spread(values: list[float]) -> str:
    return f"{fmean(values):.4f} ({min(values):.3f} to {max(values):.3f})"


def lattice_cost(result: Result) -> Iterator[Table]:
    yield Table(
        f"One step on the lattice of {result['regions']} regions a frame, {result['dimension']} numbers a node, one "
        "thread; torch-geometric's GCNConv on the same edges computes the same.",
        ("frames", "nodes", "edges", "cosines, lattice", "lattice, ms", "by edges, ms", "by edges, MB", "apart"),
        [
            (
                frames,
                f"{row['nodes']:,}",
                f"{row['edges']:,}",
                f"{row['products']:,}",
                f"{row['lattice_ms']:.1f}",
                f"{row['edges_ms']:.1f}",
                f"{row['edges_mb']:,.0f}",
                f"{row['apart']:.1e}",
            )
            for frames, row in result["frames"].items()
        ],
    )


def two_stages(result: Result) -> Iterator[Table]:
    shares = list(next(iter(result["sizes"].values()))["shares"])
    rows = []
    for size, row in result["sizes"].items():
        for kind in ("video", "frame", "both"):
            figures = [row["shares"][share][kind] for share in shares]
            held = {"video": row["video_bytes"], "frame": row["frame_bytes"]}
            rows.append(
                (
                    f"{int(size):,} videos, {row['keyframes']:,} keyframes: {kind}",
                    f"{held.get(kind, sum(held.values())) / 1e6:,.0f}",
                    *(f"{each['recall']:.2f}" for each in figures),
                    *(f"{each['ms']:,.1f}" for each in figures[:1]),
                )
            )
    yield Table(
        f"Whether the right video is among the first {result['among']}, by how much of the query is copied; "
        f"{result['queries']} queries each, milliseconds at the median, the exact engine. "
        "Both: in either list, and the sum.",
        ("", "MB", *(f"recall, {share}" for share in shares), "ms"),
        rows,
    )


def published(result: Result) -> Iterator[Table]:
    yield Table(
        f"{result['dataset']}: {result['asked']:,} of {result['queries']:,} queries, {result['videos']:,} videos, "
        f"{result['not_decoded']:,} more that could not be decoded.",
        ("descriptor", "mAP"),
        [(result["descriptor"], f"{result['mean_average_precision']:.4f}")],
    )


def descriptor_cost(result: Result) -> Iterator[Table]:
    rows = result["descriptors"]
    first = next(iter(rows.values()))["cpu_s"]
    yield Table(
        f"{result['videos']} videos indexed with each descriptor, the least of {result['rounds']} rounds.",
        ("descriptor", "CPU s", "wall s", "throughput"),
        [
            (name, f"{row['cpu_s']:.1f}", f"{row['wall_s']:.1f}", f"{first / row['cpu_s']:.3f}")
            for name, row in rows.items()
        ],
    )
