"""Ctrl-C, so that it ends a run also where it strikes in a library that swallows KeyboardInterrupt."""

from __future__ import annotations

import contextlib
import signal
import sys
import threading
from collections.abc import Iterator
from typing import NoReturn

_asked = threading.Event()


@contextlib.contextmanager
def stoppable() -> Iterator[None]:
    """Raises KeyboardInterrupt at the end at the latest, where it was asked for within, and for whatever came of it."""
    default = signal.getsignal(signal.SIGINT)
    if default is not signal.default_int_handler or threading.current_thread() is not threading.main_thread():
        yield
        return

    def stop(*_: object) -> NoReturn:
        _asked.set()
        raise KeyboardInterrupt

    said = sys.unraisablehook

    def unraisable(error: sys.UnraisableHookArgs) -> None:
        """Where it strikes in a finalizer Python swallows it, and would print it."""
        if not issubclass(error.exc_type, KeyboardInterrupt):
            said(error)

    signal.signal(signal.SIGINT, stop)
    sys.unraisablehook = unraisable
    try:
        try:
            yield
        finally:
            stop_if_asked()
    finally:
        signal.signal(signal.SIGINT, default)
        sys.unraisablehook = said
        _asked.clear()


def stop_if_asked() -> None:
    """Between two pieces of work: raises KeyboardInterrupt where it was swallowed before."""
    if _asked.is_set():
        raise KeyboardInterrupt


def stopped_as_asked() -> None:
    """The interrupt was what ends a job that has no other end: nothing was cut off by it."""
    _asked.clear()
