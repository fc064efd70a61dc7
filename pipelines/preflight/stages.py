"""A job's graph, looked at as the workers will get it: step by step, what of it they could not run."""

from __future__ import annotations

import base64
import binascii
import bz2
import collections
import dataclasses
import json
import os
import pickletools
import re
import subprocess
import sys
import tempfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cliptrace
from cliptrace.pipelines.preflight.loading import PAR_DO
from cliptrace.schemas.errors import CliptraceError

_LOADING_S = 300
_KNOWN = frozenset(
    f"beam:transform:{name}:v1"
    for name in ("impulse", "read", "pubsub_read", "pubsub_write", "pardo", "group_by_key", "flatten", "window_into")
)
"""Steps without parts of their own that runners know, those of Pub/Sub Dataflow only."""
_ABSOLUTE = re.compile(r"(file:/)?/[\w.-]+/.*")


@dataclasses.dataclass(frozen=True)
class Stage:
    """A step that does something. coder: of what it puts out. wrong: why a worker could not run it."""

    name: str
    urn: str
    coder: str
    wrong: tuple[str, ...]


def stages(graph: Any) -> list[Stage]:
    """The steps of a Pipeline (beam_runner_api_pb2), in order."""
    loaded = _loaded(graph.SerializeToString())
    components = graph.components
    keys = [key for root in graph.root_transform_ids for key in _leaves(components, root)]
    names = collections.Counter(step.unique_name for step in components.transforms.values())
    found = []
    for key in keys:
        step = components.transforms[key]
        coders = [loaded["coders"].get(output, ["", "no such PCollection"]) for output in step.outputs.values()]
        wrong = [f"{names[step.unique_name]} steps have this name"] if names[step.unique_name] > 1 else []
        if step.spec.urn not in _KNOWN:
            wrong.append(f"{step.spec.urn or 'a step without a urn'} is nothing that a runner knows")
        wrong += [f"its output has no coder that can be loaded: {why}" for _, why in coders if why]
        if step.spec.urn == PAR_DO:
            wrong += [f"cannot be loaded: {why}" for why in loaded["code"][key][1:] if why]
            wrong += _told(list(strings(step.spec.payload)))
        found.append(
            Stage(step.unique_name, step.spec.urn, ", ".join(dict.fromkeys(c for c, _ in coders)), tuple(wrong))
        )
    return found


def _leaves(components: Any, key: str) -> Iterator[str]:
    """Steps without parts, but for those that only hand on what they take."""
    step = components.transforms[key]
    for part in step.subtransforms:
        yield from _leaves(components, part)
    if not step.subtransforms and set(step.outputs.values()) - set(step.inputs.values()):
        yield key


def _told(texts: list[str]) -> Iterator[str]:
    if "__main__" in texts:
        yield "holds code of __main__: put it into a module that workers can import"
    for path in sorted({text for text in texts if _ABSOLUTE.fullmatch(text) and not text.endswith(".py")}):
        yield f"names {path}, a place on this machine, which workers do not have"


def strings(payload: bytes) -> Iterator[str]:
    """Every text in the pickles of a payload. They are read, not run."""
    for packed in re.findall(rb"[A-Za-z0-9+/]{24,}={0,2}", payload):
        if pickled := _unpacked(packed):
            yield from _texts(pickled)


def _texts(pickled: bytes) -> Iterator[str]:
    try:
        for _, argument, _ in pickletools.genops(pickled):
            if isinstance(argument, str):
                yield argument
            elif isinstance(argument, bytes) and len(argument) > 24:
                yield from strings(argument)
    except ValueError:  # no pickle: something else that looks like base64
        return


def _unpacked(packed: bytes) -> bytes:
    """What Beam's pickler packed: base64 of bzip2 or of zlib; nothing where it is neither."""
    for unpack in (bz2.decompress, zlib.decompress):
        try:
            return unpack(base64.b64decode(packed, validate=True))
        except (binascii.Error, OSError, ValueError, zlib.error):
            continue
    return b""


def _loaded(graph: bytes) -> dict[str, dict[str, list[str]]]:
    """``loading.loaded`` in a new interpreter, in which of this checkout nothing is but the package."""
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "cliptrace").symlink_to(Path(cliptrace.__file__).parent)
        done = subprocess.run(
            [sys.executable, "-P", "-m", "cliptrace.pipelines.preflight.loading"],
            input=graph,
            capture_output=True,
            timeout=_LOADING_S,
            cwd=folder,
            env={**os.environ, "PYTHONPATH": folder},
            check=False,
        )
    if done.returncode:
        raise CliptraceError(f"the graph cannot be read: {done.stderr.decode(errors='replace').strip()[-2000:]}")
    read: dict[str, dict[str, list[str]]] = json.loads(done.stdout)
    return read
