"""What a person sees while a run goes on. All of it on stderr."""

from __future__ import annotations

import sys
import time
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bar

from cliptrace.transforms import telemetry

_PLAIN_EVERY_S = 10.0


class Progress:
    """Listens to this process's telemetry: a bar on a terminal, a plain line now and then elsewhere."""

    def __init__(self, command: str) -> None:
        self._command, self._videos = command, 0
        self._seconds = 0.0
        self._done = self._failed = 0
        self._listening = telemetry.listening(self._hear)
        self._begin = self._told = time.monotonic()
        self._bar: Bar | None = None

    def __enter__(self) -> Self:
        self._listening.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._end_bar()
        self._listening.__exit__(None, None, None)

    def _hear(self, event: str, amount: float) -> None:
        if event == "planned":
            self._plan(int(amount))
        elif event == "seconds":
            self._seconds += amount
        elif event == "decoded":
            self._done += int(amount)
        elif event == "failure":
            self._failed += int(amount)
            self._done += int(amount)
        self._show()

    def _plan(self, videos: int) -> None:
        self._end_bar()
        self._videos, self._done, self._failed, self._seconds = videos, 0, 0, 0.0
        self._begin = self._told = time.monotonic()
        if sys.stderr.isatty() and videos:
            columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
            self._bar = Bar(*columns, TextColumn("{task.fields[rate]}"), console=Console(stderr=True), transient=True)
            self._task = self._bar.add_task(self._command, total=videos, rate="")
            self._bar.start()

    def _end_bar(self) -> None:
        if self._bar:
            self._bar.stop()
            self._bar = None

    def _show(self) -> None:
        elapsed = time.monotonic() - self._begin
        rate = f"{self._seconds / 60:.1f} min of video · {self._seconds / max(elapsed, 1e-9):.1f} × real time"
        if self._failed:
            rate += f" · {self._failed} failed"
        if self._bar:
            self._bar.update(self._task, completed=self._done, rate=rate)
        elif self._done < self._videos and time.monotonic() - self._told > _PLAIN_EVERY_S:  # else the summary follows
            self._told = time.monotonic()
            print(f"{self._command}: {self._done}/{self._videos} videos · {rate}", file=sys.stderr, flush=True)
