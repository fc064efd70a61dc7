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
def stoppable(note: str = "") -> Iterator[None]:
    """Raises KeyboardInterrupt at the end at the latest, where it was asked for within, and for whatever came of it.

    It has the notes of what came of it, else ``note``: what a person is told beside that the run has stopped.
    """
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
        except BaseException as error:
            if not (_asked.is_set() or isinstance(error, KeyboardInterrupt)):
                raise
            raise _interrupt(*notes_of(error) or [note]) from error
        if _asked.is_set():
            raise _interrupt(note)
    finally:
        signal.signal(signal.SIGINT, default)
        sys.unraisablehook = said
        _asked.clear()


def notes_of(error: BaseException) -> list[str]:
    return list(getattr(error, "__notes__", ()))


def _interrupt(*notes: str) -> KeyboardInterrupt:
    error = KeyboardInterrupt()
    for note in notes:
        error.add_note(note)
    return error


def stop_if_asked() -> None:
    """Between two pieces of work: raises KeyboardInterrupt where it was swallowed before."""
    if _asked.is_set():
        raise KeyboardInterrupt


def stopped_as_asked() -> None:
    """The interrupt was what ends a job that has no other end: nothing was cut off by it."""
    _asked.clear()
