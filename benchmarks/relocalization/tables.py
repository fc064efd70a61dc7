"""What the bench of moments prints."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from benchmarks.harness.seeds import shown, spread
from benchmarks.harness.tables import Table


def relocalization(result: Mapping[str, Any]) -> Iterator[Table]:
    seeds = list(result["seeds"].values())
    named = ", ".join(result["seeds"])
    for split in ("test", "validation"):
        found = spread([seed[split]["map_at_1"] for seed in seeds])
        for kind, contestants in found.items():
            steps = list(next(iter(contestants.values())))
            rows = [(name, *(shown(figures[step]) for step in steps)) for name, figures in contestants.items()]
            title = f"mAP@1 by tIoU, {split} split, {kind}; seeds {named}"
            yield Table(title, ("", *steps), rows, detail=split != "test")
    absent = spread([seed["test"]["absent"] for seed in seeds])
    rows = [
        (kind, name, shown(figures["recall"]), shown(figures["false_answers"]))
        for kind, contestants in absent.items()
        for name, figures in contestants.items()
    ]
    yield Table(
        "Half of the references hold no such moment: R@1 at tIoU 0.5 where one in ten of those is answered.",
        ("", "", "R@1", "false answers"),
        rows,
    )
    proposals = spread([seed["proposals"] for seed in seeds])
    rows = [
        (kind, way, shown(figures["proposals"], 1), *(shown(each["average"]) for each in figures["recall"].values()))
        for kind, ways in proposals.items()
        for way, figures in ways.items()
    ]
    yield Table(
        "Share of true moments that one of the first 10, 30 and 100 proposals covers, mean over tIoU 0.5 to 0.9.",
        ("", "", "proposals", "10", "30", "100"),
        rows,
    )
    if ablations := result["ablations"]:
        steps = list(next(iter(ablations.values())))
        rows = [(name, *(f"{figures[step]:.3f}" for step in steps)) for name, figures in ablations.items()]
        title = "The multi-graph model with products, and with parts left out: mAP@1, test split, first seed."
        yield Table(title, ("", *steps), rows)
