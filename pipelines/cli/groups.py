"""cliptrace groups."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, get_args

from cliptrace.pipelines.cli.parsers import Commands, add_command, given, number_between, score, threads_option
from cliptrace.pipelines.cli.printing import SOME_FAILED, put_summary, some
from cliptrace.schemas.config import DEDUP_MIN_SCORE, GROUPS_MIN_SECONDS, KEEP_RULES, NEIGHBOURS, GroupsBy, KeepRule
from cliptrace.schemas.text import named

if TYPE_CHECKING:  # heavy, and --help must answer at once
    from cliptrace.pipelines.groups import GroupsReport


def add_to(commands: Commands[argparse.ArgumentParser]) -> None:
    text = "compare every video of a gallery with every other: groups of copies, shared parts, which one to keep"
    parser = add_command(commands, "groups", text)
    parser.set_defaults(run=_run, if_stopped="nothing is kept")
    parser.add_argument("--gallery", required=True, metavar="DIR", help="the gallery; no video of it is decoded")
    parser.add_argument("--output", required=True, metavar="FILE", help="groups, as .jsonl or .parquet")
    parser.add_argument(
        "--keep",
        type=_rules,
        default=KEEP_RULES,
        metavar="RULE[,RULE…]",
        help="which one of a group to keep: that with the most of the first rule, of equals by the next; of "
        f"{', '.join(KEEP_RULES)} (first indexed) (default: {','.join(KEEP_RULES)})",
    )
    parser.add_argument(
        "--min-score",
        type=score,
        metavar="S",
        help=f"lowest score of a segment, 0 to 1 (default: {DEDUP_MIN_SCORE}, or what suits another backbone than the "
        "default one)",
    )
    parser.add_argument(
        "--min-seconds",
        type=_seconds,
        default=GROUPS_MIN_SECONDS,
        metavar="S",
        help="least seconds that two videos share to be of one group; with less they are listed as parts "
        "(default: %(default)s)",
    )
    parser.add_argument(
        "--by",
        choices=get_args(GroupsBy),
        default="frame",
        help="what says which videos are compared: all frames, or the descriptors of whole videos, of which each meets "
        f"the {NEIGHBOURS} nearest: for very large galleries (default: frame)",
    )
    parser.add_argument(
        "--resume", action="store_true", help="go on with what is kept of the same comparison, where it was stopped"
    )
    threads_option(parser, "pairs compared at a time")


def _run(options: argparse.Namespace) -> int:
    from cliptrace.pipelines import groups
    from cliptrace.pipelines.cli.progress import Progress

    job = groups.prepare(groups.GroupsOptions(**given(groups.GroupsOptions, options)))
    with Progress("groups"):
        done = groups.run(job)
    put_summary(lines(done))
    return SOME_FAILED if done.failed else 0


def lines(done: GroupsReport) -> dict[str, str]:
    """The summary."""
    return {
        "videos": f"{done.videos:,} in {done.elapsed_s:.1f} s",
        "failures": f"{len(done.failed):,}",
        "compared before": some(done.resumed),
        "groups of copies": f"{done.groups:,}",
        "videos in groups": some(done.grouped, f"the largest has {done.largest:,}"),
        "pairs that share a part": f"{done.parts:,}",
        "rejected before": some(done.rejected),
        "more pairs than are compared": named(done.truncated),
        "output": done.output,
        "failures in": done.dead_letters or "",
    }


def _seconds(text: str) -> float:
    return number_between(text, 0, 86_400)


def _rules(text: str) -> tuple[KeepRule, ...]:
    asked = [name.strip() for name in text.split(",")]
    for name in asked:
        if name not in KEEP_RULES:
            raise argparse.ArgumentTypeError(f"no rule is called {name!r}; there are {', '.join(KEEP_RULES)}")
    return tuple(rule for name in asked for rule in KEEP_RULES if rule == name)
