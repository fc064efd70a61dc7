"""The one place that turns an exception into a dead letter, counts it, and leaves the rest of the bundle alone."""

from __future__ import annotations

import dataclasses
import errno
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Protocol

import apache_beam as beam
from apache_beam.pvalue import TaggedOutput
from threadpoolctl import threadpool_limits

from cliptrace.schemas.errors import CliptraceError, MediaError
from cliptrace.schemas.records import Failure, VideoSource
from cliptrace.schemas.text import printable, text_of
from cliptrace.transforms import telemetry

_FAILURES = "failures"
_FULL_DISK = (errno.ENOSPC, errno.EROFS, errno.EDQUOT)


class Work(Protocol):
    """What a stage does with one element. Picklable; opened once in every worker."""

    def open(self) -> None:
        """Load models, connect to stores."""

    def __call__(self, element: Any, /) -> Iterable[Any]:
        """Outputs of one element. Any exception makes a dead letter of it, but for what the next video would meet, too:
        a CliptraceError (a missing program or model) that is no MediaError, or a full disk."""

    def close(self) -> None: ...


@dataclasses.dataclass(frozen=True)
class Results:
    """What every composite returns: good output, and the dead letters of all its stages."""

    good: beam.PCollection
    failures: tuple[beam.PCollection, ...]


class RunIsolated(beam.PTransform):
    """Apply ``work`` to each element, ``threads`` elements of a bundle at a time.

    source_of: the video that an element stands for, named in the dead letter.
    """

    def __init__(self, work: Work, stage: str, source_of: Callable[[Any], VideoSource], threads: int = 1) -> None:
        super().__init__()
        self._dofn = _IsolatedDoFn(work, stage, source_of, threads)
        self._batch = 64 * threads

    def expand(self, elements: beam.PCollection) -> Results:
        # A batch is what the threads share; its size is fixed, since the time of a video says nothing about the next.
        outputs = (
            elements
            | "Batch" >> beam.BatchElements(min_batch_size=self._batch, max_batch_size=self._batch)
            | "Run" >> beam.ParDo(self._dofn).with_outputs(_FAILURES, main="good")
        )
        return Results(outputs["good"], (outputs[_FAILURES],))


class _IsolatedDoFn(beam.DoFn):
    def __init__(self, work: Work, stage: str, source_of: Callable[[Any], VideoSource], threads: int) -> None:
        self._work, self._stage, self._source_of, self._threads = work, stage, source_of, threads
        self._pool: ThreadPoolExecutor | None = None

    def setup(self) -> None:
        # Here, too, since workers are other processes: a sum over several threads is rounded otherwise.
        threadpool_limits(1, "blas")
        self._work.open()
        if self._threads > 1:
            self._pool = ThreadPoolExecutor(self._threads, thread_name_prefix=self._stage)

    def process(self, batch: list[Any]) -> Iterator[Any]:
        with telemetry.timed(self._stage):
            yield from self._outputs(batch)

    def _outputs(self, batch: list[Any]) -> Iterator[Any]:
        # Pool.map hands results over in order while later elements still run.
        for outputs in (self._pool.map if self._pool else map)(self._isolate, batch):
            for output in outputs:
                if isinstance(output, Failure):
                    telemetry.failed(self._stage, output.video_id, output.message)
                    yield TaggedOutput(_FAILURES, output)
                else:
                    telemetry.count(f"{self._stage}_done")
                    yield output

    def _isolate(self, element: Any) -> list[Any]:
        try:
            return list(self._work(element))
        except Exception as error:
            if isinstance(error, CliptraceError) and not isinstance(error, MediaError):
                raise
            if isinstance(error, OSError) and error.errno in _FULL_DISK:
                raise CliptraceError(str(error)) from error
            return [failure_of(self._source_of(element), self._stage, error)]

    def teardown(self) -> None:
        if self._pool:
            self._pool.shutdown(cancel_futures=True)
        self._work.close()


def failure_of(source: VideoSource, stage: str, error: Exception) -> Failure:
    return Failure(
        uri=text_of(source.uri),
        video_id=source.video_id,
        stage=stage,
        error=type(error).__name__,
        message=printable(str(error)).strip()[:2000],
        fingerprint=source.fingerprint,
        attempt=source.attempt,
        time=time.time(),
    )
