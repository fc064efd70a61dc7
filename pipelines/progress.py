"""What a person sees while a run goes on, and at its end. All of it on stderr."""

from __future__ import annotations

import dataclasses
import sys
import time
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Any, Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bar

from cliptrace.pipelines.printing import aligned
from cliptrace.schemas.text import escaped
from cliptrace.transforms import telemetry

_PLAIN_EVERY_S = 10.0
_MOST_NAMES = 3


class Progress:
    """Listens to this process's telemetry: a bar on a terminal, a plain line now and then elsewhere."""

    def __init__(self, command: str, videos: int) -> None:
        self.seconds = 0.0
        self.keyframes = 0
        self.elapsed_s = 0.0
        self._command, self._videos = command, videos
        self._done = self._failed = 0
        self._listening = telemetry.listening(self._hear)
        self._begin = self._told = time.monotonic()
        self._bar: Bar | None = None
        if sys.stderr.isatty() and videos:
            columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
            self._bar = Bar(*columns, TextColumn("{task.fields[rate]}"), console=Console(stderr=True), transient=True)
            self._task = self._bar.add_task(command, total=videos, rate="")

    def __enter__(self) -> Self:
        self._listening.__enter__()
        if self._bar:
            self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.elapsed_s = time.monotonic() - self._begin
        if self._bar:
            self._bar.stop()
        self._listening.__exit__(None, None, None)

    def _hear(self, event: str, amount: float) -> None:
        if event == "seconds":
            self.seconds += amount
        elif event == "keyframes":
            self.keyframes += int(amount)
        elif event == "decoded":
            self._done += int(amount)
        elif event == "failure":
            self._failed += int(amount)
            self._done += int(amount)
        self._show()

    def _show(self) -> None:
        elapsed = time.monotonic() - self._begin
        rate = f"{self.seconds / 60:.1f} min of video · {self.seconds / max(elapsed, 1e-9):.1f} × real time"
        if self._failed:
            rate += f" · {self._failed} failed"
        if self._bar:
            self._bar.update(self._task, completed=self._done, rate=rate)
        elif self._done < self._videos and time.monotonic() - self._told > _PLAIN_EVERY_S:  # else the summary follows
            self._told = time.monotonic()
            print(f"{self._command}: {self._done}/{self._videos} videos · {rate}", file=sys.stderr, flush=True)


@dataclasses.dataclass(frozen=True)
class Summary:
    """The end of a run. seconds: of video decoded. lines: what else there is to say; an empty value is left out.
    facts: the same for programs (docs/scheduling.md)."""

    videos: int
    failures: int
    seconds: float
    elapsed_s: float
    lines: Mapping[str, str]
    facts: Mapping[str, Any] = dataclasses.field(default_factory=dict)

    @property
    def exit_code(self) -> int:
        return 3 if self.failures else 0

    def __str__(self) -> str:
        speed = f", {self.seconds / self.elapsed_s:.1f} × real time" if self.seconds and self.elapsed_s else ""
        first = {
            "videos": f"{self.videos:,}",
            "hours of video": f"{_clock(self.seconds)} in {self.elapsed_s:.1f} s{speed}" if self.seconds else "0",
            "failures": f"{self.failures:,}",
        }
        return "\n".join(aligned({**first, **self.lines}))


def named(video_ids: Sequence[str]) -> str:
    """How many, and the first few of them, for a summary; empty where there are none."""
    names = [escaped(video_id) for video_id in sorted(video_ids)[:_MOST_NAMES]]
    more = ["…"] if len(video_ids) > _MOST_NAMES else []
    return f"{len(video_ids):,} ({', '.join(names + more)})" if video_ids else ""


def _clock(seconds: float) -> str:
    minutes, second = divmod(round(seconds), 60)
    return f"{minutes // 60}:{minutes % 60:02}:{second:02}"
