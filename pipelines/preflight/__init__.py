"""A job for a cluster, built and looked at without one: would its workers be able to run it? Nothing is written or
started."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Sequence

import apache_beam as beam
from apache_beam.options.pipeline_options import PipelineOptions, StandardOptions, WorkerOptions
from apache_beam.runners.portability.fn_api_runner import FnApiRunner

from cliptrace.models.clips import BUILT_IN as CLIP_ENCODERS
from cliptrace.pipelines import dedup, index, match
from cliptrace.pipelines.models import check_moments, feature_config
from cliptrace.pipelines.preflight.image import disagreements, pins, requirements
from cliptrace.pipelines.preflight.stages import Stage, stages
from cliptrace.pipelines.running import new_run, waves
from cliptrace.schemas.config import parse_aligner, parse_locator
from cliptrace.schemas.records import VideoSource
from cliptrace.transforms.dedup.watch import Listed
from cliptrace.transforms.features import FeatureConfig
from cliptrace.transforms.sources import list_watched
from cliptrace.transforms.store.files import is_local, local_path
from cliptrace.transforms.store.gallery import Gallery


@dataclasses.dataclass(frozen=True)
class ClusterJob:
    """build: as the job would. sources: of its first wave. places: option and path of what else its workers use.
    weights: the same of what they load from their own disk."""

    build: Callable[[beam.Pipeline], None]
    gallery: Gallery
    sources: Sequence[VideoSource] = ()
    places: tuple[tuple[str, str], ...] = ()
    weights: tuple[tuple[str, str], ...] = ()
    streaming: bool = False


def examine(job: ClusterJob, beam_args: Sequence[str]) -> tuple[list[str], list[Stage]]:
    """What is wrong with the job as a whole, and its steps."""
    options = PipelineOptions(list(beam_args))
    options.view_as(StandardOptions).streaming |= job.streaming
    wrong = [*disagreements(pins(), requirements()), *_misplaced(job)]
    image = options.view_as(WorkerOptions).sdk_container_image
    if options.view_as(StandardOptions).runner == "DataflowRunner" and not image:
        wrong.append("workers would have neither ffmpeg nor cliptrace: name the image with --sdk_container_image")
    # The runner is not asked: what a cluster gets is the same graph, and its runner may not be installed here.
    pipeline = beam.Pipeline(FnApiRunner(), options=options)
    try:
        job.build(pipeline)
        graph = pipeline.to_runner_api()
    except (RuntimeError, TypeError, ValueError) as error:  # a doubled label, a type that does not fit, no pickle
        return [*wrong, f"the job cannot be built: {error}"], []
    return wrong, stages(graph)


def _misplaced(job: ClusterJob) -> Iterator[str]:
    """What lies where workers do not come."""
    if is_local(job.gallery.home):
        yield f"the gallery {job.gallery.home} is a folder of this machine: workers need one on an object store"
    if not job.gallery.manifest.milvus:
        yield "the embedded Milvus is a file that one process holds: workers need a server (--milvus http://HOST:PORT)"
    local = [source.uri for source in job.sources if is_local(source.uri)]
    if local:
        yield f"{len(local):,} of {len(job.sources):,} videos are files of this machine, as {local[0]}"
    for option, path in job.places:
        if path and is_local(path):
            yield f"{option} {path} is on this machine: workers need a place on an object store"
    for option, path in job.weights:
        if path:
            yield f"{option} {path} is on this machine: workers need it in their image, at the same path"


def of_index(job: index.Job) -> ClusterJob:
    """Of a wave of the sources as they are named, new or not."""
    asked = job.options
    gallery = _opened(asked)
    config = feature_config(gallery, asked.device, asked.threads)
    check_moments(gallery)
    wave = next(waves(job.listing.sources[: asked.limit], asked.beam_args))
    return ClusterJob(
        lambda pipeline: index.build(pipeline, wave, gallery, config, new_run()),
        gallery,
        wave,
        weights=_clip_network(config),
    )


def of_match(job: match.Job) -> ClusterJob:
    """As ``of_index``."""
    asked = job.options
    wave = next(waves(job.listing.sources, asked.beam_args), [])  # a gallery that asks may be empty
    aligner = parse_aligner(asked.aligner)[1] if asked.aligner else ""
    locator = parse_locator(asked.locator)[1] if asked.locator else ""
    return ClusterJob(
        lambda pipeline: match.build(pipeline, wave, job, job.end.part(0), job.end),
        job.gallery,
        () if job.asking else wave,
        (
            ("--from-gallery", asked.from_gallery),
            ("--output", asked.output),
            ("--unmatched", asked.unmatched),
            ("--maps", asked.maps),
        ),
        (("--aligner", aligner), ("--locator", locator), *(() if job.asking else _clip_network(job.config))),
    )


def of_dedup(job: dedup.Job) -> ClusterJob:
    """As ``of_index``."""
    asked = job.options
    gallery = _opened(job.opening)
    judging = dedup.judging_with(job, gallery)
    uploads = Listed(list_watched(asked.watch)) if asked.once else dedup.endless(asked, judging.log)
    return ClusterJob(
        lambda pipeline: dedup.build(pipeline, uploads, judging),
        gallery,
        places=(*((("--watch", asked.watch),) if asked.watch else ()), ("--output", asked.output)),
        weights=_clip_network(judging.config),
        streaming=not asked.once,
    )


def _clip_network(config: FeatureConfig) -> tuple[tuple[str, str], ...]:
    """The file that describes it, where clip features are made by one of a person's own."""
    made_by = config.moments.name if config.moments else ""
    return () if made_by in ("", *CLIP_ENCODERS) else (("--moments", made_by),)


def _opened(options: index.IndexOptions) -> Gallery:
    """The gallery, or what it would be: nothing is made."""
    made = index.open_existing(options)
    return made or Gallery(local_path(options.gallery), index.new_manifest(options))
