"""Windows over the map of long videos, so that an hour-long reference costs no more than what its hits are worth.

A map of two three-hour videos has 10⁸ to 10⁹ cells. Both videos are cut into overlapping tiles; a window is a pair of
tiles with hits well inside. Copies that run on from window to window are joined afterwards.
"""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from cliptrace.models.alignment.merging import merge
from cliptrace.models.alignment.similarity import similarity_map
from cliptrace.schemas.records import Candidate, Segment

Embeddings = NDArray[np.floating[Any]]
Times = NDArray[np.float64]
MapAligner = Callable[[NDArray[np.float32], Times, Times], list[Segment]]


@dataclasses.dataclass(frozen=True, kw_only=True)
class WindowConfig:
    """How large maps may be, and how many of a pair.

    max_s: longest window, on either side, in seconds. Neighbouring windows share a quarter of it, and a hit lies at
        least an eighth of it inside its window, unless the video ends there.
    max_windows: most windows of a pair, those with the most similarity in hits first.
    """

    max_s: float = 256.0
    max_windows: int = 256

    def __post_init__(self) -> None:
        if self.max_s < 8:
            raise ValueError(f"max_s must be at least 8, not {self.max_s}")
        if self.max_windows < 1:
            raise ValueError(f"max_windows must be at least 1, not {self.max_windows}")

    def side(self, times: Times) -> int:
        """Keyframes of a window, of a video whose keyframes are at these seconds."""
        span = float(times[-1] - times[0]) if len(times) > 1 else 0.0
        per_second = (len(times) - 1) / span if span else 0.0
        return max(_FEWEST, round(self.max_s * per_second))


_FEWEST = 8
"""Keyframes of a window, however few there are a second."""


class Window(NamedTuple):
    """Keyframes [q0, q1) of the query and [r0, r1) of the reference."""

    q0: int
    q1: int
    r0: int
    r1: int


def choose_windows(counts: tuple[int, int], sides: tuple[int, int], hits: Candidate, max_windows: int) -> list[Window]:
    """Windows around the hits, in the order of the reference; the whole map where it fits into one.

    counts: keyframes of the query and of the reference; sides: most of a window. At most max_windows; where the hits
    need more, the windows with the least similarity in hits are left out.
    """
    (query_count, ref_count), (query_side, ref_side) = counts, sides
    if query_count <= query_side and ref_count <= ref_side:
        return [Window(0, query_count, 0, ref_count)] if query_count and ref_count else []
    corners = np.stack(
        [_tile(hits.ref_frames, ref_count, ref_side), _tile(hits.query_frames, query_count, query_side)], axis=1
    ).reshape(-1, 2)
    corners, window_of = np.unique(corners, axis=0, return_inverse=True)
    weights = np.bincount(window_of.ravel(), weights=np.maximum(hits.similarities, 0.0), minlength=len(corners))
    heaviest = np.sort(np.argsort(-weights, kind="stable")[:max_windows])
    return [
        Window(int(q0), min(int(q0) + query_side, query_count), int(r0), min(int(r0) + ref_side, ref_count))
        for r0, q0 in corners[heaviest]
    ]


def align_windows(
    aligner: MapAligner,
    query: Embeddings,
    query_times: Times,
    load_ref: Callable[[int, int], Embeddings],
    ref_times: Times,
    hits: Candidate,
    config: WindowConfig | None = None,
    bias: NDArray[np.float32] | None = None,
) -> list[Segment]:
    """Segments of a pair of videos of any length, best score first.

    aligner: from a map float32[q, r] and times float64[q], float64[r] in seconds to segments, for example
        ``functools.partial(align, "tn")``.
    query: [Q, D] or [Q, V, D], and what load_ref(r0, r1) returns, [r1 - r0, D]: rows of unit L2 norm. load_ref is
        called with rising r0, once a window, so a loader may stream.
    bias: [Q] or [Q, V], as in similarity_map.
    query_times: float64[Q], ref_times: float64[R], seconds. hits: where to look; not needed for a pair of short videos.
    """
    config = config or WindowConfig()
    counts, sides = (len(query_times), len(ref_times)), (config.side(query_times), config.side(ref_times))
    found: list[list[Segment]] = []
    for q0, q1, r0, r1 in choose_windows(counts, sides, hits, config.max_windows):
        similarity = similarity_map(query[q0:q1], load_ref(r0, r1), None if bias is None else bias[q0:q1])
        found.append(aligner(similarity, query_times[q0:q1], ref_times[r0:r1]))
    # Of one map, what overlaps is what the aligner takes for two.
    return found[0] if len(found) == 1 else merge(itertools.chain.from_iterable(found))


def _tile(frames: NDArray[np.int64], count: int, side: int) -> NDArray[np.int64]:
    """First keyframe of the tile that has each frame furthest inside; int64[H]."""
    stride = side - side // 4
    starts = (frames - side // 8) // stride * stride
    return np.clip(starts, 0, max(0, count - side))
