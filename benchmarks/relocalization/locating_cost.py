"""How long a query waits for each locator, by the length of the reference.

python -m benchmarks.relocalization.locating_cost [--minutes 15 30 60 120] [--rounds 5]

Random features, of which the time does not depend, and a query of 6 s; the least of the rounds. The graph's depends on
how many proposals there are: of noise it has as many as it may look at.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterator

import numpy as np

from benchmarks.harness.command import Question, Result, add_seed
from benchmarks.harness.tables import Table
from cliptrace.models.clips.appearance_motion import STEP_S
from cliptrace.models.relocalization.config import DIMENSION
from cliptrace.models.relocalization.inference import open_locator
from cliptrace.schemas.config import LOCATORS, MOMENTS_PER_VIDEO

_QUERY_S = 6.0


def options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--minutes", type=int, nargs="+", default=[15, 30, 60, 120], help="of the reference")
    parser.add_argument("--rounds", type=int, default=5)
    add_seed(parser)


def measure(arguments: argparse.Namespace) -> Result:
    random = np.random.default_rng(arguments.seed)
    query = random.standard_normal((round(_QUERY_S / STEP_S), DIMENSION), np.float32)
    found: dict[str, dict[str, float]] = {}
    for minutes in arguments.minutes:
        reference = random.standard_normal((round(60 * minutes / STEP_S), DIMENSION), np.float32)
        found[str(minutes)] = {name: _least_ms(name, query, reference, arguments.rounds) for name in LOCATORS}
    return {"ms": found}


def _least_ms(name: str, query: np.ndarray, reference: np.ndarray, rounds: int) -> float:
    locator, taken = open_locator(name), []
    for _ in range(rounds):
        started = time.perf_counter()
        locator.locate(query, reference, STEP_S, MOMENTS_PER_VIDEO)
        taken.append(time.perf_counter() - started)
    return 1000 * min(taken)


def tables(result: Result) -> Iterator[Table]:
    rows = [(minutes, *(f"{each:.0f}" for each in by_name.values())) for minutes, by_name in result["ms"].items()]
    yield Table("Milliseconds a query and reference.", ("minutes of reference", *LOCATORS), rows)


QUESTION = Question("benchmarks.relocalization.locating_cost", __doc__, options, measure, tables)

if __name__ == "__main__":
    sys.exit(QUESTION.main())
