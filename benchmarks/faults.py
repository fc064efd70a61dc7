"""What faults cost a gallery: after each, the same command again must leave every video exactly once in both stores.

python -m benchmarks.faults [--kills 50] [--server-kills 2] [--keyframes 10000] [--queries 1000] [--seed 1] [--parts …]

Starts a Milvus server of its own (deploy/milvus/standalone.py). Also: searches while another process writes, searches
while a video is removed, and the attack bench matched with Milvus Lite and with the server. Exit code 1 where a rule
does not hold.
"""

from __future__ import annotations

import argparse
import collections
import json
import os
import random
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from benchmarks import fault_takedown
from benchmarks.environment import environment
from benchmarks.fault_disks import disk_full, read_only
from benchmarks.fault_runs import Bench, killed, late, make_videos, server_killed
from benchmarks.fault_search import same_matches, search_while_indexing
from benchmarks.report import add_output, save, show, table
from cliptrace.deploy.milvus import standalone

DISKS = (0.1, 0.3, 0.5, 0.7, 0.9)
"""Of the finished gallery's size."""
LATE_S, TOO_LATE_S, CALL_S = 0.3, 6.0, 2.0
FEW = 2
PACKAGES = ("milvus", "milvus-lite", "pymilvus", "apache-beam", "pyarrow")
PARTS = ("faults", "search", "takedown", "same_matches")
Result = dict[str, Any]


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.faults", description=__doc__.split("\n")[0])
    parser.add_argument("--kills", type=int, default=50, metavar="N", help="of the index process, half with a server")
    parser.add_argument("--server-kills", type=int, default=2, metavar="N", help="of the server under load")
    parser.add_argument("--keyframes", type=int, default=10_000, metavar="N", help="written while it is searched")
    parser.add_argument("--queries", type=int, default=1000, metavar="N", help="while it is written to")
    parser.add_argument("--takedown-queries", type=int, default=100, metavar="N", help="after a video is removed")
    parser.add_argument("--attack-queries", type=int, default=60, metavar="N", help="with both kinds of Milvus")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument(
        "--parts", nargs="+", choices=PARTS, default=PARTS, help="the others stay as they were measured"
    )
    add_output(parser, "faults")
    options = parser.parse_args(argv)
    if set(options.parts) != set(PARTS) and not options.output.exists():
        parser.error(f"--parts: {options.output} is not there yet; measure all of them first")
    result = measure(options)
    report(result)
    save(result, options.output)
    return 1 if result["broken_rules"] else 0


def measure(options: argparse.Namespace) -> Result:
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    names = ("kills", "server_kills", "keyframes", "queries", "takedown_queries", "attack_queries", "seed")
    flags = " ".join(f"--{name.replace('_', '-')} {getattr(options, name)}" for name in names)
    known = json.loads(options.output.read_text(encoding="utf-8")) if options.output.exists() else {}
    result: Result = {
        **{name: known[name] for name in ("data", *PARTS) if name in known},
        **environment(f"python -m benchmarks.faults {flags}", options.seed, PACKAGES),
    }
    with tempfile.TemporaryDirectory(prefix="cliptrace-bench-") as name:
        root = Path(name)
        server = standalone.start(root / "milvus", *standalone.free_ports(1))
        try:
            wanted = make_videos(root / "videos")
            bench = Bench(root, root / "videos", wanted, root / "milvus", random.Random(options.seed))
            for part in options.parts:
                if part == "faults":
                    bench.measure_undisturbed()
                    result["data"] = {
                        "videos": len(wanted),
                        "undisturbed_s": bench.usual_s,
                        "gallery_bytes": bench.usual_bytes,
                    }
                    result[part] = inflict(bench, options.kills, options.server_kills)
                elif part == "search":
                    scale = (options.keyframes, options.queries, options.seed)
                    result[part] = search_while_indexing(root / "searched", server.uri, *scale)
                elif part == "takedown":
                    scale = (root / "videos", options.takedown_queries)
                    result[part] = fault_takedown.take_down(root / "takedown", server.uri, *scale)
                else:
                    result[part] = same_matches(root, server.uri, options.attack_queries, options.seed)
                save(result, options.output)
        finally:
            standalone.stop(root / "milvus")
    return {**result, "broken_rules": broken_rules(result, options.keyframes, options.takedown_queries)}


def inflict(bench: Bench, kills: int, server_kills: int) -> dict[str, list[Result]]:
    """What became of every single fault, by its kind."""
    kinds: dict[str, list[Callable[[], Result | None]]] = {
        "kill -9 of index, Milvus Lite": [lambda: killed(bench, server=False)] * (kills - kills // 2),
        "kill -9 of index, server": [lambda: killed(bench, server=True)] * (kills // 2),
        "kill -9 of the server under load": [lambda: server_killed(bench)] * server_kills,
        "disk full": [lambda share=share: disk_full(bench, share) for share in DISKS],  # type: ignore[misc]
        f"answers {LATE_S:g} s late": [lambda: late(bench, LATE_S)] * FEW,
        f"answers {TOO_LATE_S:g} s late, {CALL_S:g} s waited for": [lambda: late(bench, TOO_LATE_S, CALL_S)] * FEW,
        "gallery folder read-only": [lambda server=server: read_only(bench, server) for server in (False, True)] * FEW,
    }
    outcomes: dict[str, list[Result]] = {}
    for kind, trials in kinds.items():
        outcomes[kind] = []
        for trial in trials:
            outcome = trial()
            if outcome is None:
                print(f"{kind}: not tried, since nothing can be mounted here", file=sys.stderr)
                break
            outcomes[kind].append(outcome)
            said = f" BROKEN: {outcome['wrong']}" if outcome["wrong"] else ""
            print(f"{kind}: {len(outcomes[kind])} of {len(trials)}{said}", file=sys.stderr, flush=True)
    return outcomes


def broken_rules(result: Result, keyframes: int, takedown_queries: int) -> list[str]:
    """What does not hold, in words; empty where all is well."""
    broken = [
        f"{kind}, {number}: {wrong}"
        for kind, outcomes in result["faults"].items()
        for number, outcome in enumerate(outcomes, 1)
        for wrong in outcome["wrong"]
    ]
    search = result["search"]
    if not search["still_writing_at_the_last_query"]:
        broken.append("the queries were not over before the writer was")
    if (written := search["keyframes_written_during_queries"]) < keyframes:
        broken.append(f"only {written:,} keyframes were written while queries ran")
    if search["writer_exit_code"] != 0:
        broken.append(f"the writer ended with {search['writer_exit_code']}")
    for name in ("alone", "while_indexing"):
        for what in ("failed", "partial"):
            if count := search[name][what]:
                broken.append(f"{count} {what} answers, {name.replace('_', ' ')}")
    broken += fault_takedown.broken_rules(result["takedown"], takedown_queries)
    if unlike := result["same_matches"]["unlike"]:
        broken.append(f"{len(unlike)} matches differ between Milvus Lite and the server")
    return broken


def report(result: Result) -> None:
    data, search, same, takedown = (result[name] for name in ("data", "search", "same_matches", "takedown"))
    rows = [
        (
            kind,
            len(outcomes),
            sum(outcome["exit_code"] != 0 for outcome in outcomes),
            _spread([outcome["indexed_before"] for outcome in outcomes]),
            sum(bool(outcome["wrong"]) for outcome in outcomes),
        )
        for kind, outcomes in result["faults"].items()
    ]
    errors = collections.Counter(
        (kind, outcome["error"]) for kind, outcomes in result["faults"].items() for outcome in outcomes
    )
    title = (
        f"{data['videos']} videos, {data['undisturbed_s']:.1f} s undisturbed; after each fault the same command again"
    )
    columns = ("fault", "times", "runs it ended", "videos indexed before", "not every video once")
    alone, during = search["alone"], search["while_indexing"]
    latency = [
        (name, *(f"{row[part]:.1f}" for part in ("p50", "p95")), row["failed"], row["partial"])
        for name, row in (("alone", alone), ("while indexing", during))
    ]
    latency.append(("ratio", *(f"{during[part] / alone[part]:.2f}" for part in ("p50", "p95")), "", ""))
    answers = takedown["answers"]
    show(
        [
            table(
                "What an ended run says", ("fault", "last line", "times"), [(*k, n) for k, n in errors.items() if k[1]]
            ),
            table(title, columns, rows),
            table(
                f"{search['queries']:,} searches of a server with {search['keyframes_before']:,} keyframes, "
                f"while {search['keyframes_written_during_queries']:,} are written",
                ("", "p50 ms", "p95 ms", "failed", "partial"),
                latency,
            ),
            table(
                f"{takedown['searchers']} processes search while a video is removed, which takes "
                f"{takedown['removal_s']:.1f} s",
                ("", "answers", "failed", "name the video"),
                [(name, *(group[key] for key in ("answers", "failed", "naming"))) for name, group in answers.items()],
            ),
            table(
                f"The attack bench: {same['queries']} queries, {same['gallery_videos']} gallery videos",
                ("", "matches"),
                [
                    ("Milvus Lite", same["matches_lite"]),
                    ("server", same["matches_server"]),
                    ("identical in both", same["identical"]),
                ],
            ),
        ],
        result,
    )
    for rule in result["broken_rules"]:
        print(f"BROKEN: {rule}")


def _spread(counts: list[int]) -> str:
    return f"{min(counts)} to {max(counts)}" if counts else "-"


if __name__ == "__main__":
    sys.exit(main())
