"""cliptrace match."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, get_args

from cliptrace.pipelines.cli.parsers import (
    SOURCE,
    Commands,
    Run,
    add_command,
    given,
    keyframe_config,
    positive,
    score,
    since,
    source_options,
    views_of,
    whole_number,
    work_options,
)
from cliptrace.pipelines.cli.printing import left_aside, list_ignored, some, streams_left_out, summarise
from cliptrace.schemas.config import (
    DEFAULT_BACKBONE,
    DEFAULT_VIEWS,
    ENGINES,
    MOMENT_VIDEOS,
    QUERY_KEYFRAMES,
    QUERY_VIEWS,
    RANKED_VIDEOS,
    MatchMode,
    Retrieval,
    parse_aligner,
    parse_locator,
)
from cliptrace.schemas.errors import UsageError
from cliptrace.schemas.text import named

if TYPE_CHECKING:  # heavy, and --help must answer at once
    from cliptrace.pipelines.match import MatchOptions, MatchReport
    from cliptrace.schemas.records import Searched


def add_to(commands: Commands[argparse.ArgumentParser], run: Run | None = None) -> None:
    parser = add_command(commands, "match", "find which seconds of the queries come from videos of the gallery")
    parser.set_defaults(run=run or _run, if_stopped="nothing is kept")
    parser.add_argument("queries", nargs="*", metavar="QUERY", help=SOURCE)
    parser.add_argument(
        "--from-gallery",
        default="",
        metavar="DIR",
        help="ask with the videos that a gallery stores, which may be the same, instead of QUERY; nothing is decoded",
    )
    parser.add_argument(
        "--since",
        type=since,
        metavar="WHEN",
        help="with --from-gallery: only pairs of which one was indexed since: 7d, 36h, 90m, or a date or time as "
        "2026-01-31 or 2026-01-31T18:00+01:00 (UTC unless it says)",
    )
    parser.add_argument("--gallery", required=True, metavar="DIR", help="the gallery to search")
    parser.add_argument("--output", required=True, metavar="FILE", help="matches, as .jsonl or .parquet")
    parser.add_argument(
        "--mode",
        choices=get_args(MatchMode),
        default="copy",
        help="copy: the same footage; moment: the same happening, in other footage, of a gallery that was indexed with "
        "--moments (default: copy)",
    )
    parser.add_argument(
        "--locator",
        type=_locator,
        metavar="NAME",
        help="with --mode moment: what finds it in a video: anchor_free, a network; anchor_free:FOLDER, one of your "
        "own; graph, which compares proposals; frames, which follows the query step by step (default: anchor_free for "
        "galleries of lite0_motion, from which it has learned, frames for others)",
    )
    parser.add_argument(
        "--aligner",
        type=_aligner,
        metavar="NAME",
        help="spd: the learned detector; spd:FOLDER: one of your own; tn: the temporal network; dp, hough, dtw "
        f"(default: spd for galleries of {DEFAULT_BACKBONE}, from whose maps it learned, tn for others)",
    )
    parser.add_argument(
        "--min-score",
        type=score,
        metavar="S",
        help="lowest score of a segment, 0 to 1 (default: what suits the backbone, or the locator)",
    )
    parser.add_argument(
        "--top-k",
        type=positive,
        metavar="N",
        help=f"at most N gallery videos are compared with a query, {MOMENT_VIDEOS} with --mode moment "
        "(default: all that look like a second of it or more, and up to 20 others)",
    )
    parser.add_argument(
        "--top-m",
        type=whole_number,
        default=0,
        metavar="M",
        help="report the M nearest gallery videos of each query even below --min-score, marked as such (default: 0)",
    )
    parser.add_argument(
        "--unmatched", default="", metavar="FILE", help="write the queries without a match, as a manifest (.jsonl)"
    )
    parser.add_argument(
        "--resume", action="store_true", help="go on with what is kept of the same search, where it was stopped"
    )
    parser.add_argument(
        "--no-stop-list",
        action="store_true",
        help="search intros and credits, too, that many videos of the gallery share",
    )
    parser.add_argument(
        "--views",
        type=_views,
        default=DEFAULT_VIEWS,
        metavar="NAME[,NAME…]",
        help=f"what else of a query is searched: {', '.join(QUERY_VIEWS)}, all or none "
        f"(default: {','.join(DEFAULT_VIEWS) or 'none'})",
    )
    parser.add_argument(
        "--keyframes",
        type=keyframe_config,
        metavar="SELECTOR[:N]",
        help=f"which frames of the queries are searched (default: {QUERY_KEYFRAMES})",
    )
    parser.add_argument(
        "--engine",
        choices=ENGINES,
        help="what searches: exact compares with all keyframes, in any number of processes at a time, "
        "milvus asks the store that index writes (default: exact, or milvus where that is a server)",
    )
    parser.add_argument(
        "--retrieval",
        choices=get_args(Retrieval),
        default="frame",
        help="what names the videos that a query is compared with: the nearest frames, the descriptors of whole videos "
        f"({RANKED_VIDEOS}, or as --top-k says), or both (default: frame)",
    )
    parser.add_argument(
        "--maps",
        default="",
        metavar="DIR",
        help="draw the similarity map of every match, with its segments, as a PNG; with --mode moment, frames of the "
        "query above those of the moments",
    )
    source_options(parser)
    work_options(parser)


def asked(options: argparse.Namespace) -> MatchOptions:
    from cliptrace.pipelines.match import MatchOptions

    return MatchOptions(**given(MatchOptions, options), since_s=options.since)


def _run(options: argparse.Namespace) -> int:
    from cliptrace.pipelines import match
    from cliptrace.pipelines.cli.progress import Progress

    job = match.prepare(asked(options))
    if options.verbose:
        list_ignored(job.listing.ignored)
    with Progress("match"):
        done = match.run(job)
    return summarise(done.answered, len(done.failed), done.video_s, done.elapsed_s, lines(done))


def lines(done: MatchReport) -> dict[str, str]:
    """What the summary says beside how many and how fast."""
    if done.left_to_the_job:
        return {"left to the job": f"{done.left_to_the_job:,}", "output": done.output}
    below = sum(row["below_min_score"] for row in done.matches)
    return {
        "searched before": some(done.resumed),
        "matches": f"{len(done.matches) - below:,}",
        "nearest, below --min-score": some(below),
        "partly decoded": named([query.query_id for query in done.searched if query.partial]),
        "queries without a match": named([query.query_id for query in done.unmatched]) or "0",
        "stop-list left out": _left_out(done.searched),
        "rejected before": some(sum(query.rejected for query in done.searched), "in whole or in part"),
        "more candidates than --top-k": named([query.query_id for query in done.searched if query.truncated]),
        **streams_left_out(done.one_of_several),
        **left_aside(done.other_files, done.loops),
        "output": done.output,
        "failures in": done.dead_letters or "",
    }


def _left_out(searched: Sequence[Searched]) -> str:
    """Seconds of how many queries; empty where there are none."""
    seconds = [query.stopped_s for query in searched if query.stopped_s]
    queries = "1 query" if len(seconds) == 1 else f"{len(seconds):,} queries"
    return f"{sum(seconds):,.1f} s of {queries} (search them with --no-stop-list)" if seconds else ""


def _aligner(text: str) -> str:
    return _with_folder(text, parse_aligner)


def _locator(text: str) -> str:
    return _with_folder(text, parse_locator)


def _with_folder(text: str, parse: Callable[[str], tuple[str, str]]) -> str:
    """A name, and the folder of its weights from wherever the program runs."""
    try:
        name, folder = parse(text)
    except UsageError as error:
        raise argparse.ArgumentTypeError(str(error)) from error
    return f"{name}:{Path(folder).resolve()}" if folder else name


def _views(text: str) -> tuple[str, ...]:
    return views_of(text, QUERY_VIEWS)
