"""Ctrl-C is not lost, wherever it strikes."""

import contextlib
import signal
import sys

import pytest

from cliptrace.pipelines.stopping import notes_of, stop_if_asked, stoppable


@pytest.fixture(autouse=True)
def _as_in_a_terminal():
    """A test run in the background of a shell ignores SIGINT, and its children inherit that."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def test_an_interrupt_that_a_library_swallows_ends_the_run_all_the_same():
    with pytest.raises(KeyboardInterrupt), stoppable(), contextlib.suppress(KeyboardInterrupt):
        signal.raise_signal(signal.SIGINT)
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_an_interrupt_that_a_library_makes_an_error_of_is_still_one():
    with pytest.raises(KeyboardInterrupt), stoppable():  # noqa: PT012
        try:
            signal.raise_signal(signal.SIGINT)
        except KeyboardInterrupt as error:
            raise RuntimeError("KeyboardInterrupt [while running 'Decode']") from error


def test_an_interrupt_in_a_finalizer_is_one_without_a_word(monkeypatch: pytest.MonkeyPatch):
    class Interrupting:
        def __del__(self):
            signal.raise_signal(signal.SIGINT)

    class Failing:
        def __del__(self):
            raise ValueError

    printed = []
    monkeypatch.setattr(sys, "unraisablehook", printed.append)
    with pytest.raises(KeyboardInterrupt), stoppable():  # noqa: PT012
        Interrupting()
        Failing()
    assert [error.exc_type for error in printed] == [ValueError]
    assert sys.unraisablehook == printed.append


def test_without_an_interrupt_nothing_happens():
    with stoppable():
        stop_if_asked()


def test_the_next_piece_of_work_is_not_begun():
    begun = []
    with pytest.raises(KeyboardInterrupt), stoppable():  # noqa: PT012
        with contextlib.suppress(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
        begun.append(stop_if_asked())
    assert begun == []
    stop_if_asked()


def test_an_interrupt_has_the_notes_of_what_came_of_it_or_the_given_one():
    with pytest.raises(KeyboardInterrupt) as told, stoppable("begin anew"):  # noqa: PT012
        with contextlib.suppress(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
        error = RuntimeError("cut off")
        error.add_note("2 are kept")
        raise error
    assert notes_of(told.value) == ["2 are kept"]
    with pytest.raises(KeyboardInterrupt) as told, stoppable("begin anew"):
        signal.raise_signal(signal.SIGINT)
    assert notes_of(told.value) == ["begin anew"]
    with pytest.raises(RuntimeError) as error, stoppable("begin anew"):
        raise RuntimeError
    assert notes_of(error.value) == []
