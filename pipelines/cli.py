"""The command line: cliptrace index | match | dedup | gallery | … Beam's own options follow ``--``.

Nothing heavy is imported before a command is chosen, so that --help answers at once.
"""

from __future__ import annotations

import argparse
import atexit
import contextlib
import datetime
import json
import logging
import os
import sys
from collections.abc import Sequence
from typing import NoReturn

from cliptrace.models.methods import METHODS
from cliptrace.pipelines import gallery_commands
from cliptrace.pipelines.parsers import (
    EXIT_CODES,
    add_command,
    given,
    keyframe_config,
    model_options,
    positive,
    work_options,
)
from cliptrace.pipelines.printing import aligned
from cliptrace.pipelines.settings import apply_settings, refuse_secrets
from cliptrace.pipelines.stopping import stoppable
from cliptrace.schemas import __version__
from cliptrace.schemas.config import DEDUP_MIN_SCORE, DEFAULT_BACKBONE, DEFAULT_VIEWS, QUERY_KEYFRAMES, QUERY_VIEWS
from cliptrace.schemas.errors import CliptraceError, UsageError
from cliptrace.schemas.text import printable

ALIGNERS = ("spd", "tn", "dp", "hough", "dtw")
PRECEDENCE = (
    "Every option may also stand in the environment (CLIPTRACE_GALLERY, …) or in a TOML file (--config); "
    "flags win over the environment, and that over the file."
)


def program() -> NoReturn:
    """The arguments of this process, and its end.

    It does not wait for threads, of which an interrupt may have left one that nothing wakes, and leaves out the
    destructors of native libraries: with a thread of gRPC still about, they now and then abort a run that was done.
    """
    code = main()
    atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError):
            stream.flush()
    os._exit(code)


def main(argv: Sequence[str] | None = None) -> int:
    """argv: None for those of this process."""
    # Videos are what runs in parallel here: BLAS threads on top of that only spin. Read when numpy is imported.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    arguments = list(sys.argv[1:] if argv is None else argv)
    split = arguments.index("--") if "--" in arguments else len(arguments)
    parser = make_parser()
    try:
        apply_settings(parser, arguments[:split], os.environ)
        options = parser.parse_args(arguments[:split])
        options.beam_args = arguments[split + 1 :]
        if options.beam_args and options.command not in ("index", "match", "dedup"):
            raise UsageError(f"cliptrace {options.command} takes no Beam options")
        refuse_secrets(options.beam_args)
        _quiet_libraries()
        with stoppable():
            return int(options.run(options))
    except UsageError as error:
        return _fail(error, 2)
    except CliptraceError as error:
        return _fail(error, 1)
    except BrokenPipeError:  # who reads the lines, as head does, has seen enough; else Python's exit would complain
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except KeyboardInterrupt:
        print("cliptrace: stopped; run the same command again to go on", file=sys.stderr, flush=True)
        return 1


def _fail(error: CliptraceError, code: int) -> int:
    print(f"cliptrace: error: {printable(str(error))}", file=sys.stderr)
    return code


def make_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="cliptrace",
        description="Which seconds of this video come from which seconds of which video that we already have?",
        epilog=f"{EXIT_CODES}. {PRECEDENCE}",
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"cliptrace {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")

    index = add_command(commands, "index", "decode videos, embed their keyframes, and add them to a gallery")
    index.set_defaults(run=_index)
    index.add_argument("sources", nargs="+", metavar="SOURCE", help=_SOURCE)
    index.add_argument("--gallery", required=True, metavar="DIR", help="the gallery; made where there is none")
    model_options(index)
    index.add_argument("--milvus", metavar="URI", help=_MILVUS)
    index.add_argument("--retry-failed", action="store_true", help="try known failures again, too")
    index.add_argument(
        "--since",
        type=_since,
        metavar="WHEN",
        help="only files changed since: 7d, 36h, 90m, or a date or time as 2026-01-31 or 2026-01-31T18:00+01:00 "
        "(UTC unless it says)",
    )
    index.add_argument("--limit", type=positive, metavar="N", help="at most N videos; the rest is for the next run")
    index.add_argument(
        "--dry-run", action="store_true", help="print what would be indexed, as JSON lines, and write nothing"
    )
    index.add_argument("--report", default="", metavar="FILE", help="write what became of the run, as JSON")
    work_options(index)

    match = add_command(commands, "match", "find which seconds of the queries come from videos of the gallery")
    match.set_defaults(run=_match)
    match.add_argument("queries", nargs="+", metavar="QUERY", help=_SOURCE)
    match.add_argument("--gallery", required=True, metavar="DIR", help="the gallery to search")
    match.add_argument("--output", required=True, metavar="FILE", help="matches, as .jsonl or .parquet")
    match.add_argument(
        "--aligner",
        choices=ALIGNERS,
        help="spd: the learned detector; tn: the temporal network (default: spd for galleries of "
        f"{DEFAULT_BACKBONE}, from whose maps it learned, tn for others)",
    )
    match.add_argument(
        "--min-score",
        type=_score,
        metavar="S",
        help="lowest score of a segment, 0 to 1 (default: what suits the backbone)",
    )
    match.add_argument(
        "--top-k",
        type=positive,
        metavar="N",
        help="at most N gallery videos are compared with a query (default: all that look like a second of it or more, "
        "and at least 20)",
    )
    match.add_argument(
        "--no-stop-list",
        action="store_true",
        help="search intros and credits, too, that many videos of the gallery share",
    )
    match.add_argument(
        "--views",
        type=_views,
        default=DEFAULT_VIEWS,
        metavar="NAME[,NAME…]",
        help=f"what else of a query is searched: {', '.join(QUERY_VIEWS)}, all or none "
        f"(default: {','.join(DEFAULT_VIEWS) or 'none'})",
    )
    match.add_argument(
        "--keyframes",
        type=keyframe_config,
        metavar="SELECTOR[:N]",
        help=f"which frames of the queries are searched (default: {QUERY_KEYFRAMES})",
    )
    match.add_argument(
        "--maps", default="", metavar="DIR", help="draw the similarity map of every match, with its segments, as a PNG"
    )
    work_options(match)

    dedup = add_command(commands, "dedup", "judge uploads as they come: canonical, overlapping, or a duplicate of what")
    dedup.set_defaults(run=_dedup)
    uploads = dedup.add_mutually_exclusive_group()
    uploads.add_argument("--watch", default="", metavar="GLOB", help="a folder or glob; a file counts once it is whole")
    uploads.add_argument(
        "--notifications", default="", metavar="SUBSCRIPTION", help="or else a bucket's, from Pub/Sub (on Dataflow)"
    )
    dedup.add_argument("--gallery", required=True, metavar="DIR", help="what uploads are compared with and added to")
    dedup.add_argument("--output", required=True, metavar="DIR", help="verdicts-*.jsonl, one event a line")
    dedup.add_argument("--once", action="store_true", help="judge what is there, and end")
    dedup.add_argument("--policy", default="", metavar="TOML", help="how much shared makes a duplicate (docs/dedup.md)")
    dedup.add_argument(
        "--webhook", default="", metavar="URL", help="post each event there, signed with CLIPTRACE_WEBHOOK_SECRET"
    )
    dedup.add_argument("--poll", type=_seconds, default=2.0, metavar="S", help="seconds between two looks (default: 2)")
    dedup.add_argument(
        "--min-score",
        type=_score,
        default=DEDUP_MIN_SCORE,
        metavar="S",
        help="lowest score of a segment, 0 to 1 (default: %(default)s)",
    )
    model_options(dedup)
    dedup.add_argument("--milvus", metavar="URI", help=_MILVUS)
    work_options(dedup)

    evaluate = add_command(commands, "evaluate", "measure matches against the truth")
    evaluate.set_defaults(run=_evaluate)
    evaluate.add_argument(
        "--truth", required=True, metavar="CSV", help="query_id,ref_id,query_start,query_end,ref_start,ref_end"
    )
    evaluate.add_argument("--matches", required=True, metavar="FILE", help="what cliptrace match wrote")

    train = add_command(commands, "train", "train a model on your own footage")
    train.set_defaults(run=_train)
    train.add_argument(
        "model",
        choices=tuple(METHODS),
        help="; ".join(f"{method.name}: {method.summary}" for method in METHODS.values()),
    )
    train.add_argument("--data", required=True, nargs="+", metavar="DIR", help="folders of videos and images")
    train.add_argument(
        "--output", required=True, metavar="DIR", help="weights, log and checkpoint; an interrupted training goes on"
    )
    train.add_argument("--steps", type=positive, metavar="N", help="batches (default: those of the built-in one)")
    train.add_argument("--seed", type=int, default=0, metavar="N", help="default: 0")
    train.add_argument(
        "--backbone",
        default=DEFAULT_BACKBONE,
        metavar="NAME|FILE",
        help="whose embeddings ske, spd and ssan learn from (default: %(default)s)",
    )

    gallery_commands.add_to(commands)

    doctor = add_command(commands, "doctor", "check ffmpeg, runtimes, devices, Milvus and weights")
    doctor.set_defaults(run=_doctor)
    doctor.add_argument("--milvus", metavar="URI", help="also try this server")
    return parser


_MILVUS = "Milvus server; token in CLIPTRACE_MILVUS_TOKEN (default: embedded)"
_SOURCE = "a file, a folder, a glob, or a manifest (.txt .csv .jsonl .parquet with id and uri)"


def _since(text: str) -> float:
    """Seconds since 1970."""
    unit = {"d": "days", "h": "hours", "m": "minutes"}.get(text[-1:])
    try:
        if unit:
            then = datetime.datetime.now(datetime.UTC) - datetime.timedelta(**{unit: float(text[:-1])})
        else:
            then = datetime.datetime.fromisoformat(text)
        return (then if then.tzinfo else then.replace(tzinfo=datetime.UTC)).timestamp()
    except (ValueError, OverflowError):
        raise argparse.ArgumentTypeError(
            f"{text} is neither a span (7d, 36h, 90m) nor a date or time (2026-01-31, 2026-01-31T18:00+01:00)"
        ) from None


def _score(text: str) -> float:
    value = float(text)
    if not 0.0 <= value <= 1.0:
        raise argparse.ArgumentTypeError(f"{text} is not between 0 and 1")
    return value


def _seconds(text: str) -> float:
    value = float(text)
    if not 0.1 <= value <= 3600:
        raise argparse.ArgumentTypeError(f"{text} is not between 0.1 and 3600")
    return value


def _views(text: str) -> tuple[str, ...]:
    if text in ("none", "all"):
        return QUERY_VIEWS if text == "all" else ()
    asked = [name.strip() for name in text.split(",")]
    for name in asked:
        if name not in QUERY_VIEWS:
            raise argparse.ArgumentTypeError(
                f"no view is called {name!r}; there are {', '.join(QUERY_VIEWS)}; or use all or none"
            )
    return tuple(name for name in QUERY_VIEWS if name in asked)


def _quiet_libraries() -> None:
    """Keep stderr for what a person can act on: libraries log what they also raise, and what concerns nobody."""
    logging.basicConfig(level=logging.ERROR, format="%(levelname)s %(name)s: %(message)s")
    for name in ("milvus_lite", "grpc._server", "apache_beam", "PrismRunner"):
        logging.getLogger(name).setLevel(logging.CRITICAL)


def _index(options: argparse.Namespace) -> int:
    from cliptrace.pipelines.index import IndexOptions, index, rehearse
    from cliptrace.pipelines.reporting import reporting

    asked = IndexOptions(**given(IndexOptions, options), since_s=options.since)
    with reporting(options.report, "index", options.gallery) as report:
        if options.dry_run:
            work, summary = rehearse(asked)
            for video in work:
                print(json.dumps(video))
            sys.stdout.flush()
            print("\n".join(aligned(summary.lines)), file=sys.stderr)
        else:
            summary = index(asked)
            print(summary, file=sys.stderr)
        report |= {**summary.facts, "exit_code": summary.exit_code}
    return summary.exit_code


def _match(options: argparse.Namespace) -> int:
    from cliptrace.pipelines.match import MatchOptions, match

    summary = match(MatchOptions(**given(MatchOptions, options)))
    print(summary, file=sys.stderr)
    return summary.exit_code


def _dedup(options: argparse.Namespace) -> int:
    from cliptrace.pipelines.dedup import DedupOptions, dedup

    if not options.watch and not options.notifications:
        raise UsageError("cliptrace dedup needs --watch GLOB or --notifications SUBSCRIPTION")
    if options.once and options.notifications:
        raise UsageError("--once judges what --watch names; a subscription has no end")
    summary = dedup(DedupOptions(**given(DedupOptions, options), poll_s=options.poll))
    print(summary, file=sys.stderr)
    return summary.exit_code


def _evaluate(options: argparse.Namespace) -> int:
    from cliptrace.models.metrics.files import read_matches, read_truth
    from cliptrace.models.metrics.report import evaluate

    result = evaluate(read_truth(options.truth), read_matches(options.matches))
    for name, score in (("VCSL", result.vcsl), ("VCDB", result.vcdb)):
        print(f"{name + ':':<20} F1 {score.f1:.4f}, precision {score.precision:.4f}, recall {score.recall:.4f}")
    print(f"{'VSC22 segment AP:':<20} {result.segment_ap:.4f}")
    print(f"{'mAP:':<20} {result.mean_average_precision:.4f}")
    if error := result.boundary_error:
        spread = f"mean {error.mean_s:.3f} s, median {error.median_s:.3f} s"
        print(f"{'boundary error:':<20} {spread}, {error.segments} segments")
    print(f"{'pairs:':<20} {result.true_pairs} true, {result.predicted_pairs} predicted, {result.found_pairs} found")
    return 0


def _train(options: argparse.Namespace) -> int:
    from pathlib import Path

    method, data = METHODS[options.model], [Path(folder) for folder in options.data]
    try:
        method.train(data, Path(options.output), backbone=options.backbone, seed=options.seed, steps=options.steps)
    except ImportError as error:
        raise CliptraceError(f"cliptrace train needs {error.name}: pip install 'cliptrace[train]'") from error
    print(f"{options.output}: {method.use}", file=sys.stderr)
    return 0


def _doctor(options: argparse.Namespace) -> int:
    from cliptrace.pipelines.doctor import examine

    checks = examine(options.milvus)
    for check in checks:
        print(check)
    return 0 if all(check.good or not check.needed for check in checks) else 1


if __name__ == "__main__":
    program()
