"""What is lost where less is decoded, or more cheaply: CPU seconds of cliptrace index, and how well copies are found.

python -m benchmarks.speed.decoding [--queries 120] [--seed 1]

OUTPUT/test   the attack bench (benchmarks.attacks.build), made where it is missing

All through the program, with its defaults. A cheaper filter or scaler is that of queries, too, as a default would be;
of queries all frames are decoded, also where a gallery has key frames alone.
"""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import sys
from collections.abc import Iterator
from unittest import mock

from benchmarks.attacks.build import build
from benchmarks.attacks.splits import find_footage
from benchmarks.harness.command import Question, Result, add_queries, add_seed
from benchmarks.harness.program import Ran, ran
from benchmarks.speed import tables
from cliptrace.schemas.config import DEFAULT_BACKBONE, DEFAULT_KEYFRAMES, SKE_POINTS
from cliptrace.transforms.media import command, decode


@dataclasses.dataclass(frozen=True, slots=True)
class Way:
    """To decode. keyframes: of the gallery. scaler: ffmpeg's; options: that ffmpeg is given before its input."""

    name: str
    keyframes: str = str(DEFAULT_KEYFRAMES)
    scaler: str = command.SCALER
    options: tuple[str, ...] = ()


WAYS = (
    Way("as shipped"),
    Way("without loop filter", options=("-skip_loop_filter", "all")),
    Way("bilinear scaler", scaler="bilinear"),
    Way("fast bilinear scaler", scaler="fast_bilinear"),
    Way("keyframes coarsest", f"ske:{list(SKE_POINTS)[-1]}"),
    Way("keyframes express", "express"),
)


def options(parser: argparse.ArgumentParser) -> None:
    add_queries(parser)
    add_seed(parser)


def measure(arguments: argparse.Namespace) -> Result:
    dataset = build("test", arguments.output / "test", arguments.seed, arguments.queries, find_footage())
    ran(dataset)  # what is loaded once is loaded
    rows = {}
    for way in WAYS:
        with decoding(way):
            rows[way.name] = figures(ran(dataset, ("--keyframes", way.keyframes)))
        print(f"{way.name}: {rows[way.name]}", file=sys.stderr)
    return {"data": {"backbone": DEFAULT_BACKBONE, "test": dataset.facts["counts"]}, "ways": rows}


@contextlib.contextmanager
def decoding(way: Way) -> Iterator[None]:
    """Whatever is decoded meanwhile in this process is decoded in that way."""
    asked = decode.decode_command

    def changed(*arguments: object, **named: object) -> list[str]:
        program, *rest = asked(*arguments, **named)  # type: ignore[arg-type]
        return [program, *way.options, *rest] if program == "ffmpeg" else [program, *rest]

    with mock.patch.object(command, "SCALER", way.scaler), mock.patch.object(decode, "decode_command", changed):
        yield


def figures(found: Ran) -> Result:
    report = found.evaluation
    return {
        "index_cpu_s": found.index_cpu_s,
        "decode_cpu_s": found.decode_cpu_s,
        "vcsl_f1": report.vcsl.f1,
        "vcsl_recall": report.vcsl.recall,
        "vcdb_f1": report.vcdb.f1,
        "segment_ap": report.segment_ap,
    }


QUESTION = Question("benchmarks.speed.decoding", __doc__, options, measure, tables.decoding)

if __name__ == "__main__":
    sys.exit(QUESTION.main())
