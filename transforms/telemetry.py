"""Counters, timers and progress. Counters reach every runner's interface; progress, listeners in this process."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterator

from apache_beam.metrics import Metrics

NAMESPACE = "cliptrace"

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
