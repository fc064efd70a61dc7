"""What the parsers of all commands have in common."""

from __future__ import annotations

import argparse
import dataclasses
import datetime
import math
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, get_args

from cliptrace.schemas.config import (
    DEFAULT_BACKBONE,
    DEFAULT_KEYFRAMES,
    NO_DESCRIPTOR,
    SKE_POINTS,
    KeyframeConfig,
    Streams,
    descriptor_name,
)
from cliptrace.schemas.errors import UsageError
from cliptrace.schemas.indexes import DEFAULT_INDEX, INDEX_KINDS

EXIT_CODES = "exit codes: 0 done, 1 error, 2 wrong usage, 3 done but some inputs failed"

MILVUS = "Milvus server; token in CLIPTRACE_MILVUS_TOKEN (default: embedded)"
SOURCE = "a file, a folder, a glob, or a manifest (.txt .csv .jsonl .parquet with id and uri)"

GOES_ON = "run the same command again to go on"
"""What is told where a command is stopped that does not begin anew: its ``if_stopped``."""

Commands = argparse._SubParsersAction  # what add_subparsers returns, which has no public name
Run = Callable[[argparse.Namespace], int]
"""What a command does with its options: its exit code."""


def given(kind: type, options: argparse.Namespace) -> dict[str, Any]:
    """What the arguments say of the fields of the dataclass ``kind``."""
    names = {field.name for field in dataclasses.fields(kind)}
    return {name: value for name, value in vars(options).items() if name in names}


def add_command(commands: Commands[argparse.ArgumentParser], name: str, text: str) -> argparse.ArgumentParser:
    parser = commands.add_parser(
        name, help=text, description=f"{text[0].upper()}{text[1:]}.", epilog=EXIT_CODES, allow_abbrev=False
    )
    table = parser.prog.removeprefix("cliptrace ").removeprefix("preflight ").replace(" ", ".")
    parser.add_argument("--config", metavar="TOML", help=f"options of this command, in a table [{table}]")
    return parser


def model_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--backbone",
        metavar="NAME|FILE",
        help="built-in backbone, or a .json or .toml file describing one "
        f"(default: the gallery's own; {DEFAULT_BACKBONE} for a new one)",
    )
    parser.add_argument(
        "--keyframes",
        type=keyframe_config,
        metavar="SELECTOR[:N]",
        help=f"uniform:N (N a second), content:T (change above T), ske:POINT (learned: {', '.join(SKE_POINTS)}; "
        "ske:POINT:FOLDER for weights of your own) or express (the file's own key frames, and nothing else is decoded) "
        f"(default: the gallery's own; {DEFAULT_KEYFRAMES} for a new one)",
    )


def index_option(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--index",
        choices=tuple(INDEX_KINDS),
        metavar="KIND",
        help=f"index of a Milvus server: {', '.join(INDEX_KINDS)} "
        f"(default: the gallery's own; {DEFAULT_INDEX} for a new one)",
    )


def descriptor_option(parser: argparse.ArgumentParser, note: str) -> None:
    parser.add_argument(
        "--descriptor",
        type=_descriptor,
        metavar="NAME",
        help="what each video has as a whole, to be found by search, match --retrieval and groups --by: one vector "
        f"(mean of the keyframes; star_gnn or star_gnn:FOLDER, of their regions), or one every 18 s (parts){note}; "
        f"or {NO_DESCRIPTOR}",
    )


def _descriptor(text: str) -> str:
    try:
        return descriptor_name(text)
    except UsageError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def work_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--device", choices=("cpu", "cuda"), default="cpu", help="where the backbone runs (default: cpu)"
    )
    threads_option(parser, "videos decoded at a time")


def threads_option(parser: argparse.ArgumentParser, what: str) -> None:
    parser.add_argument(
        "--threads",
        type=positive,
        default=(os.cpu_count() or 1) + 1,
        metavar="N",
        help=f"{what} (default: one more than there are cores, here %(default)s)",
    )


def source_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--streams",
        choices=get_args(Streams),
        default="shown",
        help="which video streams of a file that has several: the one that players show, or all, the others as ID#N "
        "(default: shown)",
    )
    parser.add_argument("--verbose", action="store_true", help="list the files of folders that are ignored")


def score(text: str) -> float:
    return number_between(text, 0, 1)


def number_between(text: str, low: float, high: float) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not low <= value <= high:
        raise argparse.ArgumentTypeError(f"{text} is not a number from {low:g} to {high:g}")
    return value


def positive(text: str) -> int:
    return whole_number(text, 1)


def whole_number(text: str, least: int = 0) -> int:
    if not text.isdecimal() or int(text) < least:
        raise argparse.ArgumentTypeError(f"{text} is not a whole number from {least} on")
    return int(text)


def since(text: str) -> float:
    """Seconds since 1970."""
    unit = {"d": "days", "h": "hours", "m": "minutes"}.get(text[-1:])
    try:
        if unit:
            then = datetime.datetime.now(datetime.UTC) - datetime.timedelta(**{unit: float(text[:-1])})
        else:
            then = datetime.datetime.fromisoformat(text)
        then = then if then.tzinfo else then.replace(tzinfo=datetime.UTC)
        if then > datetime.datetime.now(datetime.UTC):
            raise argparse.ArgumentTypeError(f"{text} is in the future")
        return then.timestamp()
    except (ValueError, OverflowError):
        raise argparse.ArgumentTypeError(
            f"{text} is neither a span (7d, 36h, 90m) nor a date or time (2026-01-31, 2026-01-31T18:00+01:00)"
        ) from None


def keyframe_config(text: str) -> KeyframeConfig:
    name, _, number = text.partition(":")
    if text == "express":
        return KeyframeConfig("express")
    if name == "ske":
        point, colon, folder = number.partition(":")
        if not number or (point in SKE_POINTS and bool(colon) == bool(folder)):
            return KeyframeConfig.ske(point or "balanced", str(Path(folder).resolve()) if folder else "")
    try:
        value = float(number) if number else None
        if (value is None or 0 < value < float("inf")) and name == "uniform":
            return KeyframeConfig("uniform") if value is None else KeyframeConfig("uniform", per_second=value)
        if (value is None or 0 <= value <= 1) and name == "content":
            return KeyframeConfig("content") if value is None else KeyframeConfig("content", threshold=value)
    except ValueError:
        pass
    raise argparse.ArgumentTypeError(
        f"{text}: must be uniform:PER_SECOND, content:THRESHOLD (0 to 1), "
        f"ske:POINT[:FOLDER] ({', '.join(SKE_POINTS)}) or express"
    )


def views_of(text: str, known: tuple[str, ...]) -> tuple[str, ...]:
    """Names with commas between them, all or none."""
    if text in ("none", "all"):
        return known if text == "all" else ()
    asked = [name.strip() for name in text.split(",")]
    for name in asked:
        if name not in known:
            raise argparse.ArgumentTypeError(
                f"no view is called {name!r}; there are {', '.join(known)}; or use all or none"
            )
    return tuple(name for name in known if name in asked)
