"""cliptrace match --mode moment: query videos → clip features → gallery videos by clip search → moments."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import apache_beam as beam

from cliptrace.models.relocalization.inference import open_locator
from cliptrace.pipelines.asking import Asking
from cliptrace.pipelines.models import check_moments, needed_moments
from cliptrace.schemas.config import DEFAULT_VIEWS, LOCATORS, MOMENT_VIDEOS, Engine
from cliptrace.schemas.errors import UsageError
from cliptrace.transforms.features import FeatureConfig
from cliptrace.transforms.moments import ExtractClips, FindMoments, MomentConfig, ReadClips
from cliptrace.transforms.store import files
from cliptrace.transforms.store.gallery import Gallery
from cliptrace.transforms.store.live import SharedVideos
from cliptrace.transforms.strips import Strips

if TYPE_CHECKING:  # which imports this module
    from cliptrace.pipelines.match import Job, MatchOptions


def check_mode(options: MatchOptions) -> None:
    """UsageError where an option is about the other mode."""
    if options.mode == "copy":
        if options.locator:
            raise UsageError("--locator is about moments: it goes with --mode moment")
        return
    of_copies = {
        "--aligner": options.aligner is not None,
        "--top-m": options.top_m != 0,
        "--no-stop-list": options.no_stop_list,
        "--views": options.views != DEFAULT_VIEWS,
        "--keyframes": options.keyframes is not None,
        "--retrieval": options.retrieval != "frame",
    }
    for option, is_given in of_copies.items():
        if is_given:
            raise UsageError(f"{option} is about copies: leave it out with --mode moment")


def with_clips(config: FeatureConfig, gallery: Gallery, asking: Asking | None) -> FeatureConfig:
    """With what gives queries clip features as the gallery's videos have them. UsageError where it has none, or those
    of stored queries are others."""
    wanted = needed_moments(gallery)
    if asking is None:
        check_moments(gallery)
        return dataclasses.replace(config, moments=wanted)
    asked = needed_moments(asking.gallery)
    if not asked.same_features(wanted):
        raise UsageError(
            f"{asking.gallery.home} has clip features {asked}, but {gallery.home} has {wanted}: index the videos of "
            "one into a new gallery with the --moments of the other"
        )
    return dataclasses.replace(config, moments=wanted)


def suited(
    gallery: Gallery, engine: Engine, locator: str | None, top_k: int | None, min_score: float | None, maps: str = ""
) -> MomentConfig:
    """How moments are found; None for what suits the gallery. UsageError where the locator or the engine cannot."""
    stored = needed_moments(gallery)
    any_or_its = "", stored.sha256
    name = locator or next(each for each in LOCATORS if open_locator(each).clips_sha256 in any_or_its)
    opened = open_locator(name)
    if opened.clips_sha256 not in any_or_its:
        raise UsageError(
            f"--locator {name} has learned from other clip features (sha256 {opened.clips_sha256[:12]}…) than "
            f"{gallery.home} stores, {stored}: use --locator frames, which takes any"
        )
    if engine == "milvus" and not gallery.manifest.milvus:
        raise UsageError("--engine milvus: the embedded store has no clip features: leave it out with --mode moment")
    return MomentConfig(
        locator=name,
        top_k=top_k or MOMENT_VIDEOS,
        min_score=min_score,
        engine=engine,
        maps=maps and files.absolute(maps),
    )


def found(videos: beam.PCollection, job: Job, matching: MomentConfig) -> tuple[beam.PCollection, ...]:
    """queries → clip features → matches; with dead letters of all stages."""
    gallery, config, asking = job.gallery, job.config, job.asking
    live, recent, asked = SharedVideos(gallery), None, None
    if asking is None:
        clips = videos | "ExtractClips" >> ExtractClips(config)
    else:
        own = live if asking.gallery.root == gallery.root else SharedVideos(asking.gallery)
        clips = videos | "ReadClips" >> ReadClips(asking.gallery, own, live)
        recent, asked = asking.recent, (asking.gallery, own)
    strips = Strips(matching.maps, config, gallery, asked) if matching.maps else None
    matches = clips.good | FindMoments(gallery, matching, live, recent, strips, config.threads)
    return matches.good, *clips.failures, *matches.failures
