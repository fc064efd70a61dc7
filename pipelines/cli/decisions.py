"""cliptrace gallery reject, accept, decide and rejected: what a person has looked at, and is not to see again."""

from __future__ import annotations

import argparse
import dataclasses
import re
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING

from cliptrace.pipelines.cli.printing import aligned, put, put_json, some
from cliptrace.schemas.text import escaped

if TYPE_CHECKING:  # heavy, and --help must answer at once
    from cliptrace.schemas.decisions import Decision
    from cliptrace.schemas.records import Segment
    from cliptrace.transforms.store.gallery import Gallery

_VIDEO = "id, path or URI of a video of the gallery, or else a file"
_NUMBER = r"(\d{1,9}(?:\.\d*)?)"
_SEGMENT = re.compile(f"{_NUMBER}-{_NUMBER}:{_NUMBER}-{_NUMBER}")


def add_to(command: Callable[[str, str], argparse.ArgumentParser], opened: Callable[[str], Gallery]) -> None:
    """command: makes the parser of a command of cliptrace gallery. opened: the gallery that is named."""

    def pair(name: str, text: str, segment: str) -> argparse.ArgumentParser:
        parser = command(name, text)
        parser.add_argument("a", metavar="A", help=_VIDEO)
        parser.add_argument("b", metavar="B", help=_VIDEO)
        parser.add_argument("--segment", type=_segment, metavar="Q0-Q1:R0-R1", help=segment)
        return parser

    reject = pair(
        "reject",
        "say that two videos are no match: no later search or dedup names the pair",
        "only this: seconds of A, and of B (default: all of both)",
    )
    reject.add_argument("--note", default="", metavar="TEXT", help="why; kept with it")
    reject.set_defaults(run=lambda options: _reject(opened(options.gallery), options))

    accept = pair(
        "accept",
        "take back that two videos are no match",
        "only this: seconds of A, and of B (default: all that was said)",
    )
    accept.set_defaults(run=lambda options: _accept(opened(options.gallery), options))

    decide = command("decide", "take in a file of matches that was reviewed: decision reject or accept in a line")
    decide.add_argument("review", metavar="FILE", help='matches.jsonl with "decision" in lines, or in segments of them')
    decide.set_defaults(run=lambda options: _decide(opened(options.gallery), options))

    rejected = command("rejected", "list what was rejected")
    rejected.add_argument("--json", action="store_true", help="one JSON object a line")
    rejected.set_defaults(run=lambda options: _rejected(opened(options.gallery), options))


def _reject(gallery: Gallery, options: argparse.Namespace) -> int:
    from cliptrace.transforms.store.deciding import reject

    decision = reject(gallery, options.a, options.b, options.segment, options.note)
    same = len(set(decision.contents)) == 1
    hint = " (the same, byte for byte: no video of this content is told as a copy of another)" if same else ""
    print(f"rejected: {escaped(options.a)} and {escaped(options.b)}{hint}", file=sys.stderr)
    return 0


def _accept(gallery: Gallery, options: argparse.Namespace) -> int:
    from cliptrace.transforms.store.deciding import accept

    accept(gallery, options.a, options.b, options.segment)
    print(f"taken back: {escaped(options.a)} and {escaped(options.b)}", file=sys.stderr)
    return 0


def _decide(gallery: Gallery, options: argparse.Namespace) -> int:
    from cliptrace.transforms.store.deciding import decide
    from cliptrace.transforms.store.reviews import read_review

    changes, undecided = read_review(gallery, options.review)
    done = decide(gallery, changes)
    lines = {
        "rejected": f"{done.rejected:,}",
        "accepted": f"{done.accepted:,}"
        + (f", {done.taken_back:,} of which had been rejected" * bool(done.taken_back)),
        "lines without a decision": some(undecided),
        "gallery": gallery.home,
    }
    print("\n".join(aligned(lines)), file=sys.stderr)
    return 0


def _rejected(gallery: Gallery, options: argparse.Namespace) -> int:
    from cliptrace.transforms.store.decisions import read_decisions

    decisions = read_decisions(gallery.home)
    if options.json:
        put_json(map(dataclasses.asdict, decisions))
    else:
        put(["rejected (UTC)    videos, and seconds where it is not all", *map(_line, decisions)] if decisions else [])
    return 0


def _line(decision: Decision) -> str:
    from cliptrace.pipelines.cli.gallery_reports import clock

    seconds = " ".join(
        f"{each.first_start:g}-{each.first_end:g}:{each.second_start:g}-{each.second_end:g}"
        for each in decision.segments
    )
    told = (decision.first.video_id, decision.second.video_id, seconds, decision.note)
    return f"{clock(decision.time):<16}  {'  '.join(escaped(each) for each in told if each)}"


def _segment(text: str) -> Segment:
    from cliptrace.schemas.records import Segment

    try:
        if found := _SEGMENT.fullmatch(text):
            query_start, query_end, ref_start, ref_end = map(float, found.groups())
            return Segment(query_start, query_end, ref_start, ref_end, 1.0)
    except ValueError:  # one that is empty
        pass
    raise argparse.ArgumentTypeError(f"{text}: must be seconds of A and of B, as 12.5-20:100-107.5")
