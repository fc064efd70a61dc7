"""What a worker does with a job's graph before it does any work: load the code and the coders. In a process of its own:

    python -P -m cliptrace.pipelines.preflight.loading < GRAPH > LOADED

so that nothing is there but what can be imported. GRAPH is a Pipeline as Beam's protocol has it, LOADED what ``loaded``
returns, as JSON. It loads pickles, of the process that calls it and of nobody else.
"""

from __future__ import annotations

import functools
import json
import sys
from collections.abc import Callable
from typing import Any

from apache_beam.internal import pickler
from apache_beam.portability.api import beam_runner_api_pb2
from apache_beam.runners.pipeline_context import PipelineContext
from apache_beam.transforms.core import DoFnInfo

PAR_DO = "beam:transform:pardo:v1"


def loaded(graph: bytes) -> dict[str, dict[str, list[str]]]:
    """code: of every step that runs code of ours, and coders: of every PCollection: [what it is, why it cannot be
    loaded], one of them empty. Steps by their id, PCollections by theirs."""
    components = beam_runner_api_pb2.Pipeline.FromString(graph).components
    context = PipelineContext(components)
    code = {
        key: _attempt(functools.partial(_load_function, context), step.spec.payload)
        for key, step in components.transforms.items()
        if step.spec.urn == PAR_DO
    }
    coders = {
        key: _attempt(context.coders.get_by_id, collection.coder_id)
        for key, collection in components.pcollections.items()
    }
    return {"code": code, "coders": coders}


def _load_function(context: PipelineContext, payload: bytes) -> Any:
    info = DoFnInfo.from_runner_api(beam_runner_api_pb2.ParDoPayload.FromString(payload).do_fn, context)
    return pickler.loads(info.serialized_dofn_data())


def _attempt(load: Callable[[Any], Any], what: Any) -> list[str]:
    try:
        return [str(load(what)), ""]
    except Exception as error:
        return ["", f"{type(error).__name__}: {error}"]


if __name__ == "__main__":
    json.dump(loaded(sys.stdin.buffer.read()), sys.stdout)
