"""Running a pipeline: on which runner, in which waves, and what its errors look like."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable, Iterator, Sequence

import apache_beam as beam
import grpc
from apache_beam.metrics.metric import MetricsFilter
from apache_beam.options.pipeline_options import (
    DirectOptions,
    PipelineOptions,
    PortableOptions,
    SetupOptions,
    StandardOptions,
)
from apache_beam.runners.portability.fn_api_runner import FnApiRunner
from threadpoolctl import threadpool_limits

from cliptrace.pipelines.stopping import stop_if_asked
from cliptrace.schemas.errors import CliptraceError, UsageError
from cliptrace.schemas.records import VideoSource
from cliptrace.transforms import telemetry
from cliptrace.transforms.fingerprints import size_of
from cliptrace.transforms.store.ledger import new_run as new_run

_LOCAL_WAVE = (128, 2 << 30)
_CLUSTER_WAVE = (10_000, 1 << 62)
"""Most videos and bytes of one wave. In process every stage waits for the one before it, and what lies between them is
in memory: a wave is what a killed run loses. A cluster has its own way with both; waves keep its job graph small."""
_NEVER_S = 10 * 365 * 86_400
_WORKER_ERROR = re.compile(r"^cliptrace\.schemas\.errors\.(?:CliptraceError|UsageError): (.*)$", re.MULTILINE)
_IN_PROCESS = frozenset({"fnapi", "direct", "switchingdirect", "bundlebaseddirect"})


def waves(
    sources: Sequence[VideoSource],
    beam_args: Sequence[str],
    local: tuple[int, int] | None = None,
    weight_of: Callable[[VideoSource], int] = size_of,
) -> Iterator[list[VideoSource]]:
    """The sources in order, cut into waves; each has its heaviest videos first, so that none is left for the end.

    local: most videos of a wave in process, and the most that they weigh together, where there is a reason for others
    than fit into memory; weight_of: what one weighs, by default its bytes. UsageError, before the first, where a
    template would need more than one.
    """
    most, most_weight = _CLUSTER_WAVE if names_runner(beam_args) else local or _LOCAL_WAVE
    if is_template(beam_args) and len(sources) > most:
        raise UsageError(
            f"{len(sources):,} videos: a template starts one job, of at most {most:,} videos; name fewer, with --limit "
            "where there is one, and start it again for the rest"
        )
    wave: list[VideoSource] = []
    weight = 0
    for source in sources:
        if wave and (len(wave) == most or weight + weight_of(source) > most_weight):
            yield sorted(wave, key=weight_of, reverse=True)
            wave, weight = [], 0
        wave.append(source)
        weight += weight_of(source)
    if wave:
        yield sorted(wave, key=weight_of, reverse=True)


def check_store(gallery: str, milvus: str, beam_args: Sequence[str]) -> None:
    """UsageError where workers are other processes and the gallery's vectors are in the embedded store.

    milvus: address of its server, empty for the embedded one.
    """
    option = starts_processes(beam_args)
    if option and not milvus:
        raise UsageError(
            f"{gallery}: the embedded Milvus serves one process, and {option} starts others: "
            "name a server with --milvus URI when the gallery is made"
        )


def run_pipeline(build: Callable[[beam.Pipeline], None], beam_args: Sequence[str]) -> None:
    """Build and run a pipeline to its end: in this process, or where Beam's own options say."""
    # The runner is pinned: Beam's DirectRunner is a switch that may try to download another one.
    pipeline = beam.Pipeline(None if names_runner(beam_args) else FnApiRunner(), options=options_of(beam_args))
    build(pipeline)
    # Videos are what runs in parallel: BLAS threads on top of that only spin.
    with clear_error(), threadpool_limits(1, "blas"):
        result = pipeline.run()
        result.wait_until_finish()
    if starts_processes(beam_args) and not is_template(beam_args):
        _tell_counters(result)
    stop_if_asked()


def options_of(beam_args: Sequence[str]) -> PipelineOptions:
    """Beam's options, with what every job of ours needs."""
    options = PipelineOptions(list(beam_args))
    options.view_as(SetupOptions).save_main_session = False
    if _runner_of(options) == "prism" and "job_server_timeout" not in options.get_all_options(drop_default=True):
        # Of Prism, Beam takes the time for an answer as the time for the whole job.
        options.view_as(PortableOptions).job_server_timeout = _NEVER_S
    return options


def is_template(beam_args: Sequence[str]) -> bool:
    """Whether the runner writes the job down for others to start, and nothing has run when the pipeline returns."""
    return any(argument.split("=")[0] == "--template_location" for argument in beam_args)


@contextlib.contextmanager
def clear_error() -> Iterator[None]:
    """An error of ours as it was raised, without what Beam adds to it."""
    try:
        yield
    except CliptraceError as error:
        raise type(error)(_without_stage(str(error))) from error
    except RuntimeError as error:
        # From other processes comes the text of a traceback, and that of the runner around it.
        if found := _WORKER_ERROR.search(str(error)):
            raise CliptraceError(_without_stage(found[1])) from error
        raise
    except grpc.RpcError as error:
        told = error.details() if isinstance(error, grpc.Call) else str(error)
        raise CliptraceError(f"the runner is gone: {told}; run the same command again to go on") from error


def _without_stage(message: str) -> str:
    return re.sub(r"\s*\[while running .*", "", message, flags=re.DOTALL)


def _tell_counters(result: beam.runners.runner.PipelineResult) -> None:
    """What workers in other processes could tell nobody while they worked."""
    counted = result.metrics().query(MetricsFilter().with_namespace(telemetry.NAMESPACE))["counters"]
    counters = {counter.key.metric.name: counter.result for counter in counted}
    telemetry.tell("decoded", counters.get("videos", 0))
    telemetry.tell("seconds", counters.get("decoded_ms", 0) / 1000)
    telemetry.tell("keyframes", counters.get("keyframes", 0))


def names_runner(beam_args: Sequence[str]) -> bool:
    return any(argument.split("=")[0] == "--runner" for argument in beam_args)


def starts_processes(beam_args: Sequence[str]) -> str:
    """The option of Beam's by which workers are other processes than this one; else empty."""
    options = PipelineOptions(list(beam_args))
    mode: str = options.view_as(DirectOptions).direct_running_mode
    environment = options.view_as(PortableOptions).environment_type
    short = _runner_of(options)
    if not short or short in _IN_PROCESS:
        return f"--direct_running_mode={mode}" if mode == "multi_processing" else ""
    own = environment == "LOOPBACK" or (short == "prism" and not environment)
    return "" if own else f"--runner={options.view_as(StandardOptions).runner}"


def _runner_of(options: PipelineOptions) -> str:
    """The runner's short name, lower case."""
    name: str = options.view_as(StandardOptions).runner or ""
    return name.rpartition(".")[2].lower().removesuffix("runner")
