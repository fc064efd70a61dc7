"""Many videos with many others at once: which of them show frames of one another, block against block."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from cliptrace.transforms.store.exact.rows import MappedRows

Floats = NDArray[np.float32]
Whole = NDArray[np.int64]

_ROWS_AT_ONCE = 512
"""Of one side; with a block of the other the product stays in the cache of a core."""


@dataclasses.dataclass(frozen=True)
class Block:
    """Videos whose rows are multiplied at once.

    values: float32[N, D], of unit length. floors: float32[N], from which similarity on a row is seen elsewhere;
    infinite where that says nothing. starts: int64[V], where the rows of each video start; none is without.
    """

    values: Floats
    floors: Floats
    starts: Whole

    @classmethod
    def of(cls, rows: MappedRows, positions: Sequence[int], floors: Sequence[Floats]) -> Block:
        """positions: of the videos among those of ``rows``; floors: of each one."""
        values = [rows.of(position) for position in positions]
        starts = np.cumsum([0, *(len(each) for each in values[:-1])], dtype=np.int64)
        return cls(np.concatenate(values), np.concatenate(floors), starts)

    def owners(self) -> Whole:
        """int64[N]: the video of each row."""
        return np.repeat(np.arange(len(self.starts)), np.diff(self.starts, append=len(self.values)))


@dataclasses.dataclass(frozen=True)
class Seen:
    """Pairs of a video of one block and a video of another: int64[P] each. one_frames: keyframes of the first that are
    seen in the second; other_frames: the other way round."""

    one: Whole
    other: Whole
    one_frames: Whole
    other_frames: Whole


def seen_together(one: Block, other: Block) -> Seen:
    """The pairs of which one shows a frame of the other almost as it is."""
    one_owners, other_owners = one.owners(), other.owners()
    count = len(other.starts)
    # A number stands for a frame of one side and a video of the other, so that each counts once.
    of_one, of_other = [np.empty(0, np.int64)], [np.empty(0, np.int64)]
    for rows, columns, alike in _high(one, other):
        seen = alike >= one.floors[rows]
        of_one.append(np.unique(rows[seen] * count + other_owners[columns[seen]]))
        seen = alike >= other.floors[columns]
        of_other.append(np.unique(columns[seen] * len(one.starts) + one_owners[rows[seen]]))
    rows, others = np.divmod(np.concatenate(of_one), count)
    columns, ones = np.divmod(np.unique(np.concatenate(of_other)), len(one.starts))
    one_pairs, one_frames = np.unique(one_owners[rows] * count + others, return_counts=True)
    other_pairs, other_frames = np.unique(ones * count + other_owners[columns], return_counts=True)
    pairs = np.union1d(one_pairs, other_pairs)
    frames = np.zeros((2, len(pairs)), np.int64)
    frames[0, np.searchsorted(pairs, one_pairs)] = one_frames
    frames[1, np.searchsorted(pairs, other_pairs)] = other_frames
    return Seen(*np.divmod(pairs, count), *frames)


def _high(one: Block, other: Block) -> Iterator[tuple[Whole, Whole, Floats]]:
    """Rows of both and their similarities, where that is at least the floor of either."""
    lowest = other.floors.min()
    transposed = other.values.T
    for first in range(0, len(one.values), _ROWS_AT_ONCE):
        some = slice(first, first + _ROWS_AT_ONCE)
        alike = one.values[some] @ transposed
        floor = min(one.floors[some].min(), lowest)
        if alike.max() < floor:
            continue
        places = np.flatnonzero(alike >= floor)
        rows, columns = np.divmod(places, len(other.values))
        yield rows + first, columns, alike.ravel()[places]
