"""cliptrace with its main functions timed: where benchmarks.speed.index_throughput learns what the time goes to.

python -m benchmarks.speed.index_profile PROFILE.json index SOURCE --gallery DIR
"""

from __future__ import annotations

import os
import time

_BEGIN = time.perf_counter()
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # as the command line does, before numpy is imported

import functools  # noqa: E402 - what comes now is part of what is measured
import json  # noqa: E402
import resource  # noqa: E402
import sys  # noqa: E402
import threading  # noqa: E402
from collections import defaultdict  # noqa: E402
from pathlib import Path  # noqa: E402
from typing import Any  # noqa: E402

import pymilvus  # noqa: E402

import cliptrace.models.runtime  # noqa: E402
import cliptrace.pipelines.index  # noqa: E402
import cliptrace.transforms.extract  # noqa: E402
import cliptrace.transforms.features  # noqa: E402
import cliptrace.transforms.store.gallery  # noqa: E402
import cliptrace.transforms.storing  # noqa: E402
from cliptrace.models.backbones.registry import Embedder  # noqa: E402
from cliptrace.pipelines.cli import main as program  # noqa: E402
from cliptrace.transforms.media.process import Process  # noqa: E402
from cliptrace.transforms.store import files  # noqa: E402
from cliptrace.transforms.store.vectors import VectorStore  # noqa: E402

PARTS = (
    (cliptrace.transforms.features, "probe", "probe: wait for ffprobe"),
    (cliptrace.transforms.features, "content_sha256", "content digest"),
    (cliptrace.transforms.features, "extract_range", "ranges: decode, keyframes, embeddings"),
    (Process, "fill", "  wait for ffmpeg and ffprobe, read"),
    (cliptrace.transforms.extract, "thumbs", "  thumbs"),
    (cliptrace.models.runtime._OnnxSession, "run", "  network"),
    (Embedder, "_pool", "  pooling"),
    (Embedder, "_whiten", "  whitening"),
    (pymilvus.MilvusClient, "__init__", "Milvus: start, connect"),
    (VectorStore, "_prepare", "Milvus: make or load the collection"),
    (cliptrace.transforms.storing, "commit", "commit"),
    (VectorStore, "replace", "  Milvus: upsert"),
    (files, "write_tables", "  Parquet"),
    (VectorStore, "flush", "Milvus: flush"),
    (cliptrace.pipelines.index, "run", "Beam: build and run the pipelines"),
)
_lock = threading.Lock()


def main(argv: list[str]) -> int:
    imported_s, imported_cpu_s = time.perf_counter() - _BEGIN, time.process_time()
    parts: dict[str, list[float]] = defaultdict(lambda: [0.0, 0.0, 0])
    for owner, name, label in PARTS:
        setattr(owner, name, timed(getattr(owner, name), parts[label]))
    code = program(argv[1:])
    wall_s = time.perf_counter() - _BEGIN
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    parts["all ffmpeg and ffprobe processes"] = [0.0, children.ru_utime + children.ru_stime, 0]
    parts["all of this process"] = [wall_s, time.process_time(), 1]
    rows = {"imports": (imported_s, imported_cpu_s, 1), **parts}
    result: dict[str, Any] = {
        "wall_s": wall_s,
        "parts": {name: {"wall_s": row[0], "cpu_s": row[1], "calls": row[2]} for name, row in rows.items()},
    }
    Path(argv[0]).write_text(json.dumps(result))
    return code


def timed(function: Any, total: list[float]) -> Any:
    """``function``, adding the wall seconds, the thread's CPU seconds and the number of its calls to ``total``."""

    @functools.wraps(function)
    def wrapper(*arguments: Any, **named: Any) -> Any:
        begin, begin_cpu = time.perf_counter(), time.thread_time()
        try:
            return function(*arguments, **named)
        finally:
            spent = time.perf_counter() - begin, time.thread_time() - begin_cpu, 1
            with _lock:
                total[:] = [before + more for before, more in zip(total, spent, strict=True)]

    return wrapper


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
