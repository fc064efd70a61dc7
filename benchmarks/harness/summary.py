"""The five figures of the README, each with what it is compared with and the table it is from."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from benchmarks.harness.tables import Table

Result = Mapping[str, Any]


def summary(alignment: Result, look_alike: Result, throughput: Result, latency: Result) -> list[Table]:
    """The results of the benches alignment, look_alike, index_throughput and query_latency."""
    ours, network = alignment["methods"]["spd, as shipped"], alignment["methods"]["tn"]
    alike, found = look_alike["kinds"]["all"], look_alike["thresholds"]
    speed = {name: row["real_time"] for name, row in throughput["methods"].items()}
    largest = [row for row in latency["sizes"] if "milvus" in row["engines"]][-1]
    rows = [
        (
            "copied seconds of a test split, VCSL F1",
            f"{ours['vcsl']['f1']:.3f}",
            f"temporal network {network['vcsl']['f1']:.3f}",
            _link("Aligners"),
        ),
        (
            "error of a segment's ends, mean",
            f"{ours['boundary_error']['mean_s']:.2f} s",
            f"temporal network {network['boundary_error']['mean_s']:.2f} s",
            _link("Aligners"),
        ),
        (
            f"look-alikes wrongly reported by `dedup` (score ≥ {found['dedup']:g})",
            _claimed(alike, "dedup"),
            f"`match` (score ≥ {found['match']:g}): {_claimed(alike, 'match')}",
            _link("Look-alikes"),
        ),
        (
            f"indexing, {throughput['machine']['cores']} cores",
            f"{speed['cliptrace index']:.1f} × real time",
            f"ffmpeg alone, same frames {speed['ffmpeg to 8 fps 224x224']:.1f} ×",
            _link("Indexing"),
        ),
        (
            f"search of a query, 2 keyframes a second, among {largest['keyframes']:,} keyframes",
            f"{_median_s(largest, 'exact'):.2f} s, median",
            f"with Milvus Lite {_median_s(largest, 'milvus'):.2f} s",
            _link("Asking"),
        ),
    ]
    return [Table("", ("", "cliptrace", "beside it", "table"), rows)]


def _median_s(row: Result, engine: str) -> float:
    return float(row["engines"][engine]["milliseconds"]["total"]["p50"]) / 1000


def _claimed(row: Result, command: str) -> str:
    """Look-alikes, and copies, that a command reports."""
    false = f"{row['look_alikes_claimed'][command]} of {row['look_alikes']}"
    return f"{false}, and {row['copies_found'][command]} of {row['copies']} copies"


def _link(title: str) -> str:
    return f"[{title}](docs/results.md#{title.lower()})"
