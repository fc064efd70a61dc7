"""cliptrace preflight: the rehearsal of a job for a cluster. Prints a table of its steps."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from cliptrace.pipelines.cli import dedup, index, match
from cliptrace.pipelines.cli.parsers import Commands
from cliptrace.pipelines.cli.printing import put
from cliptrace.schemas.errors import CliptraceError
from cliptrace.schemas.text import printable

if TYPE_CHECKING:  # heavy, and --help must answer at once
    from cliptrace.pipelines.preflight import ClusterJob
    from cliptrace.pipelines.preflight.stages import Stage


def add_to(commands: Commands[argparse.ArgumentParser]) -> None:
    text = "build a job for a cluster and look at it, without one: would its workers be able to run it?"
    parser = commands.add_parser("preflight", help=text, description=f"{text[0].upper()}{text[1:]}", allow_abbrev=False)
    below = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for command in (index, match, dedup):
        command.add_to(below, _run)


def _run(options: argparse.Namespace) -> int:
    from cliptrace.pipelines.preflight import examine

    wrong, found = examine(job_of(options), options.beam_args)
    put(table(wrong, found))
    return CliptraceError.exit_code if wrong or any(stage.wrong for stage in found) else 0


def job_of(options: argparse.Namespace) -> ClusterJob:
    from cliptrace.pipelines import dedup as dedup_job
    from cliptrace.pipelines import index as index_job
    from cliptrace.pipelines import match as match_job
    from cliptrace.pipelines import preflight

    if options.command == "index":
        return preflight.of_index(index_job.prepare(index.asked(options)))
    if options.command == "match":
        return preflight.of_match(match_job.prepare(match.asked(options)))
    return preflight.of_dedup(dedup_job.prepare(dedup.asked(options)))


def table(wrong: Sequence[str], found: Sequence[Stage]) -> Iterator[str]:
    rows = [("step", "urn", "coder of what it puts out", "")]
    for stage in found:
        urn = stage.urn.removeprefix("beam:transform:").removesuffix(":v1")
        rows.append((stage.name, urn, stage.coder, "; ".join(stage.wrong) or "OK"))
    widths = [max(len(row[column]) for row in rows) for column in range(3)]
    for row in rows:
        cells = [f"{cell:<{width}}" for cell, width in zip(row, widths, strict=False)]
        yield printable("  ".join([*cells, row[3]])).rstrip()
    yield ""
    yield from (printable(f"WRONG: {each}") for each in wrong)
    bad = sum(bool(stage.wrong) for stage in found)
    yield f"{len(found)} steps, {bad} of them wrong" + (f"; {len(wrong)} more things are wrong" if wrong else "")
