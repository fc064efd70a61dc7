"""Dynamic time warping: the one monotone path from corner to corner that costs least.

The path itself spans both videos, so only its matched stretches become segments. Steps weigh the seconds that they
advance in both videos together (the symmetric weights of Sakoe and Chiba, 1978): all paths weigh the same in sum, and
the cheapest is the one that spends most of its time where the videos agree.
"""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cliptrace.models.alignment.config import AlignerConfig
from cliptrace.models.alignment.paths import Path, split_at_gaps
from cliptrace.models.alignment.search import Map, Times, repeatedly, search
from cliptrace.schemas.records import Segment


@dataclasses.dataclass(frozen=True, kw_only=True)
class DTWConfig(AlignerConfig):
    """Dynamic time warping: nothing but what all aligners have."""


def align(similarity: Map, query_times: Times, ref_times: Times, config: DTWConfig) -> list[Segment]:
    """Segments of a similarity map float32[Q, R], best first; times float64[Q] and float64[R] in seconds."""
    return search(similarity, query_times, ref_times, config, repeatedly(_paths))


def _paths(similarity: Map, query_times: Times, ref_times: Times, config: DTWConfig) -> list[Path]:
    rows, columns = _warp(1.0 - np.maximum(similarity, 0.0), query_times, ref_times)
    values = similarity[rows, columns]
    matched = np.flatnonzero(values >= config.min_similarity)
    # Where one video waits for the other the path runs along an axis: only the best match of each keyframe counts.
    for frames in (rows, columns):
        matched = matched[np.lexsort((-values[matched], frames[matched]))]
        matched = matched[np.unique(frames[matched], return_index=True)[1]]
    return split_at_gaps(Path(rows[matched], columns[matched]), query_times, ref_times, config.max_gap_s)


def _warp(
    cost: NDArray[np.floating[Any]], query_times: Times, ref_times: Times
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Rows and columns, int64[L], of the cheapest path through cost[Q, R] from its first corner to its last."""
    down = cost * np.diff(query_times, prepend=query_times[0])[:, None]
    right = cost * np.diff(ref_times, prepend=ref_times[0])
    # Walking right adds up the row's own costs, so the best cell to have set out from is a running minimum.
    walked = np.cumsum(right, axis=1)
    total = np.empty_like(walked)
    total[0] = walked[0]
    for row in range(1, len(cost)):
        arrived = total[row - 1] + down[row]
        np.minimum(arrived[1:], total[row - 1, :-1] + down[row, 1:] + right[row, 1:], out=arrived[1:])
        arrived -= walked[row]
        np.add(np.minimum.accumulate(arrived), walked[row], out=total[row])
    row, column = len(cost) - 1, cost.shape[1] - 1
    cells = [(row, column)]
    while row and column:
        above = total[row - 1, column] + down[row, column]
        left = total[row, column - 1] + right[row, column]
        diagonal = total[row - 1, column - 1] + down[row, column] + right[row, column]
        if diagonal <= min(above, left):
            row, column = row - 1, column - 1
        elif above <= left:
            row -= 1
        else:
            column -= 1
        cells.append((row, column))
    # Along the border there is one way home.
    cells += [(back, column) for back in range(row - 1, -1, -1)] + [(row, back) for back in range(column - 1, -1, -1)]
    rows, columns = np.array(cells[::-1], np.int64).T
    return rows, columns
