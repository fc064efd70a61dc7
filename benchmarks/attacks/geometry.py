"""How long copied segments are and how many a pair of videos shares: drawn from the VCDB annotations."""

from __future__ import annotations

import dataclasses
import json
import os
import random
import sys
from pathlib import Path

SHORTEST_S, LONGEST_S = 2.0, 15.0
MOST_SEGMENTS = 3

# Segments of each whole length in seconds, and pairs of each number of segments.
_VCDB_LENGTHS = {2: 329, 3: 351, 4: 373, 5: 258, 6: 240, 7: 416, 8: 376}
_VCDB_LENGTHS |= {9: 473, 10: 398, 11: 218, 12: 146, 13: 157, 14: 667}
_VCDB_COUNTS = {1: 4205, 2: 679, 3: 728}


@dataclasses.dataclass(frozen=True, slots=True)
class Geometry:
    """What was annotated.

    lengths: whole seconds of the segments between SHORTEST_S and LONGEST_S. counts: segments of each pair, 3 for more.
    """

    lengths: tuple[int, ...]
    counts: tuple[int, ...]

    def draw_count(self, rng: random.Random) -> int:
        return rng.choice(self.counts)

    def draw_length(self, rng: random.Random, longest_s: float) -> float:
        """A length among those annotated that fit; clips of a few seconds therefore yield segments of a few seconds."""
        fitting = [length for length in self.lengths if length <= longest_s]
        if not fitting:
            return longest_s
        jitter = rng.uniform(-0.5, 0.5)  # the annotators wrote whole seconds
        return min(max(rng.choice(fitting) + jitter, SHORTEST_S), longest_s)


def read_geometry() -> Geometry:
    """From the folder that CLIPTRACE_ANNOTATIONS names; where it is unset, from their built-in histogram."""
    named = os.environ.get("CLIPTRACE_ANNOTATIONS")
    if not named:
        print("CLIPTRACE_ANNOTATIONS is unset: segment lengths from the built-in VCDB histogram", file=sys.stderr)
        return Geometry(_repeat(_VCDB_LENGTHS), _repeat(_VCDB_COUNTS))
    pairs: dict[str, list[list[int]]] = json.loads(Path(named, "vcdb_segments.json").read_text(encoding="utf-8"))
    lengths: list[int] = []
    counts: list[int] = []
    for pair, segments in pairs.items():
        query, ref = pair.split("-")
        if query != ref:  # VCDB lists every video as a copy of itself
            counts.append(min(len(segments), MOST_SEGMENTS))
            lengths += [query_end - query_start for query_start, _, query_end, _ in segments]
    fitting = (length for length in lengths if SHORTEST_S <= length < LONGEST_S)
    return Geometry(tuple(sorted(fitting)), tuple(sorted(counts)))


def _repeat(histogram: dict[int, int]) -> tuple[int, ...]:
    return tuple(value for value, times in histogram.items() for _ in range(times))
