"""What every aligner of the copy bench is given: the candidate pairs of one split as similarity maps, and the truth.

As the product does it, views and background included, but for the frame search, which is exact here where the product
asks Milvus.
"""

from __future__ import annotations

import dataclasses
import functools
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.attacks.plan import Truth as TruthRow
from benchmarks.harness.features import Keyframes
from cliptrace.models.alignment.candidates import SEARCHED_PER_SECOND, group_hits, searched_frames
from cliptrace.models.alignment.similarity import search_rows, similarity_map
from cliptrace.models.backbones.background import Background
from cliptrace.models.metrics.report import Truth
from cliptrace.models.verification.film import Film
from cliptrace.models.verification.scene import Scene
from cliptrace.schemas.records import Candidate, Segment
from cliptrace.transforms.matching import MatchConfig


@dataclasses.dataclass(frozen=True, slots=True)
class Pair:
    """A query and one of its candidates.

    vote: mean over the frames that were searched of their best similarity to the
        candidate, 0 where they found none; what the search alone knows, in [0, 1].
    similarity: float32[Q, R]. query_times, ref_times: float64[Q], float64[R], seconds. query_cuts: float64[C].
    scene: for a second look, where there are pictures. hits: of the search; None where nothing was searched.
    """

    query_id: str
    ref_id: str
    vote: float
    similarity: NDArray[np.float32]
    query_times: NDArray[np.float64]
    ref_times: NDArray[np.float64]
    query_cuts: NDArray[np.float64]
    scene: Scene | None = None
    hits: Candidate | None = None


@dataclasses.dataclass(frozen=True, slots=True)
class Bench:
    """One split, ready to be aligned."""

    pairs: tuple[Pair, ...]
    truth: Truth

    def aligned(self, least: float) -> Bench:
        """Without the pairs that are not worth it: no frame that was searched is as near to one of the candidate's."""
        kept = (pair for pair in self.pairs if pair.hits is None or pair.hits.similarities.max() >= least)
        return Bench(tuple(kept), self.truth)


def make_bench(
    queries: Mapping[str, Keyframes],
    gallery: Mapping[str, Keyframes],
    truth: Truth,
    background: Background | None = None,
    searched_per_second: float = SEARCHED_PER_SECOND,
) -> Bench:
    """queries: with embeddings [K, D], or [K, V, D] of V views."""
    config, names = MatchConfig(), np.array(list(gallery))
    embeddings = np.concatenate([video.embeddings for video in gallery.values()])
    ends = np.cumsum([len(video.times) for video in gallery.values()])
    pairs: list[Pair] = []
    for query_id, query in queries.items():
        bias = _bias(query, background)
        asked = searched_frames(len(query.times), float(query.times[-1]), searched_per_second)
        asked_bias = None if bias is None else bias[asked]
        searched, views = search_rows(query.embeddings[asked])
        maps = np.split(similarity_map(searched, embeddings), ends[:-1], axis=1)
        best = np.stack([similarity.max(axis=1) for similarity in maps], axis=1)
        best_frames = np.stack([similarity.argmax(axis=1) for similarity in maps], axis=1)
        nearest = np.argsort(-best, axis=1, kind="stable")[:, : config.videos_per_frame]
        rows, hits = np.repeat(np.arange(len(nearest)), nearest.shape[1]), nearest.ravel()
        frames, found = best_frames[rows, hits], best[rows, hits]
        for candidate in group_hits(query_id, rows, names[hits], frames, found, views, asked_bias)[: config.at_least]:
            ref = gallery[candidate.ref_id]
            candidate = dataclasses.replace(candidate, query_frames=asked[candidate.query_frames])
            similarity = similarity_map(query.embeddings, ref.embeddings, bias)
            vote = min(1.0, candidate.votes / len(asked))
            seconds = query.times, ref.times, query.cuts
            scene = _scene(query, ref)
            pairs.append(Pair(query_id, candidate.ref_id, vote, similarity, *seconds, scene, candidate))
    return Bench(tuple(pairs), truth)


def _scene(query: Keyframes, ref: Keyframes) -> Scene:
    seen, source = (Film(video.times, functools.partial(_pictures, video)) for video in (query, ref))
    return Scene(seen, source, query.cuts, query.stills)


def _pictures(video: Keyframes) -> tuple[bytes, ...]:
    return video.pictures


def merged(benches: Mapping[Any, Bench]) -> Bench:
    """Benches that share gallery videos, as one in which they do not."""
    pairs = [
        dataclasses.replace(pair, query_id=f"{seed} {pair.query_id}", ref_id=f"{seed} {pair.ref_id}")
        for seed, bench in benches.items()
        for pair in bench.pairs
    ]
    segments = {
        (f"{seed} {query}", f"{seed} {ref}"): known
        for seed, bench in benches.items()
        for (query, ref), known in bench.truth.segments.items()
    }
    return Bench(tuple(pairs), Truth(segments))


def _bias(query: Keyframes, background: Background | None) -> NDArray[np.float32] | None:
    """As cliptrace.transforms.matching.normalised has it; a bench's gallery is too small for a stop-list."""
    if background is None:
        return None
    bias = background.bias(query.embeddings)
    if query.blank.any():
        bias[query.blank] += 1.0
    return bias


def as_truth(rows: Sequence[TruthRow]) -> Truth:
    """The rows of truth.csv by pair."""
    segments: defaultdict[tuple[str, str], list[Segment]] = defaultdict(list)
    for row in rows:
        times = (row.query_start, row.query_end, row.ref_start, row.ref_end)
        segments[row.query_id, row.ref_id].append(Segment(*times, score=1.0))
    return Truth({pair: tuple(known) for pair, known in segments.items()})
