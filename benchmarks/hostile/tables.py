"""What became of malformed and of mutated inputs, as tables."""

from __future__ import annotations

import collections
from collections.abc import Iterator
from typing import Any

from benchmarks.harness.tables import Table

Result = dict[str, Any]


def malformed(result: Result) -> Iterator[Table]:
    kinds: dict[str, collections.Counter[str]] = {}
    for each in result["outcomes"]:
        kinds.setdefault(each["kind"], collections.Counter())[each["outcome"]] += 1
    yield Table(
        "What became of each, and what it says:",
        ("input", "outcome", "message"),
        [(ascii(each["input"])[1:-1][:60], each["outcome"], each["message"]) for each in result["outcomes"]],
        detail=True,
    )
    yield Table(
        f"{len(result['outcomes'])} malformed inputs beside {result['inputs']['good']} good videos, in one folder: "
        f"{len(result['broken_rules'])} broken rules (crash, hang, unclear dead letter, lost neighbour), "
        f"{result['connections']} network connections, foreign file read: "
        f"{'yes' if result['secret_was_read'] else 'no'}.",
        ("", "dead letter", "indexed in part", "indexed whole"),
        [(kind, *(counts[name] for name in ("failed", "partial", "indexed"))) for kind, counts in kinds.items()],
    )


def fuzz(result: Result) -> Iterator[Table]:
    columns = ("taken", "refused", "crash", "hang")
    names = {"probe": "what ffprobe says", "manifest": "manifests", "gallery": "files of a gallery"}
    yield Table(
        f"{result['inputs']:,} mutated inputs each; refused: by an error of ours that says why.",
        ("", *columns),
        [(names[name], *(f"{row[column]:,}" for column in columns)) for name, row in result["targets"].items()],
    )
