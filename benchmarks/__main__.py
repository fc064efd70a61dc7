"""Asks the questions of harness/entries.py, records their figures in benchmarks/results and compares them with floors.

python -m benchmarks [NAME…] [--list]
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections.abc import Sequence

from benchmarks.harness.entries import ENTRIES, Entry, fallen
from benchmarks.harness.tables import Table


def main(argv: Sequence[str] | None = None) -> int:
    """Exit code: 1 where a question is not answered or a figure has fallen below its floor."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=(__doc__ or "").split("\n")[0])
    by_name = {entry.name: entry for entry in ENTRIES}
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"default: all of {', '.join(by_name)}")
    parser.add_argument("--list", action="store_true", help="what there is, and which floors are kept; asks nothing")
    arguments = parser.parse_args(argv)
    if unknown := set(arguments.names) - by_name.keys():
        parser.error(f"no such question: {', '.join(sorted(unknown))}")
    asked = [by_name[name] for name in arguments.names] or list(ENTRIES)
    broken = [] if arguments.list else [rule for entry in asked for rule in ask(entry)]
    Table(
        "Questions, and the floors of their recorded figures:", ("", "module", "floors"), list(map(row, asked))
    ).print()
    broken += [rule for entry in asked for rule in fallen(entry, recorded(entry))]
    for rule in broken:
        print(f"BROKEN: {rule}")
    return int(bool(broken))


def ask(entry: Entry) -> list[str]:
    """Measure and record. What kept it from being answered, if anything did."""
    if missing := entry.missing():
        print(f"{entry.name}: left out, without {', '.join(missing)}", file=sys.stderr)
        return []
    command = [sys.executable, *entry.command(), "--record"]
    code = subprocess.run(command, check=False).returncode
    return [f"{entry.name} ended with {code}"] if code else []


def recorded(entry: Entry) -> dict[str, object]:
    return dict(json.loads(entry.results.read_text(encoding="utf-8")))


def row(entry: Entry) -> tuple[str, str, str]:
    kept = len(entry.floors) - len(list(fallen(entry, recorded(entry))))
    return entry.name, entry.module, f"{kept} of {len(entry.floors)} kept" if entry.floors else "none: times"


if __name__ == "__main__":
    sys.exit(main())
