"""Settings by coordinate search on the validation split: nothing in this module is given the test split."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from types import TracebackType
from typing import Any, Self

import numpy as np

from benchmarks.methods import Method, above
from benchmarks.pairs import Bench
from models.metrics.report import Truth
from models.metrics.segments import vcsl_score
from schemas.records import Match

MIN_SCORES: tuple[float, ...] = tuple(float(score) for score in np.arange(0, 46) / 50)
PROCESSES = 2
_ROUNDS = 3


@dataclasses.dataclass(frozen=True, slots=True)
class Trial:
    """A method with the threshold that suits it best. f1: VCSL F1 on the split that it was tried on."""

    method: Method
    min_score: float
    f1: float


def try_method(method: Method, bench: Bench) -> Trial:
    """Best of all thresholds; of equal ones the lowest."""
    matches = method.run(bench)
    f1, min_score = max((vcsl_f1(bench.truth, above(matches, score)), -score) for score in MIN_SCORES)
    return Trial(method, -min_score, f1)


def vcsl_f1(truth: Truth, matches: Iterable[Match]) -> float:
    found = {(match.query_id, match.ref_id): match.segments for match in matches}
    return vcsl_score(truth.segments, found).f1


class Tuner:
    """Tries methods on one split, several at a time: ``with Tuner(validation) as tuner: tuner.tune("tn", grid)``."""

    def __init__(self, validation: Bench, processes: int = PROCESSES) -> None:
        # A spawned process inherits neither the threads nor the locks of the sessions that made the features.
        self._pool = ProcessPoolExecutor(processes, get_context("spawn"), _receive, (validation,))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._pool.shutdown()

    def tune(self, name: str, grid: Mapping[str, Sequence[Any]], start: Mapping[str, Any] | None = None) -> Trial:
        """Coordinate search: each setting in turn takes its best value, the others held, until a round changes nothing.

        start: settings to begin with. A value has to be better, not as good, to replace the one that is held.
        """
        best = self._try([Method(name, start or {})])[0]
        for _ in range(_ROUNDS):
            before = best
            for setting, values in grid.items():
                trials = self._try([Method(name, {**best.method.settings, setting: value}) for value in values])
                best = max([best, *trials], key=lambda trial: trial.f1)
            if best == before:
                break
        return best

    def _try(self, methods: list[Method]) -> list[Trial]:
        return list(self._pool.map(_try_here, methods))


_here: list[Bench] = []
"""The split, handed to each process once: it is as large as all its maps."""


def _receive(bench: Bench) -> None:
    _here.append(bench)


def _try_here(method: Method) -> Trial:
    return try_method(method, _here[0])
