"""What a frame costs each backbone: time on one core, megabytes to load, bytes to keep."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterator, Mapping
from statistics import median
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cliptrace.models.backbones.registry import Embedder
from cliptrace.models.weights import WEIGHTS
from cliptrace.schemas.config import BackboneConfig

REPETITIONS, BATCHES, BATCH = 15, 8, 4


def measure_cost(backbones: Mapping[str, BackboneConfig], repetitions: int = REPETITIONS) -> dict[str, dict[str, Any]]:
    """The backbones take turns, so that what else the machine does meets all of them alike.

    milliseconds, cpu_milliseconds: medians of a frame, by the clock and of the process's own time, in batches of BATCH,
    the calling thread bound to one core.
    """
    embedders = {name: Embedder.open(config, threads=1) for name, config in backbones.items()}
    took: dict[str, list[tuple[float, float]]] = {name: [] for name in embedders}
    with one_core():
        for _ in range(repetitions):
            for name, embedder in embedders.items():
                took[name].append(_time(embedder, _frames(embedder.config.input_size)))
    return {
        name: {
            "milliseconds": median(wall for wall, _ in took[name]),
            "cpu_milliseconds": median(cpu for _, cpu in took[name]),
            "megabytes": weights_bytes(config) / 1e6,
            "bytes_a_keyframe": config.dimension * np.dtype(np.float16).itemsize,
            "input_size": config.input_size,
        }
        for name, config in backbones.items()
    }


@contextlib.contextmanager
def one_core() -> Iterator[None]:
    """Binds the calling thread to a core."""
    cores = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(cores)})
    try:
        yield
    finally:
        os.sched_setaffinity(0, cores)


def weights_bytes(config: BackboneConfig) -> int:
    """All that a worker is given: network, whitening, graphs."""
    return sum(_size(path) for path in (config.path, config.whitening, config.graph, config.graph_int8) if path)


def _size(path: str) -> int:
    return (WEIGHTS / path).stat().st_size


def _time(embedder: Embedder, frames: NDArray[np.uint8]) -> tuple[float, float]:
    wall, cpu = time.perf_counter(), time.process_time()
    for _ in range(BATCHES):
        embedder.embed(frames)
    count = BATCHES * len(frames)
    return 1000 * (time.perf_counter() - wall) / count, 1000 * (time.process_time() - cpu) / count


def _frames(size: int) -> NDArray[np.uint8]:
    return np.random.default_rng(1).integers(0, 256, (BATCH, size, size, 3), np.uint8)
