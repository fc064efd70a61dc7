"""A bench's figures as tables, each described once: for a terminal and, as Markdown, for documents."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Sequence
from typing import Any

import rich.table
from rich.console import Console

from benchmarks.harness.environment import describe


@dataclasses.dataclass(frozen=True, slots=True)
class Table:
    """title: what stands above it. columns: the first holds names, the others figures. detail: for a terminal alone."""

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[object]]
    detail: bool = False

    def markdown(self) -> str:
        lines = [self.columns, ["---", *["---:"] * (len(self.columns) - 1)], *self.rows]
        return f"{self.title}\n\n" + "".join("| " + " | ".join(map(str, line)) + " |\n" for line in lines)

    def terminal(self) -> rich.table.Table:
        made = rich.table.Table()
        made.add_column(self.columns[0], overflow="fold")
        for column in self.columns[1:]:
            made.add_column(column, justify="right")
        for row in self.rows:
            made.add_row(*map(str, row))
        return made


def show(tables: Iterable[Table], facts: dict[str, Any]) -> None:
    """Print tables no wider than 120 columns, and below them where they were measured and how to measure them again."""
    console = Console(width=120, highlight=False, markup=False)
    for table in tables:
        console.print(table.title)
        console.print(table.terminal())
    console.print(describe(facts))
    console.print(facts["command"])
