"""A bench's figures as tables, each described once: for a terminal and, as Markdown, for documents."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import rich.table
from rich.console import Console


@dataclasses.dataclass(frozen=True, slots=True)
class Table:
    """title: what stands above it. columns: the first holds names, the others figures. detail: for a terminal alone."""

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[object]]
    detail: bool = False

    def markdown(self) -> str:
        lines = [self.columns, ["---", *["---:"] * (len(self.columns) - 1)], *self.rows]
        above = f"{self.title}\n\n" if self.title else ""
        return above + "".join("| " + " | ".join(map(str, line)) + " |\n" for line in lines)

    def print(self) -> None:
        """No wider than 120 columns."""
        made = rich.table.Table()
        made.add_column(self.columns[0], overflow="fold")
        for column in self.columns[1:]:
            made.add_column(column, justify="right")
        for row in self.rows:
            made.add_row(*map(str, row))
        console = Console(width=120, highlight=False, markup=False)
        console.print(self.title)
        console.print(made)
