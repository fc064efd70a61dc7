"""Dynamic programming: the heaviest local alignment, as Smith and Waterman align sequences.

After Chou, Chen and Lee, "Pattern-based near-duplicate video retrieval and localization on web-scale videos",
IEEE TMM 2015, which accumulates similarity along the diagonal blocks of the map. Here all steps weigh seconds, so
keyframes may come at any distance: a diagonal step earns the similarity above the threshold (or loses what is missing)
times sqrt(query seconds × reference seconds), a step along one axis costs a constant a second.
"""

from __future__ import annotations

import dataclasses

import numpy as np
from numpy.typing import NDArray

from cliptrace.models.alignment.config import AlignerConfig
from cliptrace.models.alignment.paths import Path, split_at_gaps
from cliptrace.models.alignment.search import Map, Times, repeatedly, search
from cliptrace.schemas.records import Segment

Weights = NDArray[np.float64]

_NOUGHT = 1e-9  # running maxima leave rounding errors behind


@dataclasses.dataclass(frozen=True, kw_only=True)
class DPConfig(AlignerConfig):
    """Dynamic programming.

    skip_penalty: similarity charged for each second that one video runs on alone.
    """

    skip_penalty: float = 0.1

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.skip_penalty > 0:
            raise ValueError(f"skip_penalty must be above 0, not {self.skip_penalty}")


def align(similarity: Map, query_times: Times, ref_times: Times, config: DPConfig) -> list[Segment]:
    """Segments of a similarity map float32[Q, R], best first; times float64[Q] and float64[R] in seconds."""
    return search(similarity, query_times, ref_times, config, repeatedly(_paths))


def _paths(similarity: Map, query_times: Times, ref_times: Times, config: DPConfig) -> list[Path]:
    query_steps, ref_steps = np.diff(query_times, prepend=query_times[0]), np.diff(ref_times, prepend=ref_times[0])
    gain = (similarity.astype(np.float64) - config.min_similarity) * np.sqrt(np.outer(query_steps, ref_steps))
    query_toll, ref_toll = config.skip_penalty * query_steps, config.skip_penalty * ref_steps
    weight = _accumulate(gain, query_toll, ref_toll)
    path = _trace(weight, gain, query_toll, ref_toll, similarity >= config.min_similarity)
    return split_at_gaps(path, query_times, ref_times, config.max_gap_s)


def _accumulate(gain: Weights, query_toll: Weights, ref_toll: Weights) -> Weights:
    """Weight of the heaviest alignment that ends in each cell, float64[Q, R].

    gain: float64[Q, R], of the diagonal step into each cell; query_toll float64[Q] and ref_toll float64[R], charged for
    a step along one axis. A row is settled at once: running on in the reference costs the same in every row, so the
    best place to have come from is a running maximum.
    """
    weight = np.zeros_like(gain)
    toll = np.cumsum(ref_toll)
    for row in range(1, len(gain)):
        arrived = np.maximum(weight[row - 1] - query_toll[row], 0.0)
        np.maximum(arrived[1:], weight[row - 1, :-1] + gain[row, 1:], out=arrived[1:])
        arrived += toll
        np.subtract(np.maximum.accumulate(arrived), toll, out=weight[row])
    return weight


def _trace(weight: Weights, gain: Weights, query_toll: Weights, ref_toll: Weights, matched: NDArray[np.bool_]) -> Path:
    """Matched cells of the heaviest alignment, from its end back to where its weight was nought."""
    row, column = divmod(int(weight.argmax()), weight.shape[1])
    cells = []
    while row and column and weight[row, column] > _NOUGHT:
        diagonal = weight[row - 1, column - 1] + gain[row, column]
        up, left = weight[row - 1, column] - query_toll[row], weight[row, column - 1] - ref_toll[column]
        if diagonal >= max(up, left):
            if matched[row, column]:
                cells.append((row, column))
            row, column = row - 1, column - 1
        elif up >= left:
            row -= 1
        else:
            column -= 1
    if cells and matched[row, column]:
        cells.append((row, column))  # where the first diagonal step came from
    frames = np.array(cells[::-1], np.int64).reshape(-1, 2)
    return Path(frames[:, 0], frames[:, 1])
