"""Running a pipeline that has no end: on Beam's Prism runner beside this process, or where Beam's own options say."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Sequence

import apache_beam as beam
import grpc
from apache_beam.options.pipeline_options import StandardOptions

from cliptrace.pipelines.prism import find_prism
from cliptrace.pipelines.running import clear_error, names_runner, options_of
from cliptrace.pipelines.stopping import stopped_as_asked


def stream(build: Callable[[beam.Pipeline], None], beam_args: Sequence[str]) -> None:
    """Returns when the job is drained, or cancelled with Ctrl-C. CliptraceError where it breaks."""
    if not names_runner(beam_args):
        local = ("--runner=PrismRunner", f"--prism_location={find_prism()}", "--prism_log_level=error")
        beam_args = (*beam_args, *local)
    options = options_of(beam_args)
    options.view_as(StandardOptions).streaming = True
    pipeline = beam.Pipeline(options=options)
    build(pipeline)
    threading.excepthook = _without_rpc_errors
    with clear_error():
        result = pipeline.run()
        try:
            result.wait_until_finish()
        except KeyboardInterrupt:
            with contextlib.suppress(Exception):  # it may have heard the same interrupt, and be gone
                result.cancel()
            stopped_as_asked()


def _without_rpc_errors(unraised: threading.ExceptHookArgs) -> None:
    """When a runner is gone, each of Beam's threads says so with a traceback; what has failed is told by the job."""
    if not isinstance(unraised.exc_value, grpc.RpcError):
        threading.__excepthook__(unraised)
