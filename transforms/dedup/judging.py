"""What an upload shares with videos that are there, asked once it is there itself.

An upload is committed, acknowledged, and only then searched for, with Strong consistency, among videos that are
committed. Of two that come together, the one whose commit ends later therefore sees the other, whatever the order in
which workers go on: searching first and inserting then would leave each blind to the other.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

import apache_beam as beam

from cliptrace.models.alignment.merging import covered
from cliptrace.schemas.config import BackboneConfig
from cliptrace.schemas.records import FrameFeatures, Match, Rejected
from cliptrace.schemas.verdicts import Judgement, Link
from cliptrace.transforms.aligning import Align
from cliptrace.transforms.extract import without_views
from cliptrace.transforms.isolation import Results, RunIsolated
from cliptrace.transforms.matching import Find, MatchConfig, Pair
from cliptrace.transforms.store.gallery import Gallery, StoredVideo
from cliptrace.transforms.store.live import SharedVideos


class JudgeUploads(beam.PTransform):
    """FrameFeatures of committed uploads → Judgement."""

    def __init__(self, gallery: Gallery, config: MatchConfig, backbone: BackboneConfig, run: str, threads: int) -> None:
        super().__init__()
        self._work, self._threads = Judge(gallery, config, backbone, run), threads

    def expand(self, uploads: beam.PCollection) -> Results:
        return uploads | "Judge" >> RunIsolated(self._work, "judge", lambda upload: upload.source, self._threads)


class Judge:
    """run: what is committed under it is in flight, until it has a verdict."""

    def __init__(self, gallery: Gallery, config: MatchConfig, backbone: BackboneConfig, run: str) -> None:
        # One place more: an upload's best candidate is itself. No more than that: any of its group will do.
        config = dataclasses.replace(config, top_k=(config.top_k or config.at_least) + 1)
        self._find = Find(gallery, config, backbone, "Strong")
        self._align = Align(gallery, config, SharedVideos(gallery))
        self._run = run

    def open(self) -> None:
        self._find.open()
        self._align.open()

    def __call__(self, upload: FrameFeatures) -> Iterator[Judgement]:
        upload = without_views(upload)
        found = [pair for found in self._find(upload) for pair in found.pairs()]
        pairs = [pair for pair in found if pair[1].ref_id != upload.video_id]
        if pairs:
            self._align.videos.refresh()
            self._align.rejections.refresh()
        yield Judgement.of(upload.source, tuple(self._links(upload, pairs)))

    def _links(self, upload: FrameFeatures, pairs: list[Pair]) -> Iterator[Link]:
        for pair in pairs:
            for match in self._align(pair):
                ref = self._align.videos.get(match.ref_id)
                if ref and not isinstance(match, Rejected):
                    yield link_of(match, upload.decoded_s, ref, f"/run={self._run}/" in f"/{ref.frames_file}")

    def close(self) -> None:
        self._find.close()
        self._align.close()


def link_of(match: Match, duration_s: float, ref: StoredVideo, in_flight: bool) -> Link:
    """duration_s: of the query."""
    query_s = covered((segment.query_start, segment.query_end) for segment in match.segments)
    ref_s = covered((segment.ref_start, segment.ref_end) for segment in match.segments)
    return Link(
        match.ref_id,
        match.score,
        query_s,
        min(1.0, query_s / duration_s),
        min(1.0, ref_s / ref.decoded_s),
        match.segments,
        in_flight,
    )
