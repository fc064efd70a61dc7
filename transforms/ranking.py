"""Queries → gallery videos that are like them as a whole, by their descriptors."""

from __future__ import annotations

import contextlib
import dataclasses
import itertools
from collections.abc import Iterator, Sequence

import apache_beam as beam
from apache_beam.utils.shared import Shared

from cliptrace.schemas.records import Failure, FrameFeatures, Ranked, Searched
from cliptrace.transforms.isolation import Results, RunIsolated
from cliptrace.transforms.results import one_each
from cliptrace.transforms.store import files
from cliptrace.transforms.store.decisions import Rejections
from cliptrace.transforms.store.engines import engine_of
from cliptrace.transforms.store.gallery import Gallery
from cliptrace.transforms.store.live import SharedVideos
from cliptrace.transforms.store.takedown import is_removed
from cliptrace.transforms.store.video_engines import open_ranking
from cliptrace.transforms.storing import to_lines


@beam.typehints.with_input_types(FrameFeatures)
class RankVideos(beam.PTransform):
    """FrameFeatures of queries, with descriptors → Ranked, the ``most`` nearest videos of each, and Searched."""

    def __init__(self, gallery: Gallery, most: int) -> None:
        super().__init__()
        self._work = Rank(gallery, most)

    def expand(self, queries: beam.PCollection) -> Results:
        return queries | "Rank" >> RunIsolated(self._work, "search", lambda query: query.source)


class Rank:
    """A query → Ranked, without what a person has rejected as a whole, and Searched."""

    def __init__(self, gallery: Gallery, most: int) -> None:
        self._gallery, self._most = gallery, most
        self._videos_shared, self._ranking_shared = SharedVideos(gallery), Shared()
        self._opened = contextlib.ExitStack()

    def open(self) -> None:
        self._videos = self._videos_shared.open()
        self._rejections = Rejections(self._gallery.home)
        engine = engine_of(self._gallery, None)
        self._ranking = open_ranking(self._gallery, engine, self._ranking_shared, self._opened)

    def __call__(self, query: FrameFeatures) -> Iterator[Ranked | Searched]:
        for rank, each in enumerate(itertools.islice(self._answers(query), self._most), 1):
            yield dataclasses.replace(each, rank=rank)
        yield Searched(query.video_id, query.partial, other_streams=len(query.info.others), query_uri=query.source.uri)

    def _answers(self, query: FrameFeatures) -> Iterator[Ranked]:
        assert query.descriptor is not None
        for ref_id, similarity in self._ranking.nearest(query.descriptor, 2 * self._most):  # some may be left out
            ref = self._videos.get(ref_id)
            if ref is None or is_removed(self._gallery.home, ref_id):
                continue
            decision = self._rejections.on(query.info.content_sha256, ref.content_sha256)
            if decision is None or decision.segments:
                yield Ranked(query.video_id, query.source.uri, ref_id, ref.uri, similarity, 0)

    def close(self) -> None:
        self._opened.close()


class WriteRanked(beam.PTransform):
    """Ranked, Searched and dead letters → ranked.jsonl, queries.jsonl and failures.jsonl of ``folder``, sorted."""

    def __init__(self, folder: str) -> None:
        super().__init__()
        self._folder = folder

    def expand(self, records: beam.PCollection) -> beam.PCollection:
        return (
            records
            | "OneKey" >> beam.WithKeys(0)
            | "Gather" >> beam.GroupByKey()
            | "WritePart" >> beam.MapTuple(lambda _, group: write_ranked(self._folder, list(group)))
        )


def write_ranked(folder: str, records: Sequence[Ranked | Searched | Failure]) -> None:
    ranked = sorted(
        (record for record in records if isinstance(record, Ranked)), key=lambda each: (each.query_id, each.rank)
    )
    queries = sorted((record for record in records if isinstance(record, Searched)), key=lambda each: each.query_id)
    failures = one_each(record for record in records if isinstance(record, Failure))
    for name, rows in (("ranked", ranked), ("queries", queries), ("failures", failures)):
        files.write_bytes(files.join(folder, f"{name}.jsonl"), to_lines(map(dataclasses.asdict, rows)))


def ranked_to_json(ranked: Ranked) -> dict[str, object]:
    """The output contract."""
    return {**dataclasses.asdict(ranked), "similarity": round(ranked.similarity, 4)}
