"""Query features → matches: frame search in Milvus, candidates by votes, alignment on stored embeddings."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Iterator

import apache_beam as beam

from models.alignment import align
from models.alignment.candidates import group_hits
from models.alignment.windows import align_windows
from schemas.errors import CliptraceError
from schemas.records import Candidate, FrameFeatures, Match
from transforms.isolation import Results, RunIsolated
from transforms.store.gallery import FrameReader, Gallery, StoredVideo, read_videos

Pair = tuple[FrameFeatures, Candidate]


@dataclasses.dataclass(frozen=True)
class MatchConfig:
    """top_k: gallery videos that are aligned with a query. min_score: lowest score of a segment that is reported."""

    aligner: str = "tn"
    top_k: int = 20
    min_score: float = 0.15
    videos_per_frame: int = 8


class FindCandidates(beam.PTransform):
    """FrameFeatures of queries → (query, Candidate) pairs, at most ``top_k`` a query."""

    def __init__(self, gallery: Gallery, config: MatchConfig) -> None:
        super().__init__()
        self._work = _Find(gallery, config)

    def expand(self, queries: beam.PCollection) -> Results:
        return queries | "Search" >> RunIsolated(self._work, "search", lambda query: query.source)


class AlignCandidates(beam.PTransform):
    """(query, Candidate) pairs → Match with segments; pairs without a segment above ``min_score`` are dropped."""

    def __init__(self, gallery: Gallery, config: MatchConfig, threads: int) -> None:
        super().__init__()
        self._work, self._threads = _Align(gallery, config), threads

    def expand(self, pairs: beam.PCollection) -> Results:
        return pairs | "Align" >> RunIsolated(self._work, "align", lambda pair: pair[0].source, self._threads)


class _Find:
    def __init__(self, gallery: Gallery, config: MatchConfig) -> None:
        self._gallery, self._config = gallery, config

    def open(self) -> None:
        self._opened = self._gallery.vectors()
        self._vectors = self._opened.__enter__()
        if not self._vectors.count() and (videos := len(read_videos(self._gallery))):
            raise CliptraceError(
                f"{self._gallery.vectors_address}: the embeddings of {videos:,} videos are missing; "
                "index them into a new gallery"
            )

    def __call__(self, query: FrameFeatures) -> Iterator[Pair]:
        hits = self._vectors.search(query.embeddings, self._config.videos_per_frame)
        candidates = group_hits(
            query.video_id, hits.query_frames, hits.ref_ids, hits.ref_frames, hits.similarities, self._config.top_k
        )
        return ((query, candidate) for candidate in candidates)

    def close(self) -> None:
        self._opened.__exit__(None, None, None)


class _Align:
    def __init__(self, gallery: Gallery, config: MatchConfig) -> None:
        self._gallery, self._config = gallery, config

    def open(self) -> None:
        self._videos = read_videos(self._gallery)
        self._frames = FrameReader(self._gallery)

    def __call__(self, pair: Pair) -> Iterator[Match]:
        query, candidate = pair
        ref = self._videos.get(candidate.ref_id)
        if ref is None:  # replaced or removed since; the vectors of it are about to go
            return
        match = match_pair(query, ref, candidate, self._frames, self._config)
        if match:
            yield match

    def close(self) -> None: ...


def match_pair(
    query: FrameFeatures, ref: StoredVideo, candidate: Candidate, frames: FrameReader, config: MatchConfig
) -> Match | None:
    """Align a query with one gallery video. None where no segment reaches ``min_score``."""
    ref_times, ref_embeddings = frames.read(ref)
    found = align_windows(
        functools.partial(align, config.aligner),
        query.embeddings,
        query.times,
        lambda r0, r1: ref_embeddings[r0:r1],
        ref_times,
        candidate,
    )
    segments = tuple(segment for segment in found if segment.score >= config.min_score)
    if not segments:
        return None
    return Match(
        query_id=query.video_id,
        query_uri=query.source.uri,
        ref_id=ref.video_id,
        ref_uri=ref.uri,
        score=max(segment.score for segment in segments),
        segments=segments,
        query_metadata=query.source.metadata,
        ref_metadata=ref.metadata,
    )
