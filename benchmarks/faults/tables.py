"""What the fault bench found, as tables."""

from __future__ import annotations

import collections
from collections.abc import Iterator
from typing import Any

from benchmarks.harness.tables import Table

Result = dict[str, Any]


def faults(result: Result) -> Iterator[Table]:
    data, search, same, takedown = (result[name] for name in ("data", "search", "same_matches", "takedown"))
    yield Table(
        f"`cliptrace index` of {data['videos']} short videos meets a fault at a random moment; then the same command "
        "runs again, and every row of ledger, Parquet and Milvus is compared.",
        ("fault", "times", "ended the run", "afterwards not every video once in both stores"),
        [
            (
                kind,
                len(outcomes),
                sum(outcome["exit_code"] != 0 for outcome in outcomes),
                sum(bool(outcome["wrong"]) for outcome in outcomes),
            )
            for kind, outcomes in result["faults"].items()
        ],
    )
    errors = collections.Counter(
        (kind, each["error"]) for kind, outcomes in result["faults"].items() for each in outcomes
    )
    yield Table(
        "What an ended run says:",
        ("fault", "last line", "times"),
        [(kind, error, times) for (kind, error), times in errors.items() if error],
        detail=True,
    )
    alone, during = search["alone"], search["while_indexing"]
    ratios = (f"{during[part] / alone[part]:.2f}" for part in ("p50", "p95"))
    yield Table(
        f"{search['queries']:,} searches of a Milvus server with {search['keyframes_before']:,} keyframes, while "
        f"another process writes {search['keyframes_written_during_queries']:,}:",
        ("", "p50 ms", "p95 ms", "failed", "partial"),
        [
            *(
                (name, f"{row['p50']:.0f}", f"{row['p95']:.0f}", row["failed"], row["partial"])
                for name, row in (("alone", alone), ("while indexing", during))
            ),
            ("ratio", *ratios, "", ""),
        ],
    )
    yield Table(
        f"{takedown['searchers']} processes run `cliptrace match` on a video that `cliptrace gallery remove` takes out "
        f"meanwhile, in {takedown['removal_s']:.1f} s:",
        ("", "answers", "failed", "name the video"),
        [(name, row["answers"], row["failed"], row["naming"]) for name, row in takedown["answers"].items()],
    )
    yield Table(
        f"Matches of {same['queries']} queries of the attack bench, with Milvus Lite and with the server (2.3):",
        ("", "matches"),
        [
            ("Milvus Lite", same["matches_lite"]),
            ("server", same["matches_server"]),
            ("the same to the last digit", same["identical"]),
            ("not the same", len(same["unlike"])),
        ],
    )
