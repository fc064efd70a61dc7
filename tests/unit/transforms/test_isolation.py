"""One bad element costs one dead letter; what the next element would meet, too, ends the run."""

from __future__ import annotations

import errno
import json
import logging
import time
from collections.abc import Iterator
from typing import Any

import apache_beam as beam
import pytest
from apache_beam.runners.portability.fn_api_runner import FnApiRunner
from apache_beam.testing.util import assert_that, equal_to
from threadpoolctl import threadpool_info, threadpool_limits

from cliptrace.schemas.errors import CliptraceError, MediaError
from cliptrace.schemas.records import Failure, VideoSource
from cliptrace.transforms import telemetry
from cliptrace.transforms.isolation import RunIsolated, failure_of
from cliptrace.transforms.store import ledger
from cliptrace.transforms.storing import RecordFailures


class Work:
    """Doubles a number; ``bad`` raises, ``slow`` takes its time, and ``many`` yields twice."""

    def __init__(self, bad: dict[int, Exception] | None = None, slow: tuple[int, ...] = ()) -> None:
        self._bad, self._slow = bad or {}, slow

    def open(self) -> None:
        self.opened = True

    def __call__(self, element: int, /) -> Iterator[int]:
        assert self.opened
        if element in self._slow:
            time.sleep(0.05)
        yield 2 * element
        if element in self._bad:
            raise self._bad[element]

    def close(self) -> None: ...


def source_of(element: int) -> VideoSource:
    return VideoSource(f"v{element}", f"/v/{element}", "1-1", attempt=3)


def run(work: Any, elements: list[int], threads: int, check: Any) -> Any:
    pipeline = beam.Pipeline(FnApiRunner())
    results = pipeline | beam.Create(elements, reshuffle=False) | RunIsolated(work, "stage", source_of, threads)
    check(results)
    outcome = pipeline.run()
    outcome.wait_until_finish()
    return outcome


def test_a_dead_letter_is_one_line_of_json_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, telemetry.NAMESPACE):
        run(Work({3: MediaError('no "video"\nat all')}), [2, 3], 1, lambda results: None)
    (line,) = [record for record in caplog.records if record.name == telemetry.NAMESPACE]
    assert line.levelname == "WARNING"
    assert json.loads(line.getMessage()) == {
        "event": "failure",
        "stage": "stage",
        "video_id": "v3",
        "message": 'no "video" at all',
    }
    assert "\n" not in line.getMessage()


@pytest.mark.parametrize("threads", [1, 4])
def test_one_bad_element_costs_one_failure_and_nothing_else(threads: int) -> None:
    bad = {3: MediaError("not a video"), 7: ValueError("odd\x00\nnumber"), 50: MemoryError()}

    def check(results: Any) -> None:
        (failures,) = results.failures
        shown = failures | beam.Map(
            lambda f: (f.video_id, f.uri, f.stage, f.error, f.message, f.fingerprint, f.attempt)
        )
        assert_that(results.good, equal_to([2 * n for n in range(100) if n not in bad]), "Good")
        expected = [
            ("v3", "/v/3", "stage", "MediaError", "not a video", "1-1", 3),
            ("v7", "/v/7", "stage", "ValueError", "odd number", "1-1", 3),
            ("v50", "/v/50", "stage", "MemoryError", "", "1-1", 3),
        ]
        assert_that(shown, equal_to(expected), "Failures")

    events: list[tuple[str, float]] = []
    with telemetry.listening(lambda event, amount: events.append((event, amount))):
        outcome = run(Work(bad), list(range(100)), threads, check)
    assert events == [("failure", 1.0)] * 3
    counters = {
        c.key.metric.name: c.committed
        for c in outcome.metrics().query()["counters"]
        if c.key.metric.namespace == "cliptrace"
    }
    assert counters == {"stage_done": 97, "stage_failures": 3}
    timers = {
        d.key.metric.name for d in outcome.metrics().query()["distributions"] if d.key.metric.namespace == "cliptrace"
    }
    assert timers == {"stage_ms"}


def test_threads_keep_the_order() -> None:
    def check(results: Any) -> None:
        together = results.good | beam.combiners.ToList()
        assert_that(together, equal_to([[2 * n for n in range(60)]]))

    run(Work(slow=(0, 5, 6, 40)), list(range(60)), 4, check)


@pytest.mark.parametrize("threads", [1, 4])
@pytest.mark.parametrize(
    ("error", "message"),
    [
        (CliptraceError("ffmpeg is not installed"), "ffmpeg is not installed"),
        (OSError(errno.ENOSPC, "No space left on device"), "[Errno 28] No space left on device"),
        (OSError(errno.EROFS, "Read-only file system"), "[Errno 30] Read-only file system"),
    ],
)
def test_what_the_next_element_would_meet_too_ends_the_run(error: Exception, message: str, threads: int) -> None:
    with pytest.raises(CliptraceError) as caught:
        run(Work({3: error}), list(range(10)), threads, lambda results: None)
    assert str(caught.value).startswith(message)


def test_other_errors_of_the_system_are_the_videos_own() -> None:
    def check(results: Any) -> None:
        assert_that(results.failures[0] | beam.Map(lambda f: f.error), equal_to(["PermissionError"]))

    run(Work({3: PermissionError(errno.EACCES, "Permission denied")}), [1, 3], 1, check)


def test_a_dead_letter_can_be_stored_whatever_the_message() -> None:
    failure = failure_of(VideoSource("v", "/a\udcff"), "probe", ValueError("bad \udcff\x1b[31m" + "x" * 5000))
    assert failure.uri == "/a\\udcff"
    assert failure.message.startswith("bad \\udcff [31mxxx")
    assert len(failure.message) == 2000


def test_a_video_has_one_dead_letter_however_many_of_its_ranges_fail(tmp_path: Any) -> None:
    def failure(video_id: str, message: str, seconds: float) -> Failure:
        return Failure("/v", video_id, "decode", "ValueError", message, "1-1", 1, seconds)

    failures = [failure("a", "only 1 of 3 ranges", 3.0), failure("a", "first", 1.0), failure("b", "b", 2.0)]
    with beam.Pipeline(FnApiRunner()) as pipeline:
        pipeline | beam.Create(failures) | RecordFailures(str(tmp_path), "R1")
    attempts = ledger.read_attempts(str(tmp_path))
    assert [(attempt.video_id, attempt.message) for attempt in attempts] == [("a", "first"), ("b", "b")]


def test_a_worker_computes_with_one_blas_thread() -> None:
    class Counting(Work):
        def __call__(self, element: int, /) -> Iterator[int]:
            yield from {library["num_threads"] for library in threadpool_info() if library["user_api"] == "blas"}

    with threadpool_limits(2, "blas"):
        run(Counting(), [1], 1, lambda results: assert_that(results.good, equal_to([1])))
