"""The temporal network as it is published and run elsewhere: in frames, over a graph of networkx.

After Tan, Ngo, Hong and Chua, "Scalable detection of partial near-duplicate videos by visual-temporal consistency", ACM
MM 2009, as VCSL's evaluation has it (He et al., CVPR 2022): the best matches of each row, edges that go forward in both
videos by so many frames at most, a sink, the longest path again and again. What is found twice is dropped as with our
aligners, and scored as with them. models/alignment/tn.py is the same idea in seconds and without a graph library.
"""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Iterator

import networkx
import numpy as np
from numpy.typing import NDArray

from cliptrace.models.alignment.config import AlignerConfig
from cliptrace.models.alignment.merging import strongest
from cliptrace.models.alignment.paths import Path, keyframe_spans
from cliptrace.models.alignment.scoring import mean_similarity, segment_score
from cliptrace.schemas.records import Segment

Node = tuple[int, int]
"""A query keyframe and a reference keyframe that match."""
_SINK = (-1, -1)
_MOST_PATHS = 10
_FEWEST = 2


@dataclasses.dataclass(frozen=True, kw_only=True)
class PublishedTNConfig(AlignerConfig):
    """top_k: matches of a query keyframe. max_step: keyframes that an edge may advance, in either video."""

    min_length_s: float = 1.0
    top_k: int = 5
    max_step: int = 10


def align(
    similarity: NDArray[np.float32],
    query_times: NDArray[np.float64],
    ref_times: NDArray[np.float64],
    config: PublishedTNConfig,
) -> list[Segment]:
    """Segments of a similarity map float32[Q, R], best first; copies that play backwards are not looked for."""
    query_starts, query_ends = keyframe_spans(query_times)
    ref_starts, ref_ends = keyframe_spans(ref_times)
    found = []
    for path in _heaviest(network(similarity, config)):
        nodes = np.array(path)
        along = Path(nodes[:, 0], nodes[:, 1])
        query = float(query_starts[nodes[0, 0]]), float(query_ends[nodes[-1, 0]])
        ref = float(ref_starts[nodes[0, 1]]), float(ref_ends[nodes[-1, 1]])
        seconds = min(query[1] - query[0], ref[1] - ref[0])
        if seconds >= config.min_length_s:
            mean = mean_similarity(similarity, query_times, ref_times, query_ends - query_starts, along)
            found.append(Segment(*query, *ref, segment_score(mean, seconds, len(path)), False))
    return strongest(found, config.max_segments)


def network(similarity: NDArray[np.float32], config: PublishedTNConfig) -> networkx.DiGraph:
    """Nodes are the best matches of each query keyframe; an edge weighs the similarity of the node that it leads to."""
    best = np.argsort(-similarity, axis=1, kind="stable")[:, : config.top_k]
    columns = [
        [int(ref) for ref in row if similarity[query, ref] >= config.min_similarity] for query, row in enumerate(best)
    ]
    graph = networkx.DiGraph()
    for query, mine in enumerate(columns):
        graph.add_edges_from((((query, ref), _SINK) for ref in mine), weight=0.0)
        for later in range(query + 1, min(query + config.max_step, len(columns) - 1) + 1):
            for ref, then in itertools.product(mine, columns[later]):
                if 0 < then - ref <= config.max_step:
                    graph.add_edge((query, ref), (later, then), weight=float(similarity[later, then]))
    return graph


def _heaviest(graph: networkx.DiGraph) -> Iterator[list[Node]]:
    """The heaviest path, then the heaviest of what is left without its nodes, and so on."""
    for _ in range(_MOST_PATHS):
        path = [node for node in networkx.dag_longest_path(graph) if node != _SINK]
        if len(path) < _FEWEST:
            return
        yield path
        graph.remove_nodes_from(path)
