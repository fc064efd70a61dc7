"""cliptrace match: query videos → candidates → segments → matches."""

from __future__ import annotations

import contextlib
import dataclasses
import functools
from collections.abc import Sequence
from typing import Any

import apache_beam as beam

from models.backbones.background import Background
from models.runtime import Device
from pipelines.models import feature_config
from pipelines.progress import Progress, Summary, named
from pipelines.running import new_run, run, waves
from schemas.config import DEFAULT_VIEWS, QUERY_KEYFRAMES, KeyframeConfig
from schemas.errors import UsageError
from schemas.gallery import video_key
from schemas.records import VideoSource
from transforms.features import ExtractFeatures, FeatureConfig
from transforms.matching import AlignCandidates, FindCandidates, MatchConfig
from transforms.results import WriteParts, begin, finish, read_rows
from transforms.sources import list_sources
from transforms.store import files
from transforms.store.gallery import Gallery, locked
from transforms.store.takedown import removed_keys


@dataclasses.dataclass(frozen=True, kw_only=True)
class MatchOptions:
    queries: Sequence[str]
    gallery: str
    output: str
    aligner: str | None = None
    top_k: int | None = None
    min_score: float | None = None
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
) -> None:
    """queries → features → candidates → matches and dead letters of all stages → one part of the output."""
    videos = pipeline | "Queries" >> beam.Create(queries) | "SpreadQueries" >> beam.Reshuffle()
    features = videos | "ExtractFeatures" >> ExtractFeatures(config)
    pairs = features.good | "FindCandidates" >> FindCandidates(gallery, matching, config.backbone)
    matches = pairs.good | "AlignCandidates" >> AlignCandidates(gallery, matching, config.threads)
    partial = features.good | "Partial" >> beam.Filter(lambda query: query.partial)
    names = partial | "Names" >> beam.Map(lambda query: query.video_id)
    records = (matches.good, names, *matches.failures, *pairs.failures, *features.failures)
    records | "MatchesAndFailures" >> beam.Flatten() | "WriteParts" >> WriteParts(part)


def match(options: MatchOptions) -> Summary:
    """Match every query with the gallery's own models; write the matches at once when all are done."""
    gallery = Gallery.load(options.gallery)
    if gallery is None:
        raise UsageError(f"{options.gallery}: no gallery here (no gallery.json); make one with cliptrace index")
    if not options.output.endswith((".jsonl", ".parquet")):
        raise UsageError(f"--output {options.output}: the name must end in .jsonl or .parquet")
    listing = list_sources(options.queries)
    keyframes = options.keyframes or QUERY_KEYFRAMES
    config = feature_config(gallery, options.device, options.threads, options.views, keyframes)
    Background.of(config.backbone)  # what is wrong with it is told before the work
    matching = MatchConfig.suited_to(
        config.backbone, aligner=options.aligner, top_k=options.top_k, min_score=options.min_score, maps=options.maps
    )
    scratch = f"{options.output}.{new_run()}.tmp"
    parts = []
    lock = contextlib.nullcontext() if gallery.manifest.milvus else locked(gallery.home)
    try:
        begin(scratch)
        with lock, Progress("match", len(listing.sources)) as progress:
            for number, wave in enumerate(waves(listing.sources, options.beam_args)):
                parts.append(files.join(scratch, f"{number:06}"))
                step = functools.partial(
                    build, queries=wave, gallery=gallery, config=config, matching=matching, part=parts[-1]
                )
                run(step, options.beam_args)
        matches = _answer(gallery, parts, options.output)
        failures_path = options.output.rsplit(".", 1)[0] + ".failures.jsonl"
        failures = {row["video_id"] for row in finish(parts, "failures.jsonl", failures_path)}
        partial = read_rows(parts, "partial.jsonl")
        if not failures:
            files.remove([failures_path])
    finally:
        files.remove_folder(scratch)
    answered = failures | {row["query_id"] for row in matches}
    return Summary(
        videos=len(listing.sources) - len(failures),
        failures=len(failures),
        seconds=progress.seconds,
        elapsed_s=progress.elapsed_s,
        lines={
            "matches": f"{len(matches):,}",
            "partly decoded": named(partial),
            "queries without a match": f"{len(listing.sources) - len(answered):,}",
            "other files, ignored": f"{listing.ignored:,}" if listing.ignored else "",
            "output": options.output,
            "failures in": failures_path if failures else "",
        },
    )


def _answer(gallery: Gallery, parts: list[str], output: str) -> list[dict[str, Any]]:
    """The matches, written; once more where a video was removed meanwhile, which takes its time with many matches."""
    removed = removed_keys(gallery.home)

    def is_kept(row: dict[str, Any]) -> bool:
        return video_key(row["ref_id"]) not in removed

    while True:
        matches = finish(parts, "matches.jsonl", output, keep=is_kept)
        before, removed = removed, removed_keys(gallery.home)
        if removed <= before:
            return matches
