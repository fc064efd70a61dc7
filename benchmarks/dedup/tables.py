"""What the dedup bench found, as tables."""

from __future__ import annotations

import statistics
from collections.abc import Iterator, Sequence
from typing import Any

from benchmarks.harness.tables import Table

RUNNERS = ("prism", "flink")
WRONG = ("groups_without_one_canonical", "false", "missed", "without", "doubled_events")


def dedup(result: dict[str, Any]) -> Iterator[Table]:
    rows: list[Sequence[object]] = []
    for runner in RUNNERS:
        parts = result.get(runner, {})
        rows += [_row(runner, parts["simultaneous"])] if "simultaneous" in parts else []
        rows += [_row(f"{runner}, search first, then insert", parts["naive"])] if "naive" in parts else []
        rows += [_row(f"{runner}, {run['meanwhile']} killed", [run]) for run in parts.get("killed", [])]
    yield Table(
        "100 uploads at once: what was wrong in each run:",
        ("", "runs", "groups without one canonical", "false", "missed", "no verdict", "doubled", "p50 s", "p95 s"),
        rows,
    )
    compared = [(runner, result.get(runner, {}).get("same_matches")) for runner in RUNNERS]
    if same := [(runner, *counts.values()) for runner, counts in compared if counts]:
        yield Table(
            "cliptrace match of a batch, beside the same in process:", ("", "matches", "lines that differ"), same
        )
    if load := result.get("prism", {}).get("sustained"):
        names = ("minute", "dropped", "judged", "waiting", "mb")
        yield Table(
            f"{load['uploads']:,} uploads, {load['rate']:.2f} a second on Prism; capacity {load['capacity']:.2f}, "
            f"{load['hours_an_hour_and_core']:.2f} hours of video an hour and core:",
            ("minute", "uploads", "judged", "waiting", "memory MB"),
            [[f"{row[name]:.0f}" for name in names] for row in load["minutes"]],
        )


def _row(name: str, runs: Sequence[dict[str, Any]]) -> Sequence[object]:
    counts = [" ".join(str(run[key]) for run in runs) for key in WRONG]
    times = [f"{statistics.median(run[key] for run in runs):.1f}" for key in ("p50_s", "p95_s")]
    return (name, len(runs), *counts, *times)
