"""What the parsers of all commands have in common."""

from __future__ import annotations

import argparse

EXIT_CODES = "exit codes: 0 done, 1 error, 2 wrong usage, 3 done but some inputs failed"

Commands = argparse._SubParsersAction  # what add_subparsers returns, which has no public name


def add_command(commands: Commands[argparse.ArgumentParser], name: str, text: str) -> argparse.ArgumentParser:
    parser = commands.add_parser(
        name, help=text, description=f"{text[0].upper()}{text[1:]}.", epilog=EXIT_CODES, allow_abbrev=False
    )
    table = parser.prog.removeprefix("cliptrace ").replace(" ", ".")
    parser.add_argument("--config", metavar="TOML", help=f"options of this command, in a table [{table}]")
    return parser
