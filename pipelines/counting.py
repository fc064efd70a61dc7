"""What workers in this process decode while a run goes on."""

from __future__ import annotations

import contextlib
import dataclasses
import time
from collections.abc import Iterator

from cliptrace.transforms import telemetry


@dataclasses.dataclass
class Counts:
    """seconds: of video decoded. elapsed_s: of the run, once it has ended."""

    seconds: float = 0.0
    keyframes: int = 0
    elapsed_s: float = 0.0

    def hear(self, event: str, amount: float) -> None:
        if event == "seconds":
            self.seconds += amount
        elif event == "keyframes":
            self.keyframes += int(amount)


@contextlib.contextmanager
def counting(videos: int = 0) -> Iterator[Counts]:
    """videos: that the run is about, which whoever shows its progress is told."""
    counts, begin = Counts(), time.monotonic()
    with telemetry.listening(counts.hear):
        telemetry.tell("planned", videos)
        yield counts
    counts.elapsed_s = time.monotonic() - begin
