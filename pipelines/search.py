"""cliptrace search: query videos → the gallery videos that are like them as a whole, ranked."""

from __future__ import annotations

import dataclasses
import functools
import itertools
import tempfile
from collections.abc import Mapping, Sequence

import apache_beam as beam

from cliptrace.models.runtime import Device
from cliptrace.pipelines.counting import counting
from cliptrace.pipelines.models import feature_config, needed_descriptor
from cliptrace.pipelines.running import run_pipeline, waves
from cliptrace.schemas.config import TOP, Streams
from cliptrace.schemas.errors import UsageError
from cliptrace.schemas.gallery import video_key
from cliptrace.schemas.records import Failure, Ranked, Searched, VideoSource
from cliptrace.transforms.features import ExtractFeatures, FeatureConfig
from cliptrace.transforms.ranking import RankVideos, WriteRanked, ranked_to_json
from cliptrace.transforms.results import read_rows
from cliptrace.transforms.sources import Listing, list_sources, of_streams
from cliptrace.transforms.store import files
from cliptrace.transforms.store.gallery import Gallery
from cliptrace.transforms.store.takedown import removed_keys
from cliptrace.transforms.storing import to_lines


@dataclasses.dataclass(frozen=True, kw_only=True)
class SearchOptions:
    """top: gallery videos that are named of each query at most. output: file; "" for none."""

    queries: Sequence[str]
    gallery: str
    top: int = TOP
    output: str = ""
    streams: Streams = "shown"
    device: Device = "cpu"
    threads: int = 3


@dataclasses.dataclass(frozen=True)
class Job:
    """A search that has been decided on, and nothing done."""

    options: SearchOptions
    gallery: Gallery
    listing: Listing
    config: FeatureConfig


@dataclasses.dataclass(frozen=True, kw_only=True)
class SearchReport:
    """What became of a search.

    ranked: the answers, by query and rank. failures: queries that could not be searched, and why; dead_letters: the
    file with them, None for none. searched: the others. one_of_several, other_files, loops: as MatchReport has them.
    video_s: seconds of video decoded in elapsed_s.
    """

    ranked: tuple[Ranked, ...]
    failures: tuple[Failure, ...]
    searched: tuple[Searched, ...]
    output: str = ""
    dead_letters: str | None = None
    one_of_several: tuple[str, ...] = ()
    other_files: Mapping[str, str] = dataclasses.field(default_factory=dict)
    loops: int = 0
    video_s: float = 0.0
    elapsed_s: float = 0.0

    @property
    def unanswered(self) -> list[str]:
        """Ids of queries of which no video is named: they show nothing, or nothing is like them at all."""
        answered = {each.query_id for each in self.ranked}
        return [query.query_id for query in self.searched if query.query_id not in answered]


def build(pipeline: beam.Pipeline, queries: Sequence[VideoSource], job: Job, part: str) -> None:
    """queries → features with descriptors → ranked videos; with dead letters of all stages → one part."""
    videos = pipeline | "Queries" >> beam.Create(queries) | "SpreadQueries" >> beam.Reshuffle()
    features = videos | "ExtractFeatures" >> ExtractFeatures(job.config)
    ranked = features.good | "RankVideos" >> RankVideos(job.gallery, job.options.top)
    records = (ranked.good, *features.failures, *ranked.failures) | "RankedAndFailures" >> beam.Flatten()
    records | "WriteRanked" >> WriteRanked(part)


def prepare(options: SearchOptions) -> Job:
    """UsageError for what is wrong with the options, the gallery or its models. Writes nothing."""
    gallery = Gallery.load(options.gallery)
    if gallery is None:
        raise UsageError(f"{options.gallery}: no gallery here (no gallery.json); make one with cliptrace index")
    needed_descriptor(gallery)
    if options.output and not options.output.endswith(".jsonl"):
        raise UsageError(f"--output {options.output}: the name must end in .jsonl")
    # As the gallery's own videos: descriptors of other keyframes are others.
    config = feature_config(gallery, options.device, options.threads)
    config = dataclasses.replace(
        config, stored_views=(), moments=None, pictures=True, all_streams=options.streams == "all"
    )
    return Job(options, gallery, of_streams(list_sources(options.queries)), config)


def run(job: Job) -> SearchReport:
    """Rank the gallery's videos for every query; the output is written at once when all are done."""
    options, queries = job.options, job.listing.sources
    failures_path = options.output.removesuffix(".jsonl") + ".failures.jsonl"
    if options.output:
        files.write_bytes(failures_path, b"")  # whether that can be written is told before the work
    with tempfile.TemporaryDirectory(prefix="cliptrace-") as scratch, counting(len(queries)) as counts:
        parts = []
        for number, wave in enumerate(waves(queries, ())):
            parts.append(files.join(scratch, f"{number:06}"))
            run_pipeline(functools.partial(build, queries=wave, job=job, part=parts[-1]), ())
        ranked = _left(job.gallery, [Ranked(**row) for row in read_rows(parts, "ranked.jsonl")])
        failures = tuple(Failure(**row) for row in read_rows(parts, "failures.jsonl"))
        searched = tuple(Searched(**row) for row in read_rows(parts, "queries.jsonl"))
    if options.output:
        files.write_bytes(options.output, to_lines(map(ranked_to_json, ranked)))
        files.write_bytes(failures_path, to_lines(map(dataclasses.asdict, failures)))
        if not failures:
            files.remove([failures_path])
    return SearchReport(
        ranked=ranked,
        failures=failures,
        searched=searched,
        output=options.output,
        dead_letters=failures_path if options.output and failures else None,
        one_of_several=tuple(q.query_id for q in searched if q.other_streams and not job.config.all_streams),
        other_files=job.listing.ignored,
        loops=len(job.listing.loops),
        video_s=counts.seconds,
        elapsed_s=counts.elapsed_s,
    )


def _left(gallery: Gallery, ranked: Sequence[Ranked]) -> tuple[Ranked, ...]:
    """Without videos that were removed meanwhile."""
    removed = removed_keys(gallery.home)
    kept = (each for each in ranked if video_key(each.ref_id) not in removed)
    return tuple(
        dataclasses.replace(each, rank=rank)
        for _, of_query in itertools.groupby(kept, key=lambda each: each.query_id)
        for rank, each in enumerate(of_query, 1)
    )
