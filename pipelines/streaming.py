"""Running a pipeline that has no end: on Beam's Prism runner beside this process, or where Beam's own options say."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import apache_beam as beam
from apache_beam.options.pipeline_options import PipelineOptions, SetupOptions, StandardOptions

from pipelines.prism import find_prism
from pipelines.running import clear_error, names_runner


def stream(build: Callable[[beam.Pipeline], None], beam_args: Sequence[str]) -> None:
    """Returns when the job is drained, or cancelled with Ctrl-C. CliptraceError where it breaks."""
    local = [] if names_runner(beam_args) else ["--runner=PrismRunner", f"--prism_location={find_prism()}"]
    options = PipelineOptions([*beam_args, *local])
    options.view_as(SetupOptions).save_main_session = False
    options.view_as(StandardOptions).streaming = True
    pipeline = beam.Pipeline(options=options)
    build(pipeline)
    with clear_error():
        result = pipeline.run()
        try:
            result.wait_until_finish()
        except KeyboardInterrupt:
            result.cancel()
