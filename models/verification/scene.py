"""What is known of a pair of videos beside their similarity map."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from cliptrace.models.ssan.fit import Line
from cliptrace.models.verification.film import Film
from cliptrace.models.verification.look import Look, second_look
from cliptrace.models.verification.registration import SURE, Affine
from cliptrace.models.verification.retiming import best_timing
from cliptrace.models.verification.stills import SHORTEST_S, Stretch, moves, still_stretches, without

Times = NDArray[np.float64]
_LAID = 0.6
"""Correlation of two pictures from which they are taken to lie on one another as it says."""
_LAID_AS_WELL = 0.9
"""Of the correlation of two pictures, what is left at least where others lie in the same way."""
_SHORTEST_S = 0.5
"""Of a part of a line."""
_INEXACT_S = 1.2
"""At either end of a still, what a line that is not exact may have of its neighbours."""
_DROPOUT_S = 4.0
"""For how long pictures may be lost on the way."""
_SHORTEST_PART_S = 0.25
"""What is left between two stills is more."""
_MOST_OF_A_SHOT = 0.6
"""From which a line is taken to be about all of it."""
_STEP_S = 0.5
"""Between the query's pictures that are looked at, to tell whether it goes on."""


class Scene:
    """query, ref: their films. cuts: float64[C], seconds of the query. stills: where the query stands still."""

    def __init__(self, query: Film, ref: Film, cuts: Times, stills: Sequence[Stretch] = ()) -> None:
        self.query, self.ref, self.cuts, self.stills = query, ref, cuts, stills
        self._laid: Affine | None = None

    @property
    def has_pictures(self) -> bool:
        return self.query.has_pictures and self.ref.has_pictures

    def look(self, line: Line) -> Look:
        span = (line.query_start, line.query_end, line.speed, offset_of(line))
        look = second_look(self.query, self.ref, *span, self.cuts, self._laid)
        if look.registration >= SURE:
            self._laid = look.affine
        return look

    def settled(self, line: Line, look: Look) -> tuple[Line, Look]:
        """The line moved to where its pictures agree, and how they look there. look: at the line as it is."""
        moved = later(line, look.late, self.ref.end_s)
        if moved == line:
            return line, look
        again = self.look(moved)
        if again.registration < _LAID_AS_WELL * look.registration:  # a small picture that is lost at another moment
            return line, look
        return later(moved, again.late, self.ref.end_s), again

    def retimed(self, line: Line, look: Look) -> tuple[Line, float] | None:
        """Where and how fast the reference really shows these seconds of the query, by what changes in both, and how
        alike that changes; None where that cannot be told. look: at the line as it was thought to be."""
        # Pictures of different moments may lie on one another in a wrong way: most copies are as large as the original.
        affines = [np.eye(2, 3, dtype=np.float32), *[look.affine] * (look.registration >= _LAID)]
        middle = (line.ref_start + line.ref_end) / 2
        begin, last = self._shot(line)
        found = [best_timing(self.query, self.ref, begin, last, middle, affine) for affine in affines]
        timing = max((each for each in found if each), default=None)
        if timing is None:
            return None
        film = sorted((float(end) - timing.offset) / timing.speed for end in (0.0, self.ref.end_s))
        start, end = max(begin, film[0]), min(last, film[1])
        if end <= start:
            return None
        low, high = sorted((timing.offset + timing.speed * start, timing.offset + timing.speed * end))
        return Line(start, end, max(low, 0.0), high, timing.speed), timing.change

    def between_cuts(self, line: Line) -> Iterator[Line]:
        """The parts of a line in the query's shots, where it crosses a cut."""
        cuts = self.cuts[(self.cuts > line.query_start + _SHORTEST_S) & (self.cuts < line.query_end - _SHORTEST_S)]
        if len(cuts):
            edges = [line.query_start, *cuts.tolist(), line.query_end]
            yield from (
                between(line, start, end) for start, end in itertools.pairwise(edges) if end - start >= _SHORTEST_S
            )

    def moving_together(self, line: Line) -> Iterator[Line]:
        """What is left of a line without stretches in which one video stands still and the other goes on.

        Where both go on together before and behind it, a short one is but pictures that were lost on the way.
        """
        apart = [still for still in self.stills if self._held(still, line)]
        apart += [to_query(line, still) for still in self._ref_stills(line) if self._goes_on(to_query(line, still))]
        apart = [still for still in apart if not _is_dropout(still, line)]
        if not apart:
            yield line
            return
        for start, end in without((line.query_start, line.query_end), apart):
            part = between(line, start, end)
            if min(part.query_end - part.query_start, part.ref_end - part.ref_start) > _SHORTEST_PART_S:
                yield part

    def _shot(self, line: Line) -> Stretch:
        """The line's seconds of the query, or all of the shot that it has most of."""
        edges = np.concatenate(([self.query.start_s], self.cuts, [self.query.end_s]))
        start = float(edges[max(int(np.searchsorted(edges, line.query_start + _SHORTEST_S)) - 1, 0)])
        end = float(edges[min(int(np.searchsorted(edges, line.query_end - _SHORTEST_S)), len(edges) - 1)])
        start, end = min(start, line.query_start), max(end, line.query_end)
        is_most = line.query_end - line.query_start >= _MOST_OF_A_SHOT * (end - start)
        return (start, end) if is_most else (line.query_start, line.query_end)

    def _held(self, still: Stretch, line: Line) -> bool:
        """Whether the reference goes on while the query shows one picture."""
        start, end = max(still[0], line.query_start), min(still[1], line.query_end)
        if end - start < SHORTEST_S:
            return False
        part = between(line, *_inner((start, end)))
        shown = self._keyframes(part.ref_start, part.ref_end)
        return moves(self.ref.show(shown))

    def _goes_on(self, stretch: Stretch) -> bool:
        steps = max(2, round((stretch[1] - stretch[0]) / _STEP_S))
        return moves(self.query.show(self.query.at(np.linspace(*_inner(stretch), steps))))

    def _ref_stills(self, line: Line) -> list[Stretch]:
        shown = self._keyframes(line.ref_start, line.ref_end)
        if not len(shown) or self.ref.times[shown[-1]] - self.ref.times[shown[0]] < SHORTEST_S:
            return []
        found = still_stretches(self.ref.times[list(shown)], self.ref.show(shown))
        return [(start, min(end, line.ref_end)) for start, end in found]

    def _keyframes(self, start_s: float, end_s: float) -> range:
        first, last = np.searchsorted(self.ref.times, (start_s, end_s))
        return range(int(first), int(last))


def _is_dropout(still: Stretch, line: Line) -> bool:
    beside = min(still[0] - line.query_start, line.query_end - still[1])
    return still[1] - still[0] <= _DROPOUT_S and beside >= SHORTEST_S


def _inner(stretch: Stretch) -> Stretch:
    """What is surely inside of it."""
    margin = min(_INEXACT_S, 0.35 * (stretch[1] - stretch[0]))
    return stretch[0] + margin, stretch[1] - margin


def offset_of(line: Line) -> float:
    """Reference second that the line shows at second 0 of the query."""
    return (line.ref_start if line.speed > 0 else line.ref_end) - line.speed * line.query_start


def between(line: Line, start: float, end: float) -> Line:
    """The part of a line that is in these seconds of the query."""
    offset = offset_of(line)
    low, high = sorted((offset + line.speed * start, offset + line.speed * end))
    return Line(start, end, max(low, 0.0), high, line.speed)


def later(line: Line, seconds: float, ref_end_s: float) -> Line:
    """The line through the same seconds of a query that shows all of it so much later."""
    start, end = (min(max(at - line.speed * seconds, 0.0), ref_end_s) for at in (line.ref_start, line.ref_end))
    return line._replace(ref_start=start, ref_end=end) if seconds and end > start else line


def to_query(line: Line, stretch: Stretch) -> Stretch:
    """Query seconds in which a line shows these of the reference."""
    low, high = sorted((second - offset_of(line)) / line.speed for second in stretch)
    return low, high
