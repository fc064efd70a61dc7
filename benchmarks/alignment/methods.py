"""The contestants of the copy bench: the aligners, and two baselines that know no more than the search does."""

from __future__ import annotations

import dataclasses
import zlib
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.alignment import published_tn
from benchmarks.alignment.pairs import Bench, Pair
from cliptrace.models.alignment import ALIGNERS, Aligner
from cliptrace.models.alignment.snapping import snap
from cliptrace.schemas.records import Match, Segment

SEED_OF_RANDOM = 1

Grid = Mapping[str, tuple[Any, ...]]
PUBLISHED_TN = "tn, as published"
CONTESTANTS: Mapping[str, Aligner] = {
    **ALIGNERS,
    PUBLISHED_TN: Aligner(published_tn.PublishedTNConfig, published_tn.align),
}
"""The product's aligners, and one that it does not have."""

COMMON_GRID: Grid = {
    "min_similarity": (0.15, 0.2, 0.25, 0.3, 0.35, 0.4, 0.45, 0.5),
    "max_gap_s": (1.0, 1.5, 2.0, 3.0, 5.0, 8.0, 12.0),
    "min_length_s": (0.5, 1.0, 2.0),
}
GRIDS: Mapping[str, Grid] = {
    "spd": {"min_length_s": (0.5, 1.0, 2.0)},
    "tn": {**COMMON_GRID, "nodes_per_frame": (3, 5, 8), "skip_penalty": (0.05, 0.1, 0.2, 0.4, 0.8)},
    "dp": {**COMMON_GRID, "skip_penalty": (0.01, 0.02, 0.05, 0.1, 0.2, 0.4)},
    "hough": {**COMMON_GRID, "tolerance_s": (0.35, 0.5, 0.75, 1.0, 1.5)},
    "dtw": COMMON_GRID,
    PUBLISHED_TN: {
        "min_similarity": (0.1, 0.15, 0.2, 0.25, 0.3),
        "max_step": (5, 10, 20),
        "top_k": (5, 10),
        "min_length_s": COMMON_GRID["min_length_s"],
    },
    "whole pair": {},
    "random": {},
}
"""What is tuned: method → setting → values to try. Baselines have nothing but the threshold on their score."""

END_TO_END_GRID: Grid = {
    "min_similarity": tuple(step / 20 for step in range(1, 15)),
    "max_gap_s": (1.5, 2.0, 3.0, 5.0, 8.0),
    "skip_penalty": (0.1, 0.2, 0.4, 0.8),
}
"""What is tuned of the temporal network for each descriptor: what depends on the scale of its similarities."""


@dataclasses.dataclass(frozen=True, slots=True)
class Method:
    """A contestant with its settings; those that are not named have the aligner's defaults."""

    name: str
    settings: Mapping[str, Any] = dataclasses.field(default_factory=dict)

    def segments(self, pair: Pair) -> list[Segment]:
        if self.name == "random":
            return [_random_segment(pair)]
        if self.name == "whole pair":
            return [Segment(0.0, _end(pair.query_times), 0.0, _end(pair.ref_times), pair.vote)]
        config, align = CONTESTANTS[self.name]
        of_pair = (pair.similarity, pair.query_times, pair.ref_times, config(**self.settings))
        # Of all aligners SPD alone looks at the scene.
        found = align(*of_pair, pair.scene) if self.name == "spd" else align(*of_pair)  # type: ignore[call-arg]
        return snapped(pair, found)

    def run(self, bench: Bench) -> list[Match]:
        """All that the method finds, whatever its score."""
        found = ((pair, self.segments(pair)) for pair in bench.pairs)
        return [as_match(pair, segments) for pair, segments in found if segments]


def above(matches: Sequence[Match], min_score: float) -> list[Match]:
    """What the product would report: segments of at least ``min_score``, and matches that have one."""
    kept = []
    for match in matches:
        segments = tuple(segment for segment in match.segments if segment.score >= min_score)
        if segments:
            kept.append(dataclasses.replace(match, segments=segments))
    return kept


def snapped(pair: Pair, segments: Sequence[Segment]) -> list[Segment]:
    """With ends at the query's cuts, as the product has them."""
    return [snap(segment, pair.query_times, pair.query_cuts) for segment in segments]


def as_match(pair: Pair, segments: Sequence[Segment]) -> Match:
    """segments: one at least."""
    score = max(segment.score for segment in segments)
    return Match(pair.query_id, pair.query_id, pair.ref_id, pair.ref_id, score, tuple(segments))


def _random_segment(pair: Pair) -> Segment:
    """Any stretch of the query for any stretch of the reference, the same whenever the pair is asked about."""
    rng = np.random.default_rng([SEED_OF_RANDOM, zlib.crc32(f"{pair.query_id} {pair.ref_id}".encode())])
    query_start, query_end = sorted(rng.uniform(0.0, _end(pair.query_times), 2).tolist())
    ref_start, ref_end = sorted(rng.uniform(0.0, _end(pair.ref_times), 2).tolist())
    return Segment(query_start, query_end, ref_start, ref_end, pair.vote)


def _end(times: NDArray[np.float64]) -> float:
    """Where a video ends, as far as its keyframes tell."""
    return float(times[-1] + (np.median(np.diff(times)) if len(times) > 1 else 1.0))
