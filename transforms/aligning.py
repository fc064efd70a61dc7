"""(query, candidate) → match: the map of the two, its segments, and what a person is told of them."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Iterator

import apache_beam as beam
import numpy as np

from cliptrace.models.alignment import ALIGNERS, align, spd
from cliptrace.models.alignment.ends import to_the_ends
from cliptrace.models.alignment.lifting import completed, runs_into
from cliptrace.models.alignment.merging import covered
from cliptrace.models.alignment.paths import keyframe_spans
from cliptrace.models.alignment.picture import draw
from cliptrace.models.alignment.similarity import similarity_map
from cliptrace.models.alignment.snapping import snap
from cliptrace.models.alignment.spd import every_place
from cliptrace.models.alignment.windows import MapAligner, align_windows
from cliptrace.models.stoplist import is_stopped
from cliptrace.models.verification.film import Film
from cliptrace.models.verification.moments import find_moments
from cliptrace.models.verification.pictures import DamagedPictureError
from cliptrace.models.verification.scene import Scene
from cliptrace.schemas.config import parse_aligner
from cliptrace.schemas.errors import CliptraceError
from cliptrace.schemas.records import Candidate, ClipFeatures, FrameFeatures, Match, Rejected, Segment
from cliptrace.transforms.answers import Answers
from cliptrace.transforms.isolation import RunIsolated
from cliptrace.transforms.matching import MatchConfig, Pair
from cliptrace.transforms.naming import picture_name
from cliptrace.transforms.shown import Shown, end_of, in_views
from cliptrace.transforms.store import files
from cliptrace.transforms.store.decisions import Rejections, honoured
from cliptrace.transforms.store.gallery import FrameReader, Gallery, StoredVideo
from cliptrace.transforms.store.live import SharedVideos
from cliptrace.transforms.store.takedown import is_removed


@beam.typehints.with_input_types(tuple[FrameFeatures, Candidate])
class AlignCandidates(beam.PTransform):
    """(query, Candidate) pairs → Match with segments; pairs without a segment above ``min_score`` are dropped, and so
    is what people have rejected.

    videos: of the gallery, where other steps ask for them, too.
    """

    def __init__(
        self, gallery: Gallery, config: MatchConfig, threads: int = 3, videos: SharedVideos | None = None
    ) -> None:
        super().__init__()
        self._work, self._threads = Align(gallery, config, videos or SharedVideos(gallery)), threads

    def expand(self, pairs: beam.PCollection) -> Answers:
        found = pairs | "Align" >> RunIsolated(self._work, "align", lambda pair: pair[0].source, self._threads)
        return Answers.of(found)


class Align:
    """(query, Candidate) → its Match, where there is one, and whether some or all of it was left out as rejected."""

    def __init__(self, gallery: Gallery, config: MatchConfig, videos: SharedVideos) -> None:
        self._gallery, self._config, self._shared = gallery, config, videos

    def open(self) -> None:
        self.videos = self._shared.open()
        self.rejections = Rejections(self._gallery.home)
        self._frames = FrameReader(self._gallery)
        self._last: tuple[FrameFeatures | None, Film] = (None, Film(np.empty(0), tuple))

    def __call__(self, pair: Pair) -> Iterator[Match | Rejected]:
        for found in self._found(*pair):
            if not is_removed(self._gallery.home, found.ref_id):
                yield found

    def _found(self, query: FrameFeatures, candidate: Candidate) -> list[Match | Rejected]:
        return self.videos.read(candidate.ref_id, lambda ref: self._aligned(query, ref, candidate)) or []

    def _aligned(self, query: FrameFeatures, ref: StoredVideo, candidate: Candidate) -> list[Match | Rejected]:
        content = query.info.content_sha256
        decision = self.rejections.on(content, ref.content_sha256)
        if decision and not decision.segments:
            return [Rejected(query.video_id, ref.video_id)]
        match = match_whole(query, ref, candidate, self._frames, self._config, self._film(query))
        left = honoured(match, decision, content) if match else ()
        return [with_shares(each, query, ref) if isinstance(each, Match) else each for each in left]

    def _film(self, query: FrameFeatures) -> Film:
        """One for all pairs of a query, as long as no other one comes."""
        asked, film = self._last
        if asked is not query:
            film = film_of(query)
            self._last = query, film
        return film

    def close(self) -> None: ...


def match_whole(
    query: FrameFeatures,
    ref: StoredVideo,
    candidate: Candidate,
    frames: FrameReader,
    config: MatchConfig,
    film: Film | None = None,
) -> Match | None:
    """As match_pair; where what it finds runs on into what the stop-list left out, with that."""
    match = match_pair(query, ref, candidate, frames, config, film)
    if match is None or match.below_min_score or query.bias is None or query.stops is None:
        return match
    out = is_stopped(query.stops)
    starts, ends = keyframe_spans(query.times)
    if not runs_into(match.segments, starts[out], ends[out]):
        return match
    query = dataclasses.replace(query, bias=query.bias - query.stops, stops=None)
    with_all = match_pair(query, ref, candidate, frames, config, film)
    segments = completed(match.segments, with_all.segments if with_all else ())
    return dataclasses.replace(match, score=segments[0].score, segments=segments)


def match_pair(
    query: FrameFeatures,
    ref: StoredVideo,
    candidate: Candidate,
    frames: FrameReader,
    config: MatchConfig,
    film: Film | None = None,
) -> Match | None:
    """Align a query with one gallery video. None where no segment reaches ``min_score``, unless ``top_m`` asks for the
    nearest all the same. film: of the query, where it is compared with others, too."""
    shown = list(in_views(ref, candidate, frames))
    if not shown:
        return None
    film = film or film_of(query)
    try:
        found = _best([_found(asked, film, each, config) for asked in _readings(query) for each in shown])
    except DamagedPictureError as error:
        raise CliptraceError(f"{ref.frames_file}: video {ref.video_id!r}: {error}; index the video again") from error
    segments = tuple(segment for segment in found if segment.score >= config.min_score)
    is_below = not segments
    if is_below and config.top_m:
        segments = (found[0] if found else _nearest(query, shown[0]),)
    segments = tuple(
        dataclasses.replace(segment, query_stream=query.stream, ref_stream=ref.stream) for segment in segments
    )
    if not segments:
        return None
    if config.maps:
        picture = draw(query.embeddings, query.times, shown[0].embeddings, shown[0].times, query.bias, segments)
        files.write_bytes(files.join(config.maps, picture_name(query.video_id, ref.video_id)), picture)
    return Match(
        query_id=query.video_id,
        query_uri=query.source.uri,
        ref_id=ref.video_id,
        ref_uri=ref.uri,
        score=max(segment.score for segment in segments),
        segments=segments,
        query_metadata=query.source.metadata,
        ref_metadata=ref.metadata,
        below_min_score=is_below,
    )


def with_shares(match: Match, query: FrameFeatures | ClipFeatures, ref: StoredVideo) -> Match:
    """With how much of both videos its segments cover; a picture is found whole."""
    query_s = covered((segment.query_start, segment.query_end) for segment in match.segments)
    ref_s = covered((segment.ref_start, segment.ref_end) for segment in match.segments)
    query_share = 1.0 if query.info.is_picture else min(1.0, query_s / query.decoded_s)
    return dataclasses.replace(match, query_share=query_share, ref_share=min(1.0, ref_s / ref.decoded_s))


def _readings(query: FrameFeatures) -> Iterator[FrameFeatures]:
    """A query with its views, and without: the best of all of them is above every map's noise, and so is less clear."""
    yield query
    if query.embeddings.ndim == 3:
        bias = None if query.bias is None else query.bias[:, 0]
        stops = None if query.stops is None else query.stops[:, 0]
        yield dataclasses.replace(query, embeddings=query.embeddings[:, 0], bias=bias, stops=stops)


def _found(query: FrameFeatures, film: Film, shown: Shown, config: MatchConfig) -> list[Segment]:
    """Segments of a query and a video in one view, best first."""
    if query.info.is_picture:
        return _moments(query, film, shown, config)
    found = align_windows(
        _aligner(query, film, shown.film, config),
        query.embeddings,
        query.times,
        lambda r0, r1: shown.embeddings[r0:r1],
        shown.times,
        shown.hits,
        bias=query.bias,
    )
    end_s = end_of(query.times, query.decoded_s)
    bias = None if query.bias is None else query.bias[[0, -1]]
    alike = (
        similarity_map(query.embeddings, shown.embeddings[[0, -1]], query.bias),
        similarity_map(query.embeddings[[0, -1]], shown.embeddings, bias).T,
    )
    ends = alike, (query.times, end_s), (shown.times, shown.end_s)
    return [_cut(to_the_ends(snap(segment, query.times, query.cuts), *ends), end_s, shown.end_s) for segment in found]


def _best(found: list[list[Segment]]) -> list[Segment]:
    """Of what was found in several views, what is about the same seconds once; a picture's in the best view alone."""
    found = [segments for segments in found if segments]
    if len(found) < 2:
        return found[0] if found else []
    best = max(found, key=lambda segments: segments[0].score)
    is_picture = best[0].query_start == best[0].query_end
    return best if is_picture else every_place(segment for segments in found for segment in segments)


def _nearest(query: FrameFeatures, shown: Shown) -> Segment:
    """The two keyframes that are most alike, of videos that have no segment in common."""
    best = int(shown.hits.similarities.argmax())
    q0, q1 = (float(edge[shown.hits.query_frames[best]]) for edge in keyframe_spans(query.times))
    r0, r1 = (float(edge[shown.hits.ref_frames[best]]) for edge in keyframe_spans(shown.times))
    segment = _cut(Segment(q0, q1, r0, r1, 0.0), end_of(query.times, query.decoded_s), shown.end_s)
    return dataclasses.replace(segment, query_end=q0) if query.info.is_picture else segment


def film_of(query: FrameFeatures) -> Film:
    return Film(query.times, lambda: query.pictures)


def _aligner(query: FrameFeatures, film: Film, ref: Film, config: MatchConfig) -> MapAligner:
    """The learned one takes a second look, at the pictures of both videos."""
    name, folder = parse_aligner(config.aligner)
    if name != "spd":
        return functools.partial(align, name, config=ALIGNERS[name].config(min_similarity=config.min_similarity))
    asked = spd.SPDConfig(min_similarity=config.min_similarity, weights=folder or "spd")
    return functools.partial(spd.align, config=asked, scene=Scene(film, ref, query.cuts, query.stills))


def _moments(query: FrameFeatures, picture: Film, shown: Shown, config: MatchConfig) -> list[Segment]:
    """Where a video shows a query that is one picture. Only the learned aligner looks at pictures, too."""
    alike = similarity_map(query.embeddings, shown.embeddings, query.bias)[0]
    alike[alike < config.min_similarity] = -1.0
    is_learned = parse_aligner(config.aligner)[0] == "spd"
    return find_moments(
        alike, keyframe_spans(shown.times), picture, shown.film if is_learned else Film(shown.times, tuple)
    )


def _cut(segment: Segment, query_s: float, ref_s: float) -> Segment:
    """The segment, ended where the videos end: a last keyframe is taken to stand for more than may be left."""
    query_end, ref_end = min(segment.query_end, query_s), min(segment.ref_end, ref_s)
    if query_end <= segment.query_start or ref_end <= segment.ref_start:
        return segment
    return dataclasses.replace(segment, query_end=query_end, ref_end=ref_end)
