"""Temporal network: the heaviest path over the best matches of each query keyframe.

After Tan, Ngo, Hong and Chua, "Scalable detection of partial near-duplicate videos by visual-temporal consistency",
ACM MM 2009, with the network measured in seconds instead of frames. Summing similarities over nodes favours stretches
where keyframes are dense, and step limits in frames mean another speed at every change of density. Here

- an edge weighs the *time* it advances, sqrt(query seconds × reference seconds), times the similarity above the
  threshold. By Cauchy-Schwarz no detour weighs more than the straight line between its ends, so a still scene, where
  all pairs look alike, is crossed from corner to corner, and what advances in one video only weighs nothing;
- keyframes that both videos had on the way but that matched nothing are charged for, so a path does not reach for
  chance matches beyond its end. Where one of the videos has no keyframe on the way, nothing was missed.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from cliptrace.models.alignment.config import AlignerConfig
from cliptrace.models.alignment.paths import Path
from cliptrace.models.alignment.search import STEEPEST, Map, Times, search
from cliptrace.schemas.records import Segment

# A keyframe may lie this far from the moment that its counterpart shows; seconds. Short edges would break without it:
# keyframes 0.2 s apart in one video may match keyframes 1 s apart in the other.
JITTER_S = 1.0
# Matches that look equally good are ranked by how much of the map agrees with their offset in time. The bonus is
# at most this much similarity; offsets are counted in bins of so many seconds.
CONSISTENCY_BONUS = 0.05
OFFSET_BIN_S = 0.5
_NEVER = np.float32(-1e6)


@dataclasses.dataclass(frozen=True, kw_only=True)
class TNConfig(AlignerConfig):
    """Temporal network.

    nodes_per_frame: matches that each query keyframe brings into the network.
    skip_penalty: similarity charged for each second that is skipped though both videos have keyframes there.
    """

    # As benchmarks.alignment chose them on its validation split, short of what only its short copies asked for.
    min_length_s: float = 1.0
    nodes_per_frame: int = 3
    skip_penalty: float = 0.4

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.nodes_per_frame < 1:
            raise ValueError(f"nodes_per_frame must be at least 1, not {self.nodes_per_frame}")
        if not self.skip_penalty >= 0:
            raise ValueError(f"skip_penalty must not be negative, not {self.skip_penalty}")


class _Nodes(NamedTuple):
    """The network's nodes, one row a query keyframe that matches at all.

    query_frames: int64[N]; ref_frames: int64[N, K]; excess: float32[N, K], similarity above the threshold, and far
    below 0 where a keyframe has fewer than K matches.
    """

    query_frames: NDArray[np.int64]
    ref_frames: NDArray[np.int64]
    excess: NDArray[np.float32]


def align(similarity: Map, query_times: Times, ref_times: Times, config: TNConfig) -> list[Segment]:
    """Segments of a similarity map float32[Q, R], best first; times float64[Q] and float64[R] in seconds."""
    return search(similarity, query_times, ref_times, config, _paths)


def _paths(similarity: Map, query_times: Times, ref_times: Times, config: TNConfig) -> Iterator[Path]:
    nodes = _select(similarity, query_times, ref_times, config)
    best, previous = _heaviest(nodes, _edges(nodes, query_times, ref_times, config))
    return _trace(nodes, best, previous, config.max_segments)


def _select(similarity: Map, query_times: Times, ref_times: Times, config: TNConfig) -> _Nodes:
    rows, columns = np.nonzero(similarity >= config.min_similarity)
    values = similarity[rows, columns]
    offsets = ((ref_times[columns] - query_times[rows]) / OFFSET_BIN_S).round().astype(np.int64)
    offsets -= offsets.min(initial=0)
    votes = np.bincount(offsets, weights=values)
    active, row_of = np.unique(rows, return_inverse=True)
    rank = np.full((len(active), similarity.shape[1]), -np.inf, np.float32)
    rank[row_of, columns] = values + CONSISTENCY_BONUS * votes[offsets] / votes.max()
    chosen = np.empty((len(active), min(config.nodes_per_frame, similarity.shape[1])), np.int64)
    for place in range(chosen.shape[1]):  # a few argmax are ten times as fast as one argpartition of a sparse map
        chosen[:, place] = rank.argmax(axis=1)
        rank[np.arange(len(active)), chosen[:, place]] = -np.inf
    excess = similarity[active[:, None], chosen] - np.float32(config.min_similarity)
    return _Nodes(active, chosen, np.where(excess >= 0, excess, _NEVER))


def _edges(nodes: _Nodes, query_times: Times, ref_times: Times, config: TNConfig) -> NDArray[np.float32]:
    """Weight of the edge from each node to each node of the rows before it, float32[N, K, W, K]; W rows back to 1."""
    count, width = nodes.ref_frames.shape
    query_s = query_times[nodes.query_frames]
    ref_s = (ref_times - ref_times[0])[nodes.ref_frames].astype(np.float32)
    reach = int((np.arange(count) - np.searchsorted(query_s, query_s - config.max_gap_s)).max(initial=1))
    edges = np.full((count, width, reach, width), _NEVER, np.float32)
    gap, penalty = np.float32(config.max_gap_s), np.float32(config.skip_penalty)
    for back in range(1, min(reach, count - 1) + 1):
        query_step = (query_s[back:] - query_s[:-back]).astype(np.float32)[:, None, None]
        ref_step = ref_s[back:, :, None] - ref_s[:-back, None, :]
        possible = (ref_step > 0) & (ref_step <= np.minimum(gap, STEEPEST * query_step + JITTER_S))
        possible &= query_step <= np.minimum(gap, STEEPEST * ref_step + JITTER_S)
        query_frames = (nodes.query_frames[back:] - nodes.query_frames[:-back])[:, None, None]
        ref_frames = nodes.ref_frames[back:, :, None] - nodes.ref_frames[:-back, None, :]
        # Both videos had ``frames`` keyframes to match on this edge; one did, at its end.
        frames = np.maximum(np.minimum(query_frames, ref_frames), 1).astype(np.float32)
        excess = (nodes.excess[back:, :, None] + nodes.excess[:-back, None, :]) / 2
        weight = np.sqrt(query_step * np.maximum(ref_step, 0)) * (excess - (frames - 1) * penalty) / frames
        edges[back:, :, reach - back, :] = np.where(possible, weight, _NEVER)
    return edges


def _heaviest(nodes: _Nodes, edges: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Weight of the heaviest path that ends in each node, float32[N·K], and the node before it, or -1; int64[N·K]."""
    count, width, reach, _ = edges.shape
    flat = edges.reshape(count, width, reach * width)
    best = np.zeros((reach + count) * width, np.float32)  # rows before the first: no node, no weight
    choice = np.empty((count, width), np.int64)
    column = np.arange(width)
    for row in range(count):
        total = flat[row] + best[row * width : (row + reach) * width]
        choice[row] = total.argmax(axis=1)
        best[(row + reach) * width : (row + reach + 1) * width] = np.maximum(total[column, choice[row]], 0)
    best = best[reach * width :]
    previous = (choice + (np.arange(count)[:, None] - reach) * width).ravel()
    return best, np.where(best > 0, previous, -1)


def _trace(nodes: _Nodes, best: NDArray[np.float32], previous: NDArray[np.int64], attempts: int) -> Iterator[Path]:
    """Heaviest paths first. A later one begins where it leaves the region of an earlier one."""
    width = nodes.ref_frames.shape[1]
    query_frames, ref_frames = np.repeat(nodes.query_frames, width), nodes.ref_frames.ravel()
    open_ends = best.copy()  # 0: no path may end here any more
    taken = np.zeros(len(best), np.bool_)
    while attempts and open_ends[end := int(open_ends.argmax())] > 0:
        steps, node = [end], int(previous[end])
        while node >= 0 and not taken[node]:
            steps.append(node)
            node = int(previous[node])
        open_ends[steps] = 0
        if node >= 0 and best[end] <= best[node]:
            continue
        path = Path(query_frames[steps[::-1]], ref_frames[steps[::-1]])
        rows, columns = path.box()
        inside = (query_frames >= rows.start) & (query_frames < rows.stop)
        inside &= (ref_frames >= columns.start) & (ref_frames < columns.stop)
        taken |= inside
        open_ends[inside] = 0
        attempts -= 1
        yield path
