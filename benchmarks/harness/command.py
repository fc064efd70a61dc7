"""What the main of every bench does: arguments, where and how it is measured, results as JSON and as tables."""

from __future__ import annotations

import argparse
import dataclasses
import json
import shlex
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from benchmarks.harness.environment import PACKAGES, describe, environment
from benchmarks.harness.tables import Table
from cliptrace.schemas.config import DEFAULT_BACKBONE
from cliptrace.schemas.errors import CliptraceError

RESULTS = Path(__file__).parents[1] / "results"
Result = dict[str, Any]


def _broken_rules(result: Result) -> Iterable[str]:
    return list(result.get("broken_rules", ()))


@dataclasses.dataclass(frozen=True, slots=True)
class Question:
    """module: ``python -m MODULE`` asks it, and its last part names the results. about: its docstring.

    options: adds arguments. measure: makes the figures; its arguments have ``facts`` (environment and command) and
    ``file`` (where the figures are written) as well. packages: whose versions matter. broken: rules that do not hold.
    """

    module: str
    about: str | None
    options: Callable[[argparse.ArgumentParser], None]
    measure: Callable[[argparse.Namespace], Result]
    tables: Callable[[Result], Iterable[Table]]
    packages: Sequence[str] = PACKAGES
    broken: Callable[[Result], Iterable[str]] = _broken_rules

    @property
    def name(self) -> str:
        return self.module.rpartition(".")[2]

    def main(self, argv: Sequence[str] | None = None) -> int:
        """Exit code: 1 where a rule does not hold or measuring fails, 2 where it was asked for in a wrong way."""
        given = list(sys.argv[1:] if argv is None else argv)
        parser = argparse.ArgumentParser(prog=f"python -m {self.module}", description=(self.about or "").split("\n")[0])
        self.options(parser)
        parser.add_argument(
            "--output", type=Path, default=Path("bench-out"), metavar="DIR", help="default: %(default)s"
        )
        parser.add_argument("--record", action="store_true", help="put the figures into benchmarks/results, too")
        return exit_code(lambda: self._answer(parser.parse_args(given), given))

    def _answer(self, arguments: argparse.Namespace, given: Sequence[str]) -> int:
        command = f"python -m {self.module} {shlex.join(_asked(given))}".rstrip()
        seed = arguments.seeds if "seeds" in arguments else arguments.seed
        arguments.facts = environment(command, seed, self.packages)
        arguments.file = arguments.output / f"{self.name}.json"
        result = save(self.measure(arguments), arguments)
        if arguments.record:
            write(RESULTS / arguments.file.name, result)
        for table in self.tables(result):
            table.print()
        print(describe(result), command, sep="\n")
        broken = list(self.broken(result))
        for rule in broken:
            print(f"BROKEN: {ascii(rule)[1:-1]}")
        return int(bool(broken))


def exit_code(work: Callable[[], int]) -> int:
    """What ``work`` returns; where it raises an error of ours, that is printed in one line."""
    try:
        return work()
    except CliptraceError as error:
        print(f"error: {error}", file=sys.stderr)
        return error.exit_code


def add_seed(parser: argparse.ArgumentParser, what: str | None = None) -> None:
    parser.add_argument("--seed", type=int, default=1, help=what)


def add_seeds(parser: argparse.ArgumentParser) -> None:
    """Of attack benches that are made alike."""
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3], help="of the attack benches")
    add_queries(parser)


def add_queries(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--queries", type=int, default=120, help="of each attack bench; 15 of 100 hold no copy")


def add_backbone(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--backbone", default=DEFAULT_BACKBONE, metavar="NAME|FILE")


_PLACES = ("--output", "--export", "--vpdq")
"""Options that name places of one machine."""


def _asked(given: Sequence[str]) -> Iterator[str]:
    """What changes the figures, wherever it is asked."""
    arguments = iter(given)
    for each in arguments:
        if each in _PLACES:
            next(arguments, None)
        elif each != "--record" and not each.startswith(tuple(f"{place}=" for place in _PLACES)):
            yield each


def known(arguments: argparse.Namespace) -> Result:
    """What was measured before: by a run into the same folder, or what is recorded; empty where nothing was."""
    for file in (arguments.file, RESULTS / arguments.file.name):
        if file.is_file():
            return dict(json.loads(file.read_text(encoding="utf-8")))
    return {}


def save(figures: Result, arguments: argparse.Namespace) -> Result:
    """Figures, and where and how they were measured. A bench of several parts saves after each."""
    result = {**arguments.facts, **figures}
    write(arguments.file, result)
    return result


def write(path: Path, result: Result) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
