"""cliptrace dedup."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING

from cliptrace.pipelines.cli.parsers import (
    GOES_ON,
    MILVUS,
    Commands,
    Run,
    add_command,
    given,
    model_options,
    number_between,
    score,
    work_options,
)
from cliptrace.pipelines.cli.printing import some, summarise
from cliptrace.schemas.config import DEDUP_MIN_SCORE
from cliptrace.schemas.errors import UsageError

if TYPE_CHECKING:  # heavy, and --help must answer at once
    from cliptrace.pipelines.dedup import DedupOptions, DedupReport


def add_to(commands: Commands[argparse.ArgumentParser], run: Run | None = None) -> None:
    text = "judge uploads as they come: canonical, overlapping, or a duplicate of what"
    parser = add_command(commands, "dedup", text)
    parser.set_defaults(run=run or _run, if_stopped=GOES_ON)
    uploads = parser.add_mutually_exclusive_group()
    uploads.add_argument("--watch", default="", metavar="GLOB", help="a folder or glob; a file counts once it is whole")
    uploads.add_argument(
        "--notifications", default="", metavar="SUBSCRIPTION", help="or else a bucket's, from Pub/Sub (on Dataflow)"
    )
    parser.add_argument("--gallery", required=True, metavar="DIR", help="what uploads are compared with and added to")
    parser.add_argument("--output", required=True, metavar="DIR", help="verdicts-*.jsonl, one event a line")
    parser.add_argument("--once", action="store_true", help="judge what is there, and end")
    parser.add_argument(
        "--policy", default="", metavar="TOML", help="how much shared makes a duplicate (docs/dedup.md)"
    )
    parser.add_argument(
        "--webhook", default="", metavar="URL", help="post each event there, signed with CLIPTRACE_WEBHOOK_SECRET"
    )
    parser.add_argument(
        "--poll", type=_seconds, default=2.0, metavar="S", help="seconds between two looks (default: 2)"
    )
    parser.add_argument(
        "--min-score",
        type=score,
        default=DEDUP_MIN_SCORE,
        metavar="S",
        help="lowest score of a segment, 0 to 1 (default: %(default)s)",
    )
    model_options(parser)
    parser.add_argument("--milvus", metavar="URI", help=MILVUS)
    work_options(parser)


def asked(options: argparse.Namespace) -> DedupOptions:
    """UsageError where the options do not go together."""
    from cliptrace.pipelines.dedup import DedupOptions

    if not options.watch and not options.notifications:
        raise UsageError("cliptrace dedup needs --watch GLOB or --notifications SUBSCRIPTION")
    if options.once and options.notifications:
        raise UsageError("--once judges what --watch names; a subscription has no end")
    return DedupOptions(**given(DedupOptions, options), poll_s=options.poll)


def _run(options: argparse.Namespace) -> int:
    from cliptrace.pipelines import dedup

    def tell(line: str) -> None:
        print(line, file=sys.stderr, flush=True)

    done = dedup.run(dedup.prepare(asked(options)), tell)
    return summarise(done.judged, done.failed, done.video_s, done.elapsed_s, lines(done))


def lines(done: DedupReport) -> dict[str, str]:
    """What the summary says beside how many and how fast."""
    return {
        "canonical": f"{done.canonical:,}",
        "duplicates": f"{done.duplicates:,}",
        "partial overlaps": some(done.overlaps),
        "verdicts revised": some(done.revised),
        "still growing, left": some(done.still_growing),
        "events not delivered": some(done.undelivered, "the next run goes on"),
        "gallery": done.gallery,
        "output": f"{done.output}/verdicts-*.jsonl",
        "failures in": f"{done.output}/failures-*.jsonl" if done.failed else "",
    }


def _seconds(text: str) -> float:
    return number_between(text, 0.1, 3600)
