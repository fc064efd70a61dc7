"""cliptrace match: query videos → candidates → segments → matches."""

from __future__ import annotations

import contextlib
import dataclasses
import functools
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import apache_beam as beam

from cliptrace.models.backbones.background import Background
from cliptrace.models.relocalization.inference import open_locator
from cliptrace.models.runtime import Device
from cliptrace.models.ssan.inference import spd_config
from cliptrace.pipelines import moments
from cliptrace.pipelines.asking import STORED_WAVE, Asking, asking
from cliptrace.pipelines.counting import counting
from cliptrace.pipelines.keeping import keeping
from cliptrace.pipelines.models import feature_config, needed_descriptor
from cliptrace.pipelines.running import check_store, is_template, new_run, run_pipeline, waves
from cliptrace.schemas.config import (
    DEFAULT_VIEWS,
    NO_DESCRIPTOR,
    QUERY_KEYFRAMES,
    Engine,
    KeyframeConfig,
    MatchMode,
    Retrieval,
    Streams,
    parse_aligner,
)
from cliptrace.schemas.errors import UsageError
from cliptrace.schemas.gallery import video_key
from cliptrace.schemas.records import Searched, VideoSource
from cliptrace.transforms.aligning import AlignCandidates
from cliptrace.transforms.answers import Answers
from cliptrace.transforms.exact import FindExactCopies, FindStoredCopies
from cliptrace.transforms.features import ExtractFeatures, FeatureConfig
from cliptrace.transforms.isolation import Results
from cliptrace.transforms.matching import FindCandidates, Found, MatchConfig
from cliptrace.transforms.moments import MomentConfig
from cliptrace.transforms.results import WriteParts, begin, finish, read_rows
from cliptrace.transforms.sources import STREAM_COLUMN, Listing, list_sources, of_streams
from cliptrace.transforms.store import decisions, files, ledger
from cliptrace.transforms.store.engines import engine_of
from cliptrace.transforms.store.gallery import Gallery, locked
from cliptrace.transforms.store.live import SharedVideos
from cliptrace.transforms.store.takedown import removed_keys
from cliptrace.transforms.stored import ReadStored, Recent
from cliptrace.transforms.storing import to_lines

_LOCAL_WAVE = (32, 2 << 30)
"""Queries of a wave in process, and their bytes: what a search that is stopped may lose."""


@dataclasses.dataclass(frozen=True)
class Outcome:
    """matches: rows as they were written. failures: ids of queries."""

    matches: list[dict[str, Any]]
    failures: set[str]
    searched: list[Searched]

    @property
    def unmatched(self) -> list[Searched]:
        known = self.failures | {row["query_id"] for row in self.matches if not row["below_min_score"]}
        return [query for query in self.searched if query.query_id not in known]


def _as_row(query: Searched) -> dict[str, Any]:
    """Of a manifest. A further video stream has its number, so that it is the one that is asked for again."""
    row = {"id": query.query_id, "uri": query.query_uri}
    return row if query.stream is None else {**row, STREAM_COLUMN: query.stream}


@dataclasses.dataclass(frozen=True)
class End:
    """What is left to do when the parts of the output are written. scratch: the folder of the parts. home: of the
    gallery. unmatched: file for the names of queries without a match; query_home: of the gallery that has the queries;
    "" for none."""

    scratch: str
    output: str
    home: str
    unmatched: str = ""
    query_home: str = ""

    def part(self, number: int) -> str:
        return files.join(self.scratch, f"{number:06}")

    def conclude(self, parts: int = 1) -> Outcome:
        """Join the parts into the output, without videos that were removed meanwhile. May run twice."""
        folders = [self.part(number) for number in range(parts)]
        matches = self._answer(folders)
        failures = {row["video_id"] for row in finish(folders, "failures.jsonl", self.failures_path)}
        if not failures:
            files.remove([self.failures_path])
        outcome = Outcome(matches, failures, [Searched(**row) for row in read_rows(folders, "queries.jsonl")])
        if self.unmatched:
            files.write_bytes(self.unmatched, to_lines(map(_as_row, outcome.unmatched)))
        return outcome

    def _answer(self, folders: list[str]) -> list[dict[str, Any]]:
        """The matches, written; once more where a video was removed while they were, which takes its time."""
        removed = self._removed()

        def is_kept(row: dict[str, Any]) -> bool:
            return not any((side, video_key(row[side])) in removed for side in ("ref_id", "query_id"))

        while True:
            matches = finish(folders, "matches.jsonl", self.output, keep=is_kept)
            before, removed = removed, self._removed()
            if removed <= before:
                return matches

    def _removed(self) -> frozenset[tuple[str, int]]:
        """Sides of a pair, each with the keys of videos that are not named there any more."""
        homes = {"ref_id": self.home, "query_id": self.query_home}
        return frozenset((side, key) for side, home in homes.items() if home for key in removed_keys(home))

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
    """mode: whether the same footage is looked for, or the same happening. locator: of the latter; None for the
    default. from_gallery: ask with the videos that a gallery stores instead of ``queries``; since_s: then, in seconds
    since 1970, only pairs of which one was indexed since."""

    queries: Sequence[str]
    gallery: str
    output: str
    mode: MatchMode = "copy"
    locator: str | None = None
    aligner: str | None = None
    top_k: int | None = None
    top_m: int = 0
    min_score: float | None = None
    no_stop_list: bool = False
    device: Device = "cpu"
    threads: int = 3
    views: tuple[str, ...] = DEFAULT_VIEWS
    keyframes: KeyframeConfig | None = None
    maps: str = ""
    engine: Engine | None = None
    retrieval: Retrieval = "frame"
    streams: Streams = "shown"
    unmatched: str = ""
    resume: bool = False
    from_gallery: str = ""
    since_s: float | None = None
    beam_args: Sequence[str] = ()


@dataclasses.dataclass(frozen=True)
class Job:
    """A match run that has been decided on, and nothing done. asking: where a gallery has the queries."""

    options: MatchOptions
    gallery: Gallery
    listing: Listing
    config: FeatureConfig
    matching: MatchConfig | MomentConfig
    end: End
    asking: Asking | None = None


@dataclasses.dataclass(frozen=True, kw_only=True)
class MatchReport:
    """What became of a run.

    matches: rows as they were written to output. answered: queries that could be searched, of which ``unmatched`` have
    no match. failed: ids of queries. searched: what was found out of each beside its matches. resumed: queries that a
    run before had searched. one_of_several: ids of queries whose files have other video streams, which were left out.
    other_files: that are no videos, and their kinds; loops: links to folders that were listed already.
    left_to_the_job: queries that a template will search. video_s: seconds of video decoded, or read, in elapsed_s.
    dead_letters: file; None for none.
    """

    output: str
    matches: tuple[dict[str, Any], ...] = ()
    answered: int = 0
    unmatched: tuple[Searched, ...] = ()
    failed: frozenset[str] = frozenset()
    searched: tuple[Searched, ...] = ()
    resumed: int = 0
    one_of_several: tuple[str, ...] = ()
    other_files: Mapping[str, str] = dataclasses.field(default_factory=dict)
    loops: int = 0
    left_to_the_job: int = 0
    video_s: float = 0.0
    elapsed_s: float = 0.0
    dead_letters: str | None = None


def build(pipeline: beam.Pipeline, queries: Sequence[VideoSource], job: Job, part: str, end: End | None = None) -> None:
    """queries → what is found of them, with dead letters of all stages → one part of the output.

    end: for a job that nobody waits for: its last steps, when the part is written.
    """
    videos = pipeline | "Queries" >> beam.Create(queries) | "SpreadQueries" >> beam.Reshuffle()
    if isinstance(job.matching, MomentConfig):
        records, top_m = moments.found(videos, job, job.matching), 0
    else:
        records, top_m = _copies(videos, job, job.matching), job.matching.top_m
    written = records | "MatchesAndFailures" >> beam.Flatten() | "WriteParts" >> WriteParts(part, top_m)
    if end:
        once = pipeline | "Once" >> beam.Create([end])  # also where no query has anything to write
        ended = once | "Conclude" >> beam.Map(End.concluded, beam.pvalue.AsList(written))
        # Only when the output is acknowledged: a step that is tried again must find the parts.
        ended | "OutputWritten" >> beam.Reshuffle() | "Clear" >> beam.Map(End.clear)


def _copies(videos: beam.PCollection, job: Job, matching: MatchConfig) -> tuple[beam.PCollection, ...]:
    """queries → exact copies, and features → candidates → matches; with dead letters of all stages."""
    gallery, config = job.gallery, job.config
    live = SharedVideos(gallery)
    copies, features, recent = _asked(videos, job, live, matching.retrieval != "frame")
    found = features.good | "FindCandidates" >> FindCandidates(gallery, matching, config.backbone, recent, live)
    pairs = found.good | "Pairs" >> beam.FlatMap(Found.pairs)
    matches = pairs | "AlignCandidates" >> AlignCandidates(gallery, matching, config.threads, live)
    told = found.good | "Told" >> beam.Map(Found.told)
    failures = (*copies.failures, *features.failures, *found.failures, *matches.failures)
    return copies.good, copies.rejected, matches.good, matches.rejected, told, *failures


def _asked(
    videos: beam.PCollection, job: Job, live: SharedVideos, described: bool
) -> tuple[Answers, Results, Recent | None]:
    """Exact copies of the queries, and their features: by their files, or by what a gallery stores."""
    gallery, config, asking = job.gallery, job.config, job.asking
    if asking is None:
        copies = videos | "ExactCopies" >> FindExactCopies(gallery, config, live)
        return copies, videos | "ExtractFeatures" >> ExtractFeatures(config), None
    own = live if asking.gallery.root == gallery.root else SharedVideos(asking.gallery)
    copies = videos | "ExactCopies" >> FindStoredCopies(gallery, own, live, asking.recent)
    return copies, videos | "ReadStored" >> ReadStored(asking.gallery, own, live, described), asking.recent


def prepare(options: MatchOptions) -> Job:
    """UsageError for what is wrong with the options, the gallery or its models. Writes nothing."""
    gallery = Gallery.load(options.gallery)
    if gallery is None:
        raise UsageError(f"{options.gallery}: no gallery here (no gallery.json); make one with cliptrace index")
    engine = engine_of(gallery, options.engine)
    moments.check_mode(options)
    _check_queries(options, engine)
    if engine == "milvus":
        check_store(options.gallery, gallery.manifest.milvus, options.beam_args)
    if not options.output.endswith((".jsonl", ".parquet")):
        raise UsageError(f"--output {options.output}: the name must end in .jsonl or .parquet")
    if options.unmatched and not options.unmatched.endswith(".jsonl"):
        raise UsageError(f"--unmatched {options.unmatched}: the name must end in .jsonl")
    output = files.absolute(options.output)
    asker = asking(options.from_gallery, gallery, options.mode, options.since_s) if options.from_gallery else None
    end = End(
        f"{output}.parts",
        output,
        gallery.home,
        options.unmatched and files.absolute(options.unmatched),
        asker.gallery.home if asker else "",
    )
    if end.unmatched in (end.output, end.failures_path):
        raise UsageError(f"--unmatched {options.unmatched}: matches or failures are written there; name another file")
    listing = Listing(list(asker.sources)) if asker else of_streams(list_sources(options.queries))
    keyframes = options.keyframes or QUERY_KEYFRAMES
    config = feature_config(gallery, options.device, options.threads, options.views, keyframes)
    config = dataclasses.replace(config, all_streams=options.streams == "all")
    if options.mode == "moment":
        config = moments.with_clips(config, gallery, asker)
        asked = options.locator, options.top_k, options.min_score, options.maps
        return Job(options, gallery, listing, config, moments.suited(gallery, engine, *asked), end, asker)
    if options.retrieval != "frame":
        config = _described(config, gallery, asker)
    return Job(options, gallery, listing, config, _matching(options, config, engine), end, asker)


def _matching(options: MatchOptions, config: FeatureConfig, engine: Engine) -> MatchConfig:
    Background.of(config.backbone)  # what is wrong with it is told before the work
    return MatchConfig.suited_to(
        config.backbone,
        aligner=options.aligner,
        top_k=options.top_k,
        top_m=options.top_m,
        min_score=options.min_score,
        stop_list=not options.no_stop_list,
        maps=options.maps and files.absolute(options.maps),
        engine=engine,
        retrieval=options.retrieval,
    )


def _described(config: FeatureConfig, gallery: Gallery, asker: Asking | None) -> FeatureConfig:
    """With what gives queries descriptors as the gallery's videos have them. UsageError where it has none, or those of
    stored queries are others."""
    descriptor = needed_descriptor(gallery)
    asked = asker.gallery.manifest.descriptor if asker else descriptor
    if asker and asked != descriptor:
        raise UsageError(
            f"{asker.gallery.home} has descriptor {asked or NO_DESCRIPTOR}, but {gallery.home} has {descriptor}: make "
            "one of them anew with the other's, with cliptrace gallery reindex --descriptor"
        )
    return dataclasses.replace(config, descriptor=descriptor.name, described_keyframes=gallery.manifest.keyframes)


def _check_queries(options: MatchOptions, engine: Engine) -> None:
    """UsageError where it is not clear what the queries are, or an option does not go with them."""
    if not options.from_gallery:
        if not options.queries:
            raise UsageError("no queries: name videos, or a gallery of videos with --from-gallery DIR")
        if options.since_s is not None:
            raise UsageError("--since is about when videos were indexed: it goes with --from-gallery")
        return
    if options.queries:
        raise UsageError(
            f"{options.queries[0]}: --from-gallery asks with the videos of a gallery: leave out one of both"
        )
    decoding = {
        "--views": options.views != DEFAULT_VIEWS,
        "--keyframes": options.keyframes is not None,
        "--streams": options.streams != "shown",
    }
    for option, is_given in decoding.items():
        if is_given:
            raise UsageError(f"{option} is about how queries are decoded, and --from-gallery decodes none")
    if options.since_s is not None and engine != "exact":
        raise UsageError("--since needs --engine exact, which can search a part of a gallery on a local disk")


def run(job: Job) -> MatchReport:
    """Match every query with the gallery's own models; write the matches at once when all are done.

    What is done of a run that ends before is kept beside its output (pipelines/keeping.py).
    """
    options, gallery, end, queries = job.options, job.gallery, job.end, job.listing.sources
    if is_template(options.beam_args):
        return _launch(job)
    todo = list(_waves(job))
    config = dataclasses.replace(job.config, threads=1)  # which changes no answer
    galleries = (gallery, job.asking.gallery) if job.asking else (gallery,)
    stored = [(each.root, ledger.shards(each.root)) for each in galleries], decisions.state_of(gallery.home)
    recent = job.asking and job.asking.recent
    new = recent and (sorted(recent.queries), sorted(recent.refs))
    asked = (stored, config, job.matching, _learned(job.matching), new)
    held = contextlib.ExitStack()
    if job.matching.engine == "milvus" and not gallery.manifest.milvus:
        # Before what is kept is looked at: it is not given up where the gallery is in use.
        held.enter_context(locked(gallery.home))
    with held, keeping(end.scratch, todo, asked, options.resume) as kept:
        resumed = kept.queries
        with counting(len(queries) - resumed) as counts:
            for number, wave in kept.left():
                part = end.part(number)
                files.remove_folder(part)  # what an earlier run has left there
                run_pipeline(functools.partial(build, queries=wave, job=job, part=part), options.beam_args)
        held.close()  # videos may be removed while the output is written
        outcome = end.conclude(len(todo))
    # A file may turn out to be several queries.
    every = {query.video_id for query in queries} | {query.query_id for query in outcome.searched}
    return MatchReport(
        output=options.output,
        matches=tuple(outcome.matches),
        answered=len(every - outcome.failures),
        unmatched=tuple(outcome.unmatched),
        failed=frozenset(outcome.failures),
        searched=tuple(outcome.searched),
        resumed=resumed,
        one_of_several=()
        if job.config.all_streams or job.asking
        else tuple(q.query_id for q in outcome.searched if q.other_streams),
        other_files=job.listing.ignored,
        loops=len(job.listing.loops),
        video_s=counts.seconds,
        elapsed_s=counts.elapsed_s,
        dead_letters=end.failures_path if outcome.failures else None,
    )


def _learned(matching: MatchConfig | MomentConfig) -> object:
    """What finds the seconds, with digests: a folder may be trained anew."""
    if isinstance(matching, MomentConfig):
        return open_locator(matching.locator).sha256
    aligner, weights = parse_aligner(matching.aligner)
    return spd_config(weights or "spd") if aligner == "spd" else None


def _waves(job: Job) -> Iterator[list[VideoSource]]:
    if job.asking:
        return waves(job.listing.sources, job.options.beam_args, STORED_WAVE, job.asking.weight_of)
    return waves(job.listing.sources, job.options.beam_args, _LOCAL_WAVE)


def _launch(job: Job) -> MatchReport:
    """Hand the job to a runner that lets others start it: its last steps write the matches."""
    options, queries = job.options, job.listing.sources
    end = dataclasses.replace(job.end, scratch=f"{job.end.output}.{new_run()}.tmp")
    try:
        begin(end.scratch)
        for wave in waves(queries, options.beam_args):
            step = functools.partial(build, queries=wave, job=job, part=end.part(0), end=end)
            run_pipeline(step, options.beam_args)
    except BaseException:
        end.clear()
        raise
    return MatchReport(output=options.output, left_to_the_job=len(queries))
