"""Query features → candidates: frame search in Milvus, gallery videos by votes."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Any

import apache_beam as beam
import numpy as np
from apache_beam.utils.shared import Shared
from numpy.typing import NDArray

from models.alignment.candidates import group_hits
from models.alignment.paths import keyframe_spans
from models.alignment.similarity import search_rows
from models.alignment.spd import SPDConfig
from models.backbones.background import Background
from models.ssan.shipped import spd_config
from models.stoplist import is_stopped, taken_off
from schemas.config import BackboneConfig
from schemas.records import Candidate, FrameFeatures, Searched
from transforms.isolation import Results, RunIsolated
from transforms.store.gallery import Gallery, check_vectors
from transforms.store.stops import no_stops, read_stops
from transforms.store.vectors import Consistency, VectorStore

Pair = tuple[FrameFeatures, Candidate]


@dataclasses.dataclass(frozen=True)
class MatchConfig:
    """top_k: gallery videos that are aligned with a query. min_score: lowest score of a segment that is reported.

    min_similarity: cosine from which two keyframes count as matched. The defaults suit TN and efficientnet_lite0.
    stop_list: whether what the gallery's stop-list names is left out.
    maps: folder for a picture of every match's similarity map; "" for none.
    """

    aligner: str = "tn"
    top_k: int = 20
    min_score: float = 0.15
    min_similarity: float = 0.4
    videos_per_frame: int = 8
    stop_list: bool = True
    maps: str = ""

    @classmethod
    def suited_to(cls, backbone: BackboneConfig, **given: Any) -> MatchConfig:
        """With SPD for the backbone whose maps it learned from and TN for others, and with the thresholds that suit
        both, where ``given`` has no others; what is None there is not given.
        """
        given = {name: value for name, value in given.items() if value is not None}
        spd = spd_config()
        aligner = given.setdefault("aligner", "spd" if spd["backbone_sha256"] == backbone.sha256 else "tn")
        own = {"min_score": backbone.min_score, "min_similarity": backbone.min_similarity}
        if aligner == "spd":
            own = {"min_score": spd["min_score"], "min_similarity": SPDConfig().min_similarity}
        return cls(**{**own, **given})


@dataclasses.dataclass(frozen=True)
class Found:
    """A query, as it was searched, and its candidates, best first. truncated, stopped_s: as Match has them."""

    query: FrameFeatures
    candidates: tuple[Candidate, ...]
    truncated: bool = False
    stopped_s: float = 0.0

    def pairs(self) -> Iterator[Pair]:
        return ((self.query, candidate) for candidate in self.candidates)

    def told(self) -> Searched:
        return Searched(self.query.video_id, self.query.partial, self.truncated, self.stopped_s)


class FindCandidates(beam.PTransform):
    """FrameFeatures of queries → Found.

    backbone: of the queries; where it names a background, they leave with the bias that it gives them.
    """

    def __init__(self, gallery: Gallery, config: MatchConfig, backbone: BackboneConfig) -> None:
        super().__init__()
        self._work = Find(gallery, config, backbone)

    def expand(self, queries: beam.PCollection) -> Results:
        return queries | "Search" >> RunIsolated(self._work, "search", lambda query: query.source)


class Find:
    """FrameFeatures of a query → its Found. consistency: as VectorStore.search takes it."""

    def __init__(
        self,
        gallery: Gallery,
        config: MatchConfig,
        backbone: BackboneConfig,
        consistency: Consistency = "Bounded",
    ) -> None:
        self._gallery, self._config, self._backbone, self._consistency = gallery, config, backbone, consistency
        self._shared = Shared()

    def open(self) -> None:
        self._background = Background.of(self._backbone)
        self._stopped = read_stops(self._gallery) if self._config.stop_list else no_stops(self._gallery)
        self._opened = self._gallery.vectors()
        self._vectors = self._opened.__enter__()
        self._checked = self._shared.acquire(lambda: _Checked(self._gallery, self._vectors))

    def __call__(self, query: FrameFeatures) -> Iterator[Found]:
        query = normalised(query, self._background, self._stopped)
        rows, views = search_rows(query.embeddings)
        hits = self._vectors.search(rows, self._config.videos_per_frame, self._consistency)
        candidates = group_hits(
            query.video_id,
            hits.query_rows,
            hits.ref_ids,
            hits.ref_frames,
            hits.similarities,
            self._config.top_k,
            views,
            query.bias,
        )
        yield Found(query, tuple(candidates), stopped_s=stopped_s(query))

    def close(self) -> None:
        self._opened.__exit__(None, None, None)


class _Checked:
    """That the vector store holds the gallery's embeddings. Looked at once a process: that reads the ledger, and a
    runner may open a stage many times."""

    def __init__(self, gallery: Gallery, vectors: VectorStore) -> None:
        check_vectors(gallery, vectors)


def normalised(query: FrameFeatures, background: Background | None, stopped: NDArray[np.float32]) -> FrameFeatures:
    """With what is taken off its similarities: what the background and the stop-list say, and all of a frame that shows
    nothing (score 0)."""
    blank = query.scores == 0
    bias = background.bias(query.embeddings) if background else np.zeros(query.embeddings.shape[:-1], np.float32)
    bias[blank] += 1.0
    stops = taken_off(query.embeddings, query.times, blank, stopped)
    if not stops.any():
        return dataclasses.replace(query, bias=bias)
    return dataclasses.replace(query, bias=bias + stops, stops=stops)


def stopped_s(query: FrameFeatures) -> float:
    """Seconds of a query that the stop-list left out of the search."""
    if query.stops is None:
        return 0.0
    starts, ends = keyframe_spans(query.times)
    return float((ends - starts)[is_stopped(query.stops)].sum())
