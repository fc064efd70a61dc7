"""cliptrace index."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cliptrace.pipelines.cli.parsers import (
    GOES_ON,
    MILVUS,
    SOURCE,
    Commands,
    Run,
    add_command,
    descriptor_option,
    given,
    index_option,
    model_options,
    positive,
    since,
    source_options,
    views_of,
    work_options,
)
from cliptrace.pipelines.cli.printing import (
    aligned,
    left_aside,
    list_ignored,
    out_of_reach,
    some,
    streams_left_out,
    summarise,
)
from cliptrace.schemas.config import (
    DEFAULT_CLIPS,
    DEFAULT_DESCRIPTOR,
    DEFAULT_GALLERY_VIEWS,
    GALLERY_VIEWS,
    OTHERS_DESCRIPTOR,
)
from cliptrace.schemas.text import named

if TYPE_CHECKING:  # heavy, and --help must answer at once
    from cliptrace.pipelines.index import IndexOptions
    from cliptrace.pipelines.index_report import IndexReport, Recognised, Rehearsal, Skipped


def add_to(commands: Commands[argparse.ArgumentParser], run: Run | None = None) -> None:
    parser = add_command(commands, "index", "decode videos, embed their keyframes, and add them to a gallery")
    parser.set_defaults(run=run or _run, if_stopped=GOES_ON)
    parser.add_argument("sources", nargs="+", metavar="SOURCE", help=SOURCE)
    parser.add_argument("--gallery", required=True, metavar="DIR", help="the gallery; made where there is none")
    model_options(parser)
    parser.add_argument(
        "--stored-views",
        type=_views,
        metavar="NAME[,NAME…]",
        help="what else of each keyframe is stored, to be found by a query that is a part of its picture: "
        f"{', '.join(GALLERY_VIEWS)}, all (halves and insets) or none; halves and insets take 5, 6 or "
        "together 10 times as many embeddings, found is the picture in a picture where one is seen "
        f"(default: the gallery's own; {','.join(DEFAULT_GALLERY_VIEWS)} for a new one)",
    )
    descriptor_option(
        parser,
        f" (default: the gallery's own; for a new one {DEFAULT_DESCRIPTOR}, "
        f"with another --backbone {OTHERS_DESCRIPTOR})",
    )
    parser.add_argument(
        "--moments",
        nargs="?",
        const=DEFAULT_CLIPS,
        type=_clips,
        metavar="NAME|FILE",
        help="store clip features, too, by which match --mode moment finds what happens: "
        f"{DEFAULT_CLIPS}, which stands for no value, or a .json or .toml file describing a clip network, or features "
        "that are there already (default: the gallery's own; none for a new one)",
    )
    parser.add_argument("--milvus", metavar="URI", help=MILVUS)
    index_option(parser)
    parser.add_argument("--retry-failed", action="store_true", help="try known failures again, too")
    parser.add_argument(
        "--since",
        type=since,
        metavar="WHEN",
        help="only files changed since: 7d, 36h, 90m, or a date or time as 2026-01-31 or 2026-01-31T18:00+01:00 "
        "(UTC unless it says)",
    )
    parser.add_argument("--limit", type=positive, metavar="N", help="at most N videos; the rest is for the next run")
    parser.add_argument(
        "--prune", action="store_true", help="take out videos whose files are gone from the folders that are named"
    )
    parser.add_argument(
        "--dry-run", action="store_true", help="print what would be indexed, as JSON lines, and write nothing"
    )
    parser.add_argument("--report", default="", metavar="FILE", help="write what became of the run, as JSON")
    source_options(parser)
    work_options(parser)


def asked(options: argparse.Namespace) -> IndexOptions:
    from cliptrace.pipelines.index import IndexOptions

    return IndexOptions(**given(IndexOptions, options), since_s=options.since)


def _run(options: argparse.Namespace) -> int:
    from cliptrace.pipelines import index
    from cliptrace.pipelines.cli.progress import Progress
    from cliptrace.pipelines.cli.reporting import reporting

    with reporting(options.report, "index", options.gallery) as report:
        job = index.prepare(asked(options))
        if options.verbose:
            list_ignored(job.listing.ignored)
        if options.dry_run:
            rehearsal = index.rehearse(job)
            report |= rehearsal_facts(rehearsal)
            for video in rehearsal.work:
                print(json.dumps(video))
            sys.stdout.flush()
            print("\n".join(aligned(rehearsal_lines(rehearsal))), file=sys.stderr)
            code = 0
        else:
            with Progress("index"):
                done = index.run(job)
            report |= facts(done)
            code = summarise(done.indexed, done.failed, done.video_s, done.elapsed_s, lines(done))
        report["exit_code"] = code
    return code


def lines(done: IndexReport) -> dict[str, str]:
    """What the summary says beside how many and how fast."""
    return {
        "keyframes": f"{done.keyframes:,}",
        "left to the job": some(done.left_to_the_job),
        "partly decoded": named(done.partly_decoded),
        "replaced by other files": named(done.replaced),
        **_recognised(done.recognised, "gone, taken out" if done.pruned else ""),
        "streams of changed files, taken out": named(done.outdated),
        **streams_left_out(done.one_of_several),
        **_skipped(done.skipped),
        "gallery": f"{done.gallery} ({done.in_gallery:,} videos)",
        "failures in": done.dead_letters or "",
    }


def facts(done: IndexReport) -> dict[str, Any]:
    """The same for programs (docs/scheduling.md)."""
    return {
        "run": done.run,
        "videos": {
            "indexed": done.indexed,
            "partly_decoded": len(done.partly_decoded),
            "replaced": len(done.replaced),
            "failed": done.failed,
            **_known(done.recognised, done.pruned),
            **_counts(done.skipped),
            "in_gallery": done.in_gallery,
        },
        "keyframes": done.keyframes,
        "video_seconds": round(done.video_s, 1),
        "dead_letters": done.dead_letters,
    }


def rehearsal_lines(rehearsal: Rehearsal) -> dict[str, str]:
    reasons = _reasons(rehearsal)
    shown = ", ".join(f"{count:,} {why}" for why, count in reasons.items() if count)
    return {
        "would be indexed": f"{len(rehearsal.work):,}" + (f" ({shown})" if shown else ""),
        **_recognised(rehearsal.recognised, "gone, to be taken out" if rehearsal.pruned else ""),
        **_skipped(rehearsal.skipped),
        "gallery": rehearsal.gallery if rehearsal.exists else f"{rehearsal.gallery} (would be made)",
    }


def rehearsal_facts(rehearsal: Rehearsal) -> dict[str, Any]:
    known = _known(rehearsal.recognised, rehearsal.pruned)
    counts = {"would_be_indexed": len(rehearsal.work), **_reasons(rehearsal), **known, **_counts(rehearsal.skipped)}
    return {"dry_run": True, "videos": counts}


def _reasons(rehearsal: Rehearsal) -> dict[str, int]:
    return {why: sum(each["why"] == why for each in rehearsal.work) for why in ("new", "changed", "retry")}


def _recognised(recognised: Recognised, pruned: str) -> dict[str, str]:
    """pruned: what is said of files that are gone where their videos are taken out; else ""."""
    gone = named(recognised.gone)
    return {
        "moved": named(recognised.moved),
        "same content as known": named(recognised.copies),
        pruned or "gone": f"{gone}; take them out with --prune" if gone and not pruned else gone,
        "out of reach": out_of_reach(recognised.out_of_reach),
    }


def _known(recognised: Recognised, pruned: bool) -> dict[str, int]:
    return {
        "moved": len(recognised.moved),
        "copies": len(recognised.copies),
        "gone": len(recognised.gone),
        "out_of_reach": len(recognised.out_of_reach),
        "pruned": len(recognised.gone) * pruned,
    }


def _skipped(skipped: Skipped) -> dict[str, str]:
    kept_out = named(skipped.removed)
    return {
        "unchanged, skipped": some(skipped.unchanged),
        "known failures, skipped": some(skipped.known_failures, "retry them with --retry-failed"),
        "removed, kept out": f"{kept_out}; to let one in again: cliptrace gallery reinstate" if kept_out else "",
        "older, skipped": some(skipped.older, "changed before --since"),
        "left for the next run": some(skipped.left, "--limit"),
        **left_aside(skipped.other_files, skipped.loops),
    }


def _counts(skipped: Skipped) -> dict[str, int]:
    return {
        "unchanged": skipped.unchanged,
        "known_failures": skipped.known_failures,
        "removed": len(skipped.removed),
        "older": skipped.older,
        "left": skipped.left,
        "other_files": len(skipped.other_files),
    }


def _views(text: str) -> tuple[str, ...]:
    """Of all insets one that is found is a part, more or less."""
    return ("halves", "insets") if text == "all" else views_of(text, GALLERY_VIEWS)


def _clips(text: str) -> str:
    """A source that stands behind --moments would be taken for its value."""
    if text != DEFAULT_CLIPS and Path(text).exists() and not text.endswith((".json", ".toml")):
        raise argparse.ArgumentTypeError(
            f"{text} describes no clip network: put --moments after the sources, or write --moments={DEFAULT_CLIPS}"
        )
    return text
