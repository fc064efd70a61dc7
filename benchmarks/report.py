"""A bench's figures: a table for a terminal, and JSON for README and docs."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks.environment import describe

RESULTS = Path(__file__).parent / "results"


def add_output(parser: argparse.ArgumentParser, name: str) -> None:
    """--output: where ``save`` writes to."""
    parser.add_argument(
        "--output", type=Path, default=RESULTS / f"{name}.json", metavar="FILE", help="default: %(default)s"
    )


def table(title: str, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> Table:
    """The first column holds names, the others figures."""
    made = Table(title=title, title_justify="left")
    made.add_column(columns[0], overflow="fold")
    for column in columns[1:]:
        made.add_column(column, justify="right")
    for row in rows:
        made.add_row(*map(str, row))
    return made


def markdown(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """The same for a document."""
    lines = [columns, ["---", *["---:"] * (len(columns) - 1)], *rows]
    return "".join("| " + " | ".join(map(str, line)) + " |\n" for line in lines)


def show(tables: Iterable[Table], facts: dict[str, Any]) -> None:
    """Print tables no wider than 120 columns, and below them where they were measured and how to measure them again."""
    console = Console(width=120, highlight=False, markup=False)
    for each in tables:
        console.print(each)
    console.print(describe(facts))
    console.print(facts["command"])


def save(result: dict[str, Any], path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
