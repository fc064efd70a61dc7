"""A job for a cluster, built and looked at without one: would its workers be able to run it?

    python -m cliptrace.deploy.dataflow.dry_run index gs://b/videos --gallery gs://b/gallery \
        --milvus http://milvus:19530 -- --runner=DataflowRunner --sdk_container_image=…

The arguments are those of cliptrace. Nothing is written or started. Prints a table of its steps; exit codes: 0 all
is well, 1 something is wrong, 2 wrong usage.
"""

from __future__ import annotations

import argparse
import dataclasses
import os
import sys
from collections.abc import Callable, Iterator, Sequence

import apache_beam as beam
from apache_beam.options.pipeline_options import PipelineOptions, StandardOptions, WorkerOptions
from apache_beam.runners.portability.fn_api_runner import FnApiRunner

from cliptrace.deploy.dataflow.container import disagreements, pins, requirements
from cliptrace.deploy.dataflow.stages import Stage, stages
from cliptrace.pipelines import cli, dedup, index, match
from cliptrace.pipelines.models import feature_config
from cliptrace.pipelines.parsers import given
from cliptrace.pipelines.printing import put
from cliptrace.pipelines.running import new_run, waves
from cliptrace.pipelines.settings import apply_settings, refuse_secrets
from cliptrace.schemas.config import QUERY_KEYFRAMES
from cliptrace.schemas.errors import CliptraceError, UsageError
from cliptrace.schemas.records import VideoSource
from cliptrace.schemas.text import printable
from cliptrace.transforms.dedup.log import Log
from cliptrace.transforms.dedup.watch import Listed
from cliptrace.transforms.matching import MatchConfig
from cliptrace.transforms.sources import list_sources, list_watched
from cliptrace.transforms.store.files import is_local
from cliptrace.transforms.store.gallery import Gallery


@dataclasses.dataclass(frozen=True)
class Job:
    """build: as the command would. sources: of its first wave. places: option and path of what else its workers use."""

    build: Callable[[beam.Pipeline], None]
    gallery: Gallery
    sources: Sequence[VideoSource] = ()
    places: tuple[tuple[str, str], ...] = ()
    streaming: bool = False


def main(argv: Sequence[str] | None = None) -> int:
    arguments = list(sys.argv[1:] if argv is None else argv)
    split = arguments.index("--") if "--" in arguments else len(arguments)
    beam_args = arguments[split + 1 :]
    parser = cli.make_parser()
    try:
        apply_settings(parser, arguments[:split], os.environ)
        options = parser.parse_args(arguments[:split])
        options.beam_args = beam_args
        if options.command not in JOBS:
            raise UsageError(f"cliptrace {options.command} starts no job: there are {', '.join(JOBS)}")
        refuse_secrets(beam_args)
        wrong, found = examine(JOBS[options.command](options), beam_args)
    except CliptraceError as error:
        print(f"cliptrace: error: {printable(str(error))}", file=sys.stderr)
        return 2 if isinstance(error, UsageError) else 1
    put(table(wrong, found))
    return 1 if wrong or any(stage.wrong for stage in found) else 0


def examine(job: Job, beam_args: Sequence[str]) -> tuple[list[str], list[Stage]]:
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


def _misplaced(job: Job) -> Iterator[str]:
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


def table(wrong: Sequence[str], found: Sequence[Stage]) -> Iterator[str]:
    rows = [("step", "urn", "coder of what it puts out", "")]
    for stage in found:
        urn = stage.urn.removeprefix("beam:transform:").removesuffix(":v1")
        rows.append((stage.name, urn, stage.coder, "; ".join(stage.wrong) or "OK"))
    widths = [max(len(row[column]) for row in rows) for column in range(3)]
    for row in rows:
        cells = [f"{cell:<{width}}" for cell, width in zip(row, widths, strict=False)]
        yield printable("  ".join([*cells, row[3]])).rstrip()
    yield ""
    yield from (printable(f"WRONG: {each}") for each in wrong)
    bad = sum(bool(stage.wrong) for stage in found)
    yield f"{len(found)} steps, {bad} of them wrong" + (f"; {len(wrong)} more things are wrong" if wrong else "")


def _index(options: argparse.Namespace) -> Job:
    asked = index.IndexOptions(**given(index.IndexOptions, options), since_s=options.since)
    index.check_options(asked)
    gallery = _opened(asked)
    config = feature_config(gallery, asked.device, asked.threads)
    wave = next(waves(list_sources(asked.sources).sources[: asked.limit], asked.beam_args))
    return Job(lambda pipeline: index.build(pipeline, wave, gallery, config, new_run()), gallery, wave)


def _match(options: argparse.Namespace) -> Job:
    asked = match.MatchOptions(**given(match.MatchOptions, options))
    gallery = Gallery.load(asked.gallery)
    if gallery is None:
        raise UsageError(f"{asked.gallery}: no gallery here (no gallery.json); make one with cliptrace index")
    config = feature_config(gallery, asked.device, asked.threads, asked.views, asked.keyframes or QUERY_KEYFRAMES)
    matching = MatchConfig.suited_to(
        config.backbone,
        aligner=asked.aligner,
        top_k=asked.top_k,
        min_score=asked.min_score,
        stop_list=not asked.no_stop_list,
        maps=asked.maps,
    )
    wave = next(waves(list_sources(asked.queries).sources, asked.beam_args))
    end = match.End(f"{asked.output}.{new_run()}.tmp", asked.output, gallery.home)
    return Job(
        lambda pipeline: match.build(pipeline, wave, gallery, config, matching, end.part(0), end),
        gallery,
        wave,
        (("--output", asked.output), ("--maps", asked.maps)),
    )


def _dedup(options: argparse.Namespace) -> Job:
    asked = dedup.DedupOptions(**given(dedup.DedupOptions, options), poll_s=options.poll)
    opening = index.IndexOptions(
        sources=(), gallery=asked.gallery, backbone=asked.backbone, keyframes=asked.keyframes, milvus=asked.milvus
    )
    index.check_options(opening)
    gallery = _opened(opening)
    config, policy = feature_config(gallery, asked.device, asked.threads), dedup.read_policy(asked.policy)
    matching = MatchConfig.suited_to(config.backbone, min_score=asked.min_score)
    log = Log(asked.output, policy.remember_days)
    job = dedup.Job(gallery, config, matching, policy, log, asked.webhook, new_run())
    uploads = Listed(list_watched(asked.watch)) if asked.once else dedup.endless(asked, log)
    return Job(
        lambda pipeline: dedup.build(pipeline, uploads, job),
        gallery,
        places=(*((("--watch", asked.watch),) if asked.watch else ()), ("--output", asked.output)),
        streaming=not asked.once,
    )


def _opened(options: index.IndexOptions) -> Gallery:
    """The gallery, or what it would be: nothing is made."""
    made = index.open_existing(options)
    return made or Gallery(options.gallery.removeprefix("file://"), index.new_manifest(options))


JOBS: dict[str, Callable[[argparse.Namespace], Job]] = {
    "index": _index,
    "match": _match,
    "dedup": _dedup,
}


if __name__ == "__main__":
    sys.exit(main())
