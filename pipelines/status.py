"""How a dedup job is doing, from what it has written: so it is told wherever the workers are."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from types import TracebackType
from typing import Self

from cliptrace.schemas.records import Failure
from cliptrace.schemas.verdicts import CANONICAL, DUPLICATE, OVERLAPS, Kind, Verdict
from cliptrace.transforms import telemetry
from cliptrace.transforms.dedup.arbiter import age_of
from cliptrace.transforms.dedup.log import Log

_EVERY_S = 5.0


class Status:
    """Counts what comes into the log from now on, and says so while it changes.

    tell: is given a line now and then. seconds: of video that workers in this process have decoded.
    """

    def __init__(self, log: Log, tell: Callable[[str], None]) -> None:
        self.verdicts: dict[str, Kind] = {}  # the last one by upload
        self.revised = self.failures = 0
        self.seconds = self.elapsed_s = 0.0
        self._log, self._say = log, tell
        self._late_s: float | None = None
        self._told = ""
        self._ended = threading.Event()
        self._teller = threading.Thread(target=self._tell, daemon=True)
        self._listening = telemetry.listening(self._hear)

    def __enter__(self) -> Self:
        for _ in self._log.new():
            pass  # of earlier jobs
        self._begin = time.monotonic()
        self._listening.__enter__()
        self._teller.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._listening.__exit__(None, None, None)
        self._ended.set()
        self._teller.join()
        self._count()
        self.elapsed_s = time.monotonic() - self._begin

    def count(self, kind: Kind) -> int:
        """Uploads that are of this kind now."""
        return sum(verdict == kind for verdict in self.verdicts.values())

    def __str__(self) -> str:
        parts = [f"{self.count(CANONICAL):,} canonical", f"{self.count(DUPLICATE):,} duplicates"]
        parts += [f"{overlaps:,} partial overlaps"] if (overlaps := self.count(OVERLAPS)) else []
        parts += [f"{self.revised:,} revised"] if self.revised else []
        parts += [f"{self.failures:,} failed"] if self.failures else []
        parts += [f"the last verdict {self._late_s:.1f} s after its file"] if self._late_s is not None else []
        return f"dedup: {' · '.join(parts)}"

    def _hear(self, event: str, amount: float) -> None:
        self.seconds += amount if event == "seconds" else 0.0

    def _tell(self) -> None:
        while not self._ended.wait(_EVERY_S):
            self._count()
            if str(self) != self._told:
                self._told = str(self)
                self._say(self._told)

    def _count(self) -> None:
        for row in self._log.new():
            if isinstance(row, Failure):
                self.failures += 1
            elif isinstance(row, Verdict):
                self._count_verdict(row)

    def _count_verdict(self, verdict: Verdict) -> None:
        self.revised += verdict.revises is not None
        self.verdicts[verdict.video_id] = verdict.verdict
        if verdict.revises is None:
            self._late_s = age_of(verdict)
