"""A similarity map whose keyframes have seconds: what a line through it shows."""

from __future__ import annotations

import functools

import numpy as np
from numpy.typing import NDArray

from cliptrace.models.ssan.grid import edges

Floats = NDArray[np.float32]
Times = NDArray[np.float64]
Rows = NDArray[np.int64]

_TICKS = 64
"""Of a second; which keyframe stands for each is looked up."""
_NEAR_S = 0.2
"""How far from a keyframe's own moment a query's frame may be to count half."""


class TimedMap:
    """similarity: float32[Q, R]; query_times: float64[Q], ref_times: float64[R], seconds, strictly increasing."""

    def __init__(self, similarity: Floats, query_times: Times, ref_times: Times) -> None:
        self.similarity, self.query_times, self.ref_times = similarity, query_times, ref_times
        self.query_edges, self.ref_edges = edges(query_times), edges(ref_times)
        begin, end = self.ref_edges[[0, -1]]
        ticks = begin + (np.arange(int(np.ceil((end - begin) * _TICKS))) + 0.5) / _TICKS
        columns = np.searchsorted(self.ref_edges[1:-1], ticks, side="right")
        # The first and the last stand for all that lies outside of the reference, and find nothing.
        self._column_at = np.concatenate(([len(ref_times)], columns, [len(ref_times)]))
        self._nearness_at = np.concatenate(([1.0], 1 / (1 + ((ticks - ref_times[columns]) / _NEAR_S) ** 2), [1.0]))
        self._padded = np.hstack([similarity, np.zeros((len(similarity), 1), np.float32)])

    def best_outside(self, rows: slice, left: int, right: int) -> Floats:
        """float32[rows], of the reference's keyframes before ``left`` and from ``right`` on the most alike; none where
        there are no such."""
        sides = self._before[rows, max(left - 1, 0) : left], self._behind[rows, right : right + 1]
        parts = [side for side in sides if side.size]
        return np.max(parts, axis=0)[:, 0] if parts else np.empty(0, np.float32)

    @functools.cached_property
    def _before(self) -> Floats:
        return np.maximum.accumulate(self.similarity, axis=1)

    @functools.cached_property
    def _behind(self) -> Floats:
        return np.maximum.accumulate(self.similarity[:, ::-1], axis=1)[:, ::-1]

    def rows(self, start_s: float, end_s: float) -> Rows:
        """The query's keyframes whose time is shared with [start_s, end_s); one at least."""
        return np.arange(*_shared(self.query_edges, start_s, end_s))

    def columns(self, start_s: float, end_s: float) -> tuple[int, int]:
        """First of the reference's keyframes whose time is shared with [start_s, end_s), and behind the last."""
        return _shared(self.ref_edges, start_s, end_s)

    def along(self, rows: Rows, speed: float, offset: float) -> Floats:
        """float32[rows], similarity of query keyframes with what a line says they show; 0 outside of the reference.

        The line shows second ``offset + speed * t`` of the reference at second t of the query.
        """
        return self._padded[rows, self._column_at[self._ticks(rows, speed, offset)]]

    def resemblance(self, rows: Rows, speeds: Times, offsets: Times) -> Times:
        """float64[lines], mean similarity along each line.

        A keyframe tells most of the query's frames that show its own moment: those count more than what is shown half
        a second later, which is alike in a calm scene and is not in a lively one.
        """
        ticks = self._ticks(rows, speeds[:, None], offsets[:, None])
        nearness = self._nearness_at[ticks]
        found = self._padded[rows, self._column_at[ticks]]
        return np.asarray((nearness * found).sum(axis=1) / nearness.sum(axis=1))

    def _ticks(self, rows: Rows, speeds: Times | float, offsets: Times | float) -> Rows:
        shown = offsets + speeds * self.query_times[rows]
        ticks = np.clip((shown - self.ref_edges[0]) * _TICKS + 1, 0, len(self._column_at) - 1)
        return np.asarray(ticks, np.int64)


def _shared(sides: Times, start_s: float, end_s: float) -> tuple[int, int]:
    first = int(np.searchsorted(sides[1:-1], start_s, side="right"))
    return first, max(int(np.searchsorted(sides[1:-1], end_s, side="left")), first) + 1
