"""Temporal Hough voting: matches vote for the offset between the videos.

After Douze, Jégou and Schmid, "An image-based approach to video copy detection with spatio-temporal post-filtering",
IEEE TMM 2010. A copy at another speed spreads its votes over many offsets, so a few speeds are tried side by side.
"""

from __future__ import annotations

import dataclasses

import numpy as np

from cliptrace.models.alignment.config import AlignerConfig
from cliptrace.models.alignment.paths import Path, split_at_gaps
from cliptrace.models.alignment.search import Map, Times, repeatedly, search
from cliptrace.schemas.records import Segment


@dataclasses.dataclass(frozen=True, kw_only=True)
class HoughConfig(AlignerConfig):
    """Hough voting.

    tolerance_s: furthest a match may lie from the line of its segment, in reference seconds.
    speeds: reference seconds a query second, each tried.
    """

    # Chance matches below it line up somewhere in any large map.
    min_similarity: float = 0.45
    tolerance_s: float = 1.0
    speeds: tuple[float, ...] = (0.5, 2 / 3, 0.8, 1.0, 1.25, 1.5, 2.0)

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.tolerance_s > 0:
            raise ValueError(f"tolerance_s must be above 0, not {self.tolerance_s}")
        if not self.speeds or min(self.speeds) <= 0:
            raise ValueError(f"speeds must be above 0 and at least one, not {self.speeds}")


def align(similarity: Map, query_times: Times, ref_times: Times, config: HoughConfig) -> list[Segment]:
    """Segments of a similarity map float32[Q, R], best first; times float64[Q] and float64[R] in seconds."""
    return search(similarity, query_times, ref_times, config, repeatedly(_paths))


def _paths(similarity: Map, query_times: Times, ref_times: Times, config: HoughConfig) -> list[Path]:
    rows, columns = np.nonzero(similarity >= config.min_similarity)
    if not len(rows):
        return []
    # A keyframe that matches everywhere says little about where: its votes share one weight (Douze et al., burstiness).
    crowd = np.sqrt(np.bincount(rows)[rows] * np.bincount(columns)[columns])
    votes = similarity[rows, columns] / crowd
    best = (0.0, 0.0, 0.0)  # votes, speed, offset
    for speed in config.speeds:
        offsets = ref_times[columns] - speed * query_times[rows]
        lowest = offsets.min()
        counts = np.bincount(((offsets - lowest) / config.tolerance_s).astype(np.int64), weights=votes, minlength=2)
        pairs = counts[:-1] + counts[1:]  # a line near the border of two bins has voted for both
        peak = int(pairs.argmax())
        best = max(best, (float(pairs[peak]), speed, float(lowest + (peak + 1) * config.tolerance_s)))
    _, speed, offset = best
    distance = np.abs(ref_times[columns] - speed * query_times[rows] - offset)
    near = np.flatnonzero(distance <= config.tolerance_s)
    # Of each query keyframe's matches on the line the best one; rows are sorted already.
    near = near[np.lexsort((-similarity[rows[near], columns[near]], rows[near]))]
    near = near[np.unique(rows[near], return_index=True)[1]]
    path = Path(rows[near], np.maximum.accumulate(columns[near]))
    return split_at_gaps(path, query_times, ref_times, config.max_gap_s)
