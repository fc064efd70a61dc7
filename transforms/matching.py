"""Query features → candidates: frame search, gallery videos by votes."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Iterator, Sequence
from typing import Any

import apache_beam as beam
import numpy as np
from apache_beam.utils.shared import Shared
from numpy.typing import NDArray

from cliptrace.models.alignment.candidates import group_hits, searched_frames, spread_over
from cliptrace.models.alignment.paths import keyframe_spans
from cliptrace.models.alignment.similarity import search_rows
from cliptrace.models.alignment.spd import SPDConfig
from cliptrace.models.backbones.background import Background
from cliptrace.models.ssan.inference import spd_config
from cliptrace.models.stoplist import is_stopped, taken_off
from cliptrace.schemas.config import RANKED_VIDEOS, BackboneConfig, Engine, Retrieval, parse_aligner
from cliptrace.schemas.errors import UsageError
from cliptrace.schemas.records import Candidate, FrameFeatures, Searched
from cliptrace.transforms.among import ByVideo
from cliptrace.transforms.isolation import Results, RunIsolated
from cliptrace.transforms.store.engines import FrameSearch, MilvusSearch
from cliptrace.transforms.store.exact.rows import map_rows
from cliptrace.transforms.store.exact.search import ExactSearch
from cliptrace.transforms.store.gallery import Gallery, check_vectors
from cliptrace.transforms.store.hits import Hits
from cliptrace.transforms.store.live import SharedVideos
from cliptrace.transforms.store.stops import no_stops, read_stops
from cliptrace.transforms.store.vectors import Consistency, VectorStore
from cliptrace.transforms.stored import Recent

Pair = tuple[FrameFeatures, Candidate]
Flags = NDArray[np.bool_]

_NEAR = 2.0
"""Times a backbone's min_similarity: from there on a frame shows another almost as it is. With copy_lite0 that is .4.
Frames that a gallery does not have reach .25 there, screens full of text aside; re-encodes of one .5 to .8."""
_EVIDENT_S = 1.0
_MOST = 2000
"""Candidates with evidence that are aligned where nothing else is asked for."""
_STRETCH_S, _MOST_DEEP = 16.0, 16
"""Of what many videos show: seconds for which one frame speaks, and the most frames that do."""


@dataclasses.dataclass(frozen=True)
class MatchConfig:
    """aligner: a name, or ``spd:FOLDER`` for a detector of one's own.

    top_k: most gallery videos that are aligned with a query; None for all with evidence, and others up to ``at_least``.

    min_score: lowest score of a segment that is reported. top_m: gallery videos, the nearest, that are told of a query
    even if their score is lower.
    min_similarity: cosine from which two keyframes count as matched. A video without a frame that is as near to one of
    the query's is not aligned with it. The defaults suit TN and efficientnet_lite0.
    stop_list: whether what the gallery's stop-list names is left out.
    maps: folder for a picture of every match's similarity map; "" for none.
    engine: what is searched (transforms/store/engines.py). retrieval: what names the videos that are aligned: the
    nearest frames, the descriptors of whole videos, or either.
    """

    aligner: str = "tn"
    top_k: int | None = None
    at_least: int = 20
    top_m: int = 0
    min_score: float = 0.15
    min_similarity: float = 0.4
    videos_per_frame: int = 8
    stop_list: bool = True
    maps: str = ""
    engine: Engine = "milvus"
    retrieval: Retrieval = "frame"

    @classmethod
    def suited_to(cls, backbone: BackboneConfig, **given: Any) -> MatchConfig:
        """With SPD for the backbone whose maps it learned from and TN for others, and with the thresholds that suit
        both, where ``given`` has no others; what is None there is not given.
        """
        given = {name: value for name, value in given.items() if value is not None}
        fits = spd_config()["backbone_sha256"] == backbone.sha256
        aligner, folder = parse_aligner(given.setdefault("aligner", "spd" if fits else "tn"))
        own = {"min_score": backbone.min_score, "min_similarity": backbone.min_similarity}
        if aligner == "spd":
            suits = given["min_score"] if "min_score" in given else _threshold(folder or "spd")
            own = {"min_score": suits, "min_similarity": SPDConfig().min_similarity}
        return cls(**{**own, **given})


def _threshold(detector: str) -> float:
    """That suits a detector's scores. UsageError where it has none yet."""
    config = spd_config(detector)
    if "min_score" not in config:
        raise UsageError(
            f"{detector}: not calibrated yet, so no score says what is a copy: run python -m "
            f"benchmarks.alignment.calibration --weights {detector} --write, or give --min-score"
        )
    return float(config["min_score"])


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
        query, source = self.query, self.query.source
        return Searched(
            query_id=query.video_id,
            partial=query.partial,
            truncated=self.truncated,
            stopped_s=self.stopped_s,
            other_streams=len(query.info.others),
            query_uri=source.uri,
            stream=source.stream,
        )


@beam.typehints.with_input_types(FrameFeatures)
class FindCandidates(beam.PTransform):
    """FrameFeatures of queries → Found.

    backbone: of the queries; where it names a background, they leave with the bias that it gives them. recent: as Find
    has it. videos: of the gallery, where other steps ask for them, too.
    """

    def __init__(
        self,
        gallery: Gallery,
        config: MatchConfig,
        backbone: BackboneConfig,
        recent: Recent | None = None,
        videos: SharedVideos | None = None,
    ) -> None:
        super().__init__()
        self._work = Find(gallery, config, backbone, recent=recent, videos=videos)

    def expand(self, queries: beam.PCollection) -> Results:
        return queries | "Search" >> RunIsolated(self._work, "search", lambda query: query.source)


class Find:
    """FrameFeatures of a query → its Found. consistency: as VectorStore.search takes it.

    recent: where it is given, a query that is not new is searched among what is; by the exact engine only.
    """

    def __init__(
        self,
        gallery: Gallery,
        config: MatchConfig,
        backbone: BackboneConfig,
        consistency: Consistency = "Bounded",
        recent: Recent | None = None,
        videos: SharedVideos | None = None,
    ) -> None:
        self._by_video = ByVideo(gallery, config.engine, videos or SharedVideos(gallery), recent)
        self._gallery, self._config, self._backbone, self._consistency = gallery, config, backbone, consistency
        self._recent = recent
        self._near = near(backbone)
        self._shared = Shared()
        self._opened = contextlib.ExitStack()

    def open(self) -> None:
        self._background = Background.of(self._backbone)
        self._stopped = read_stops(self._gallery) if self._config.stop_list else no_stops(self._gallery)
        if self._config.retrieval != "frame":
            self._by_video.open()
        if self._config.retrieval != "video":
            self._open_frames()

    def _open_frames(self) -> None:
        self._frames: FrameSearch
        if self._config.engine == "exact":
            exact: ExactSearch = self._shared.acquire(lambda: ExactSearch(map_rows(self._gallery)))
            self._frames = exact
            if self._recent:
                self._new_frames = exact.only(self._recent.refs)
        else:
            vectors = self._opened.enter_context(self._gallery.vectors())
            self._checked = self._shared.acquire(lambda: _Checked(self._gallery, vectors))
            self._frames = MilvusSearch(vectors, self._consistency)

    def __call__(self, query: FrameFeatures) -> Iterator[Found]:
        query = normalised(query, self._background, self._stopped)
        frames = searched_frames(len(query.times), query.decoded_s)
        candidates, truncated = self._candidates(_of_frames(query, frames))
        found = (dataclasses.replace(each, query_frames=frames[each.query_frames]) for each in candidates)
        yield Found(query, tuple(found), truncated, stopped_s(query))

    def _candidates(self, query: FrameFeatures) -> tuple[list[Candidate], bool]:
        """Best first, and whether there were more."""
        config, evident = self._config, evident_frames(query)
        most = config.top_k or _MOST
        candidates, is_cut = ([], False) if config.retrieval == "video" else self._by_frames(query, most, evident)
        if config.retrieval != "frame":
            known = {candidate.ref_id for candidate in candidates}
            ranked = config.top_k or RANKED_VIDEOS
            candidates += self._by_video.candidates(query, ranked, known, config.min_similarity, self._near)
            candidates.sort(key=lambda candidate: (-candidate.votes, candidate.ref_id))
        count = _evident(candidates, evident)
        candidates.sort(key=lambda candidate: candidate.seen < evident)  # each part stays in the order of its votes
        kept = candidates[: config.top_k or max(config.at_least, config.top_m, min(count, _MOST))]
        worth = [each for each in kept[config.top_m :] if each.similarities.max() >= config.min_similarity]
        return [*kept[: config.top_m], *worth], is_cut or count > most

    def _by_frames(self, query: FrameFeatures, most: int, evident: int) -> tuple[list[Candidate], bool]:
        """What the nearest frames name, most votes first, and whether they name more than ``most`` with evidence."""
        hits = self._search(query)
        candidates, is_cut = self._grouped(query, hits), False
        crowded = self._crowded(query, hits)
        frames = np.asarray(crowded.any(axis=1))
        if frames.sum() >= evident and _evident(candidates, evident) <= most:
            # Of so many videos each frame has found others. A few frames find all, and speak for their neighbours.
            shown_by = spread_over(frames, round(_STRETCH_S / _EVIDENT_S * evident), _MOST_DEEP)
            hits, is_cut = self._search_deep(query, hits, crowded, shown_by, most + 1)
            candidates = self._grouped(query, hits, shown_by)
        return candidates, is_cut

    def _searched_for(self, query: FrameFeatures) -> FrameSearch:
        is_old = self._recent is not None and query.video_id not in self._recent.queries
        return self._new_frames if is_old else self._frames

    def _search(self, query: FrameFeatures) -> Hits:
        places = self._config.videos_per_frame + bool(query.known_as)
        return self._searched_for(query).search(search_rows(query.embeddings)[0], places)

    def _search_deep(
        self, query: FrameFeatures, hits: Hits, crowded: Flags, shown_by: NDArray[np.int64], most: int
    ) -> tuple[Hits, bool]:
        """The hits, with those of all videos that look like the frames that speak for others; whether there are more
        than ``most`` of these."""
        speaks = np.isin(np.arange(len(crowded)), shown_by)
        rows = np.flatnonzero(crowded & speaks[:, None])
        floors = self._floors(query)[rows]
        embeddings = search_rows(query.embeddings)[0][rows]
        deep = self._searched_for(query).search_deep(embeddings, floors, most + bool(query.known_as))
        return hits.with_more(deep, rows), bool((deep.beyond >= floors).any())

    def _floors(self, query: FrameFeatures) -> NDArray[np.float32]:
        """Of each row that is searched, the similarity from which a frame shows it almost as it is."""
        rows, _ = search_rows(query.embeddings)
        return np.full(len(rows), self._near, np.float32) + (0 if query.bias is None else query.bias.ravel())

    def _crowded(self, query: FrameFeatures, hits: Hits) -> Flags:
        """bool[K, V]: frames that more videos show than were found of them."""
        return (hits.beyond >= self._floors(query)).reshape(len(query.times), -1)

    def _grouped(self, query: FrameFeatures, hits: Hits, shown_by: NDArray[np.int64] | None = None) -> list[Candidate]:
        grouped = group_hits(
            query.video_id,
            hits.query_rows,
            hits.ref_ids,
            hits.ref_frames,
            hits.similarities,
            search_rows(query.embeddings)[1],
            query.bias,
            self._near,
            shown_by,
        )
        return [candidate for candidate in grouped if candidate.ref_id != query.known_as]

    def close(self) -> None:
        self._opened.close()
        self._by_video.close()


def _of_frames(query: FrameFeatures, frames: NDArray[np.int64]) -> FrameFeatures:
    """Some keyframes of it, to be searched."""
    return dataclasses.replace(
        query,
        times=query.times[frames],
        scores=query.scores[frames],
        embeddings=query.embeddings[frames],
        bias=None if query.bias is None else query.bias[frames],
        pictures=(),
    )


def near(backbone: BackboneConfig) -> float:
    """Similarity from which a frame shows another almost as it is."""
    return _NEAR * backbone.min_similarity


def evident_frames(query: FrameFeatures) -> int:
    """How many of its frames a video shows at least, almost as they are, where that is evidence: those of a second, or
    a quarter of a short query."""
    return max(1, min(round(_EVIDENT_S * len(query.times) / query.decoded_s), len(query.times) // 4))


def _evident(candidates: Sequence[Candidate], frames: int) -> int:
    return sum(candidate.seen >= frames for candidate in candidates)


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
