"""Puts the commands and options of the program into docs/reference.md, so that none is typed by hand.

python -m docs.tools.commands [--check]
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from cliptrace.pipelines.cli import make_parser

REFERENCE = Path(__file__).parents[1] / "reference.md"
BEGIN, END = "<!-- commands -->\n", "<!-- /commands -->"
ALWAYS = ("help", "config", "version")
"""What every command has, said once above the tables."""


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m docs.tools.commands", description=__doc__.split("\n")[0])
    parser.add_argument("--check", action="store_true", help="change nothing; 1 where the reference is out of date")
    check = parser.parse_args(argv).check
    written = REFERENCE.read_text(encoding="utf-8")
    before, _, rest = written.partition(BEGIN)
    _, _, after = rest.partition(END)
    new = f"{before}{BEGIN}\n" + "\n".join(_sections(make_parser())) + f"\n{END}{after}"
    if not check:
        REFERENCE.write_text(new, encoding="utf-8")
    return int(check and new != written)


def _sections(parser: argparse.ArgumentParser, depth: int = 2) -> Iterator[str]:
    below = next((action for action in parser._actions if isinstance(action, argparse._SubParsersAction)), None)
    if depth > 2:
        yield f"{'#' * depth} {parser.prog}\n\n{parser.description}\n"
    if below and parser.prog == "cliptrace preflight":  # the options of what it rehearses
        yield f"Takes the arguments of {', '.join(f'`cliptrace {name}`' for name in below.choices)}.\n"
    elif below:
        for command in below.choices.values():
            yield from _sections(command, depth + 1)
    else:
        rows = [_row(action) for action in parser._actions if action.dest not in ALWAYS]
        yield "| argument | |\n| --- | --- |\n" + "".join(rows)


def _row(action: argparse.Action) -> str:
    value = str(action.metavar or ("NAME" if action.choices and action.option_strings else action.dest.upper()))
    name = f"{action.option_strings[0]} {'' if action.nargs == 0 else value}" if action.option_strings else value
    # The number of cores is this machine's.
    text = (action.help or "").replace(", here %(default)s", "") % {"default": action.default}
    choices = ", ".join(action.choices or ())
    notes = [f"one of {choices}"] if choices and choices not in text else []
    notes += ["required"] * (action.required and bool(action.option_strings)) + ["one or more"] * (action.nargs == "+")
    # A bar would end the cell, and is shown with its backslash in code.
    return f"| `{name.strip().replace('|', ' or ')}` | {'; '.join([text, *notes])} |\n"


if __name__ == "__main__":
    sys.exit(main())
