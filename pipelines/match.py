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
from cliptrace.pipelines.models import feature_config
from cliptrace.pipelines.progress import Progress, Summary, named
from cliptrace.pipelines.running import check_store, is_template, new_run, run, waves
from cliptrace.schemas.config import DEFAULT_VIEWS, QUERY_KEYFRAMES, KeyframeConfig
from cliptrace.schemas.errors import UsageError
from cliptrace.schemas.gallery import video_key
from cliptrace.schemas.records import Searched, VideoSource
from cliptrace.transforms.aligning import AlignCandidates
from cliptrace.transforms.exact import FindExactCopies
from cliptrace.transforms.features import ExtractFeatures, FeatureConfig
from cliptrace.transforms.matching import FindCandidates, Found, MatchConfig
from cliptrace.transforms.results import WriteParts, begin, finish, read_rows
from cliptrace.transforms.sources import list_sources
from cliptrace.transforms.store import files
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
    beam_args: Sequence[str] = ()


def build(
    pipeline: beam.Pipeline,
    queries: list[VideoSource],
    gallery: Gallery,
    config: FeatureConfig,
    matching: MatchConfig,
    part: str,
    end: End | None = None,
) -> None:
    """queries → exact copies, and features → candidates → matches; with dead letters of all stages → one part of the
    output.

    end: for a job that nobody waits for: its last steps, when the part is written.
    """
    videos = pipeline | "Queries" >> beam.Create(queries) | "SpreadQueries" >> beam.Reshuffle()
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


def match(options: MatchOptions) -> Summary:
    """Match every query with the gallery's own models; write the matches at once when all are done."""
    gallery = Gallery.load(options.gallery)
    if gallery is None:
        raise UsageError(f"{options.gallery}: no gallery here (no gallery.json); make one with cliptrace index")
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
    )
    end = End(files.absolute(f"{options.output}.{new_run()}.tmp"), files.absolute(options.output), gallery.home)
    template = is_template(options.beam_args)
    lock = contextlib.nullcontext() if gallery.manifest.milvus else locked(gallery.home)
    parts = 0
    try:
        begin(end.scratch)
        with lock, Progress("match", len(listing.sources)) as progress:
            for parts, wave in enumerate(waves(listing.sources, options.beam_args), 1):
                step = functools.partial(build, queries=wave, gallery=gallery, config=config, matching=matching)
                run(functools.partial(step, part=end.part(parts - 1), end=end if template else None), options.beam_args)
        if template:
            return _left_to_the_job(len(listing.sources), options.output)
        outcome = end.conclude(parts)
        end.clear()
    except BaseException:
        end.clear()
        raise
    matches, failures = outcome.matches, outcome.failures
    answered = failures | {row["query_id"] for row in matches}
    return Summary(
        videos=len(listing.sources) - len(failures),
        failures=len(failures),
        seconds=progress.seconds,
        elapsed_s=progress.elapsed_s,
        lines={
            "matches": f"{len(matches):,}",
            "partly decoded": named([query.query_id for query in outcome.searched if query.partial]),
            "queries without a match": f"{len(listing.sources) - len(answered):,}",
            "stop-list left out": _left_out(outcome.searched),
            "more candidates than --top-k": named([query.query_id for query in outcome.searched if query.truncated]),
            "other files, ignored": f"{listing.ignored:,}" if listing.ignored else "",
            "output": options.output,
            "failures in": end.failures_path if failures else "",
        },
    )


def _left_out(searched: Sequence[Searched]) -> str:
    """Seconds of how many queries; empty where there are none."""
    seconds = [query.stopped_s for query in searched if query.stopped_s]
    queries = "1 query" if len(seconds) == 1 else f"{len(seconds):,} queries"
    return f"{sum(seconds):,.1f} s of {queries} (search them with --no-stop-list)" if seconds else ""


def _left_to_the_job(queries: int, output: str) -> Summary:
    return Summary(0, 0, 0.0, 0.0, {"left to the job": f"{queries:,}", "output": output})
