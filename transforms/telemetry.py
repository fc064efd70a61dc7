"""Counters, timers, progress and logs. Counters and logs reach every runner's interface; progress, listeners in this
process."""

from __future__ import annotations

import contextlib
import json
import logging
import threading
import time
from collections.abc import Callable, Iterator

from apache_beam.metrics import Metrics

NAMESPACE = "cliptrace"

_LOGGER = logging.getLogger(NAMESPACE)

Listener = Callable[[str, float], None]
_listeners: list[Listener] = []
_telling = threading.Lock()


def count(name: str, amount: int = 1) -> None:
    """Add to a Beam counter. Call it from the thread that Beam runs the DoFn in."""
    Metrics.counter(NAMESPACE, name).inc(amount)


def measure(name: str, value: int) -> None:
    """Add to a Beam distribution. As ``count``."""
    Metrics.distribution(NAMESPACE, name).update(value)


@contextlib.contextmanager
def timed(name: str) -> Iterator[None]:
    """Add the milliseconds that the block takes to a Beam distribution."""
    begin = time.perf_counter()
    try:
        yield
    finally:
        measure(f"{name}_ms", round((time.perf_counter() - begin) * 1000))


def log(event: str, level: int = logging.INFO, **fields: str | float) -> None:
    """One line of JSON in the worker's log: whatever a name from outside holds, it stays within its quotes."""
    _LOGGER.log(level, "%s", json.dumps({"event": event, **fields}))


def failed(stage: str, video_id: str, message: str) -> None:
    """Count, tell and log a dead letter. As ``count``."""
    count(f"{stage}_failures")
    tell("failure")
    log("failure", logging.WARNING, stage=stage, video_id=video_id, message=message)


def tell(event: str, amount: float = 1.0) -> None:
    """Tell this process's listeners that something happened, one event at a time; nobody listens in a remote worker."""
    with _telling:
        for listener in _listeners:
            listener(event, amount)


@contextlib.contextmanager
def listening(listener: Listener) -> Iterator[None]:
    _listeners.append(listener)
    try:
        yield
    finally:
        _listeners.remove(listener)
