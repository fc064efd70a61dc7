"""Settings by coordinate search on the validation split: nothing in this module is given the test split."""

from __future__ import annotations

import dataclasses
import itertools
import sys
from collections.abc import Iterable, Mapping
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from types import TracebackType
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from benchmarks.alignment.methods import Grid, Method
from benchmarks.alignment.pairs import Bench
from cliptrace.models.metrics.report import Truth
from cliptrace.models.metrics.segments import vcsl_score
from cliptrace.schemas.records import Match

MIN_SCORES = np.arange(0, 91) / 100
_AS_GOOD = 0.002
"""VCSL F1 that a higher threshold may cost."""
PROCESSES = 2
_MOST_ROUNDS = 3


@dataclasses.dataclass(frozen=True, slots=True)
class Trial:
    """A method with the threshold that suits it best. f1: VCSL F1 on the split that it was tried on."""

    method: Method
    min_score: float
    f1: float


def try_method(method: Method, bench: Bench) -> Trial:
    f1 = f1_by_threshold(bench.truth, method.run(bench))
    best = best_threshold(f1)
    return Trial(method, float(MIN_SCORES[best]), float(f1[best]))


def best_threshold(f1: NDArray[np.float64]) -> int:
    """Position of the highest of MIN_SCORES as good as the best: a gallery has more distractors than a bench."""
    return int(np.flatnonzero(f1 >= f1.max() - _AS_GOOD)[-1])


def f1_by_threshold(truth: Truth, matches: Iterable[Match]) -> NDArray[np.float64]:
    """VCSL F1 of what scores at least so much, for each of MIN_SCORES.

    The metric is a mean over pairs, and of most pairs no threshold but one or two removes anything: each pair is scored
    once for each set of segments that it is left with.
    """
    precision, recall, predicted = np.zeros((3, len(MIN_SCORES)))
    for match in matches:
        pair = (match.query_id, match.ref_id)
        known = truth.segments.get(pair, ())
        passed = np.searchsorted(MIN_SCORES, [segment.score for segment in match.segments], side="right")
        first = 0
        for end in np.unique(passed):  # thresholds [first, end) leave the same segments
            left = [segment for segment, count in zip(match.segments, passed, strict=True) if count >= end]
            score = vcsl_score({pair: known}, {pair: left})
            precision[first:end] += score.precision
            recall[first:end] += score.recall if known else 0.0
            predicted[first:end] += 1
            first = end
    precision = np.divide(precision, predicted, out=np.ones_like(precision), where=predicted > 0)
    recall = recall / len(truth.pairs) if truth.pairs else np.ones_like(recall)
    both = precision + recall
    return np.divide(2 * precision * recall, both, out=np.zeros_like(both), where=both > 0)


class Tuner:
    """Tries methods on one split, several at a time: ``with Tuner(validation) as tuner: tuner.tune("tn", grid)``."""

    def __init__(self, validation: Bench, processes: int = PROCESSES) -> None:
        # A spawned process inherits neither the threads nor the locks of the sessions that made the features.
        self._pool = ProcessPoolExecutor(processes, get_context("spawn"), _receive, (validation,))
        self._tried: dict[tuple[Any, ...], Trial] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._pool.shutdown()

    def tune(self, name: str, grid: Grid, start: Mapping[str, Any] | None = None) -> Trial:
        """Coordinate search: each setting in turn takes its best value, the others held, until a round changes nothing.

        The first two settings of the grid depend most on each other and are tried together. start: settings to begin
        with; the others begin in the middle of the grid, so that the product's defaults, chosen here, do not matter.
        A value has to be better, not as good, to replace another.
        """
        settings = {**{setting: values[len(values) // 2] for setting, values in grid.items()}, **(start or {})}
        best = self._try([Method(name, settings)])[0]
        for _ in range(_MOST_ROUNDS):
            before = best
            for block in (list(grid)[:2], *([setting] for setting in list(grid)[2:])):
                values = itertools.product(*(grid[setting] for setting in block))
                changes = [dict(zip(block, each, strict=True)) for each in values]
                trials = self._try([Method(name, {**best.method.settings, **change}) for change in changes])
                best = max([best, *trials], key=lambda trial: trial.f1)
            if best == before:
                break
        print(f"tuned {name}: validation F1 {best.f1:.3f}, {dict(best.method.settings)}", file=sys.stderr)
        return best

    def _try(self, methods: list[Method]) -> list[Trial]:
        keys = [(method.name, *method.settings.items()) for method in methods]
        new = {key: method for key, method in zip(keys, methods, strict=True) if key not in self._tried}
        self._tried.update(zip(new, self._pool.map(_try_here, new.values()), strict=True))
        return [self._tried[key] for key in keys]


_here: list[Bench] = []
"""The split, handed to each process once: it is as large as all its maps."""


def _receive(bench: Bench) -> None:
    _here.append(bench)


def _try_here(method: Method) -> Trial:
    return try_method(method, _here[0])
