"""cliptrace match: query videos → candidates → segments → matches."""

from __future__ import annotations

import contextlib
import dataclasses
import functools
from collections.abc import Sequence
from typing import Any

import apache_beam as beam

from cliptrace.models.backbones.background import Background
from cliptrace.models.runtime import Device
from cliptrace.pipelines.counting import counting
from cliptrace.pipelines.models import feature_config
from cliptrace.pipelines.running import check_store, is_template, new_run, run_pipeline, waves
from cliptrace.schemas.config import DEFAULT_VIEWS, QUERY_KEYFRAMES, Engine, KeyframeConfig
from cliptrace.schemas.errors import UsageError
from cliptrace.schemas.gallery import video_key
from cliptrace.schemas.records import Searched, VideoSource
from cliptrace.transforms.aligning import AlignCandidates
from cliptrace.transforms.exact import FindExactCopies
from cliptrace.transforms.features import ExtractFeatures, FeatureConfig
from cliptrace.transforms.matching import FindCandidates, Found, MatchConfig
from cliptrace.transforms.results import WriteParts, begin, finish, read_rows
from cliptrace.transforms.sources import Listing, list_sources
from cliptrace.transforms.store import files
from cliptrace.transforms.store.engines import engine_of
from cliptrace.transforms.store.gallery import Gallery, locked
from cliptrace.transforms.store.live import SharedVideos
from cliptrace.transforms.store.takedown import removed_keys


@dataclasses.dataclass(frozen=True)
class Outcome:
    """matches: rows as they were written. failures: ids of queries."""

    matches: list[dict[str, Any]]
    failures: set[str]
    searched: list[Searched]


@dataclasses.dataclass(frozen=True)
class End:
    """What is left to do when the parts of the output are written. scratch: the folder of the parts. home: of the
    gallery."""

    scratch: str
    output: str
    home: str

    def part(self, number: int) -> str:
        return files.join(self.scratch, f"{number:06}")

    def conclude(self, parts: int = 1) -> Outcome:
        """Join the parts into the output, without videos that were removed meanwhile. May run twice."""
        folders = [self.part(number) for number in range(parts)]
        matches = self._answer(folders)
        failures = {row["video_id"] for row in finish(folders, "failures.jsonl", self.failures_path)}
        if not failures:
            files.remove([self.failures_path])
        return Outcome(matches, failures, [Searched(**row) for row in read_rows(folders, "queries.jsonl")])

    def _answer(self, folders: list[str]) -> list[dict[str, Any]]:
        """The matches, written; once more where a video was removed while they were, which takes its time."""
        removed = removed_keys(self.home)

        def is_kept(row: dict[str, Any]) -> bool:
            return video_key(row["ref_id"]) not in removed

        while True:
            matches = finish(folders, "matches.jsonl", self.output, keep=is_kept)
            before, removed = removed, removed_keys(self.home)
            if removed <= before:
                return matches

    def concluded(self, _written: object) -> End:
        """As a step of a job of one part."""
        self.conclude()
        return self

    def clear(self) -> None:
        files.remove_folder(self.scratch)

    @property
    def failures_path(self) -> str:
        return self.output.rsplit(".", 1)[0] + ".failures.jsonl"


@dataclasses.dataclass(frozen=True, kw_only=True)
class MatchOptions:
    queries: Sequence[str]
    gallery: str
    output: str
    aligner: str | None = None
    top_k: int | None = None
    min_score: float | None = None
    no_stop_list: bool = False
    device: Device = "cpu"
    threads: int = 3
    views: tuple[str, ...] = DEFAULT_VIEWS
    keyframes: KeyframeConfig | None = None
    maps: str = ""
    engine: Engine | None = None
    beam_args: Sequence[str] = ()


@dataclasses.dataclass(frozen=True)
class Job:
    """A match run that has been decided on, and nothing done."""

    options: MatchOptions
    gallery: Gallery
    listing: Listing
    config: FeatureConfig
    matching: MatchConfig
    end: End


@dataclasses.dataclass(frozen=True, kw_only=True)
class MatchReport:
    """What became of a run.

    matches: rows as they were written to output. answered: queries that could be searched, of which
    without_match have none. failed: ids of queries. searched: what was found out of each beside its matches.
    other_files: that are no videos. left_to_the_job: queries that a template will search. video_s: seconds of video
    decoded, in elapsed_s. dead_letters: file; None for none.
    """

    output: str
    matches: tuple[dict[str, Any], ...] = ()
    answered: int = 0
    without_match: int = 0
    failed: frozenset[str] = frozenset()
    searched: tuple[Searched, ...] = ()
    other_files: int = 0
    left_to_the_job: int = 0
    video_s: float = 0.0
    elapsed_s: float = 0.0
    dead_letters: str | None = None


def build(pipeline: beam.Pipeline, queries: list[VideoSource], job: Job, part: str, end: End | None = None) -> None:
    """queries → exact copies, and features → candidates → matches; with dead letters of all stages → one part of the
    output.

    end: for a job that nobody waits for: its last steps, when the part is written.
    """
    videos = pipeline | "Queries" >> beam.Create(queries) | "SpreadQueries" >> beam.Reshuffle()
    gallery, config, matching = job.gallery, job.config, job.matching
    live = SharedVideos(gallery)
    copies = videos | "ExactCopies" >> FindExactCopies(gallery, config, live)
    features = videos | "ExtractFeatures" >> ExtractFeatures(config)
    found = features.good | "FindCandidates" >> FindCandidates(gallery, matching, config.backbone)
    pairs = found.good | "Pairs" >> beam.FlatMap(Found.pairs)
    matches = pairs | "AlignCandidates" >> AlignCandidates(gallery, matching, config.threads, live)
    told = found.good | "Told" >> beam.Map(Found.told)
    failures = (*copies.failures, *features.failures, *found.failures, *matches.failures)
    records = (copies.good, matches.good, told, *failures)
    written = records | "MatchesAndFailures" >> beam.Flatten() | "WriteParts" >> WriteParts(part)
    if end:
        once = pipeline | "Once" >> beam.Create([end])  # also where no query has anything to write
        ended = once | "Conclude" >> beam.Map(End.concluded, beam.pvalue.AsList(written))
        # Only when the output is acknowledged: a step that is tried again must find the parts.
        ended | "OutputWritten" >> beam.Reshuffle() | "Clear" >> beam.Map(End.clear)


def prepare(options: MatchOptions) -> Job:
    """UsageError for what is wrong with the options, the gallery or its models. Writes nothing."""
    gallery = Gallery.load(options.gallery)
    if gallery is None:
        raise UsageError(f"{options.gallery}: no gallery here (no gallery.json); make one with cliptrace index")
    engine = engine_of(gallery, options.engine)
    if engine == "milvus":
        check_store(options.gallery, gallery.manifest.milvus, options.beam_args)
    if not options.output.endswith((".jsonl", ".parquet")):
        raise UsageError(f"--output {options.output}: the name must end in .jsonl or .parquet")
    listing = list_sources(options.queries)
    keyframes = options.keyframes or QUERY_KEYFRAMES
    config = feature_config(gallery, options.device, options.threads, options.views, keyframes)
    Background.of(config.backbone)  # what is wrong with it is told before the work
    matching = MatchConfig.suited_to(
        config.backbone,
        aligner=options.aligner,
        top_k=options.top_k,
        min_score=options.min_score,
        stop_list=not options.no_stop_list,
        maps=options.maps and files.absolute(options.maps),
        engine=engine,
    )
    end = End(files.absolute(f"{options.output}.{new_run()}.tmp"), files.absolute(options.output), gallery.home)
    return Job(options, gallery, listing, config, matching, end)


def run(job: Job) -> MatchReport:
    """Match every query with the gallery's own models; write the matches at once when all are done."""
    options, gallery, end, queries = job.options, job.gallery, job.end, job.listing.sources
    template = is_template(options.beam_args)
    is_shared = bool(gallery.manifest.milvus) or job.matching.engine == "exact"
    lock = contextlib.nullcontext() if is_shared else locked(gallery.home)
    parts = 0
    try:
        begin(end.scratch)
        with lock, counting(len(queries)) as counts:
            for parts, wave in enumerate(waves(queries, options.beam_args), 1):
                last = end if template else None
                step = functools.partial(build, queries=wave, job=job, part=end.part(parts - 1), end=last)
                run_pipeline(step, options.beam_args)
        if template:
            return MatchReport(output=options.output, left_to_the_job=len(queries))
        outcome = end.conclude(parts)
        end.clear()
    except BaseException:
        end.clear()
        raise
    matched = {row["query_id"] for row in outcome.matches}
    return MatchReport(
        output=options.output,
        matches=tuple(outcome.matches),
        answered=len(queries) - len(outcome.failures),
        without_match=len(queries) - len(outcome.failures | matched),
        failed=frozenset(outcome.failures),
        searched=tuple(outcome.searched),
        other_files=job.listing.ignored,
        video_s=counts.seconds,
        elapsed_s=counts.elapsed_s,
        dead_letters=end.failures_path if outcome.failures else None,
    )
