"""cliptrace search."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING

from cliptrace.pipelines.cli.parsers import SOURCE, Commands, add_command, given, positive, source_options, work_options
from cliptrace.pipelines.cli.printing import left_aside, list_ignored, put_json, streams_left_out, summarise
from cliptrace.schemas.config import TOP
from cliptrace.schemas.text import escaped, named

if TYPE_CHECKING:  # heavy, and --help must answer at once
    from cliptrace.pipelines.search import SearchReport


def add_to(commands: Commands[argparse.ArgumentParser]) -> None:
    text = "rank the videos of the gallery that are like the queries as a whole; match tells which seconds"
    parser = add_command(commands, "search", text)
    parser.set_defaults(run=_run, if_stopped="nothing is kept")
    parser.add_argument("queries", nargs="+", metavar="QUERY", help=SOURCE)
    parser.add_argument(
        "--gallery", required=True, metavar="DIR", help="the gallery to search; its videos have descriptors"
    )
    parser.add_argument(
        "--top", type=positive, default=TOP, metavar="N", help="at most N videos of each query (default: %(default)s)"
    )
    parser.add_argument(
        "--output", default="", metavar="FILE", help="the ranked videos, as .jsonl (default: standard output)"
    )
    source_options(parser)
    work_options(parser)


def _run(options: argparse.Namespace) -> int:
    from cliptrace.pipelines import search
    from cliptrace.pipelines.cli.progress import Progress
    from cliptrace.transforms.ranking import ranked_to_json

    job = search.prepare(search.SearchOptions(**given(search.SearchOptions, options)))
    if options.verbose:
        list_ignored(job.listing.ignored)
    with Progress("search"):
        done = search.run(job)
    if not done.output:
        put_json(map(ranked_to_json, done.ranked))
        for failure in done.failures:
            print(f"failed: {escaped(failure.uri)}: {failure.stage}: {failure.message}", file=sys.stderr)
    return summarise(len(done.searched), len(done.failures), done.video_s, done.elapsed_s, lines(done))


def lines(done: SearchReport) -> dict[str, str]:
    """What the summary says beside how many and how fast."""
    return {
        "videos ranked": f"{len(done.ranked):,}",
        "partly decoded": named([query.query_id for query in done.searched if query.partial]),
        "queries like nothing": named(done.unanswered),
        **streams_left_out(done.one_of_several),
        **left_aside(done.other_files, done.loops),
        "output": done.output,
        "failures in": done.dead_letters or "",
    }
