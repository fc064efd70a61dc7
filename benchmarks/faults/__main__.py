"""What faults cost a gallery: after each, the same command again must leave every video exactly once in both stores.

python -m benchmarks.faults [--kills 50] [--server-kills 2] [--keyframes 10000] [--queries 1000] [--seed 1] [--parts …]

Starts a Milvus server of its own (deploy/milvus/standalone.py). Also: searches while another process writes, searches
while a video is removed, and the attack bench matched with Milvus Lite and with the server. Exit code 1 where a rule
does not hold.
"""

from __future__ import annotations

import argparse
import functools
import os
import random
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from benchmarks.faults import tables, takedown
from benchmarks.faults.disks import disk_full, read_only
from benchmarks.faults.runs import Bench, killed, late, make_videos, server_killed
from benchmarks.faults.search import same_matches, search_while_indexing
from benchmarks.harness.command import Question, Result, add_seed, known, save
from cliptrace.deploy.milvus import standalone
from cliptrace.schemas.errors import UsageError

DISKS = (0.1, 0.3, 0.5, 0.7, 0.9)
"""Of the finished gallery's size."""
LATE_S, TOO_LATE_S, CALL_S = 0.3, 6.0, 2.0
FEW = 2
PACKAGES = ("milvus", "milvus-lite", "pymilvus", "apache-beam", "pyarrow")
PARTS = ("faults", "search", "takedown", "same_matches")


def options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--kills", type=int, default=50, metavar="N", help="of the index process, half with a server")
    parser.add_argument("--server-kills", type=int, default=2, metavar="N", help="of the server under load")
    parser.add_argument("--keyframes", type=int, default=10_000, metavar="N", help="written while it is searched")
    parser.add_argument("--queries", type=int, default=1000, metavar="N", help="while it is written to")
    parser.add_argument("--takedown-queries", type=int, default=100, metavar="N", help="after a video is removed")
    parser.add_argument("--attack-queries", type=int, default=60, metavar="N", help="with both kinds of Milvus")
    add_seed(parser)
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=PARTS, help="the others stay as measured")


def measure(arguments: argparse.Namespace) -> Result:
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    before = known(arguments)
    result: Result = {name: before[name] for name in ("data", *PARTS) if name in before}
    if missing := set(PARTS) - {*arguments.parts, *result}:
        raise UsageError(f"--parts: {', '.join(sorted(missing))} not measured yet; measure all of them first")
    with tempfile.TemporaryDirectory(prefix="cliptrace-bench-") as name:
        root = Path(name)
        server = standalone.start(root / "milvus", *standalone.free_ports(1))
        try:
            wanted = make_videos(root / "videos")
            bench = Bench(root, root / "videos", wanted, root / "milvus", random.Random(arguments.seed))
            for part in arguments.parts:
                if part == "faults":
                    bench.measure_undisturbed()
                    result["data"] = {
                        "videos": len(wanted),
                        "undisturbed_s": bench.usual_s,
                        "gallery_bytes": bench.usual_bytes,
                    }
                    result[part] = inflict(bench, arguments.kills, arguments.server_kills)
                elif part == "search":
                    scale = (arguments.keyframes, arguments.queries, arguments.seed)
                    result[part] = search_while_indexing(root / "searched", server.uri, *scale)
                elif part == "takedown":
                    searched = (root / "videos", arguments.takedown_queries)
                    result[part] = takedown.take_down(root / "takedown", server.uri, *searched)
                else:
                    result[part] = same_matches(root, server.uri, arguments.attack_queries, arguments.seed)
                save(result, arguments)
        finally:
            standalone.stop(root / "milvus")
    return {**result, "broken_rules": broken_rules(result, arguments.keyframes, arguments.takedown_queries)}


def inflict(bench: Bench, kills: int, server_kills: int) -> dict[str, list[Result]]:
    """What became of every single fault, by its kind."""
    kinds: dict[str, list[Callable[[], Result | None]]] = {
        "kill -9 of index, Milvus Lite": [lambda: killed(bench, server=False)] * (kills - kills // 2),
        "kill -9 of index, server": [lambda: killed(bench, server=True)] * (kills // 2),
        "kill -9 of the server under load": [lambda: server_killed(bench)] * server_kills,
        "disk full": [functools.partial(disk_full, bench, share) for share in DISKS],
        f"answers {LATE_S:g} s late": [lambda: late(bench, LATE_S)] * FEW,
        f"answers {TOO_LATE_S:g} s late, {CALL_S:g} s waited for": [lambda: late(bench, TOO_LATE_S, CALL_S)] * FEW,
        "gallery folder read-only": [functools.partial(read_only, bench, server) for server in (False, True) * FEW],
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
    broken += takedown.broken_rules(result["takedown"], takedown_queries)
    if unlike := result["same_matches"]["unlike"]:
        broken.append(f"{len(unlike)} matches differ between Milvus Lite and the server")
    return broken


QUESTION = Question("benchmarks.faults", __doc__, options, measure, tables.faults, PACKAGES)

if __name__ == "__main__":
    sys.exit(QUESTION.main())
