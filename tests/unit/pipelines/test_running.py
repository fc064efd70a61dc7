"""Where a pipeline runs: which runners have workers of their own, and what they cannot share."""

from __future__ import annotations

from pathlib import Path

import apache_beam as beam
import grpc
import pytest
from apache_beam.options.pipeline_options import PortableOptions
from threadpoolctl import threadpool_info, threadpool_limits

from cliptrace.pipelines import cli
from cliptrace.pipelines.running import check_store, clear_error, options_of, run_pipeline
from cliptrace.schemas.errors import CliptraceError, UsageError


@pytest.mark.parametrize(
    "flags",
    [
        [],
        ["--runner=FnApiRunner"],
        ["--runner=apache_beam.runners.portability.fn_api_runner.FnApiRunner"],
        ["--runner=DirectRunner", "--direct_running_mode=multi_threading"],
        ["--runner", "PrismRunner"],
        ["--runner=PrismRunner", "--environment_type=LOOPBACK"],
        ["--runner=PortableRunner", "--job_endpoint=localhost:1", "--environment_type=LOOPBACK"],
    ],
)
def test_the_embedded_milvus_serves_runners_in_this_process(flags: list[str]) -> None:
    check_store("g", "", flags)


@pytest.mark.parametrize(
    "flags",
    [
        ["--runner=FlinkRunner"],
        ["--runner", "FlinkRunner"],
        ["--runner=PortableRunner", "--environment_type=EXTERNAL"],
        ["--runner=PrismRunner", "--environment_type=DOCKER"],
        ["--runner=DataflowRunner"],
        ["--direct_running_mode=multi_processing", "--direct_num_workers=2"],
    ],
)
def test_the_embedded_milvus_serves_no_other(flags: list[str]) -> None:
    option = f"--runner={flags[1]}" if flags[0] == "--runner" else flags[0]
    with pytest.raises(UsageError) as refused:
        check_store("g", "", flags)
    assert str(refused.value) == (
        f"g: the embedded Milvus serves one process, and {option} starts others: "
        "name a server with --milvus URI when the gallery is made"
    )
    check_store("g", "http://localhost:19530", flags)


def test_index_refuses_before_it_makes_a_gallery(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "a.mp4").write_bytes(b"")
    arguments = ["index", str(tmp_path / "a.mp4"), "--gallery", str(tmp_path / "gallery")]
    assert cli.main([*arguments, "--", "--runner=FlinkRunner"]) == 2
    assert capsys.readouterr().err == (
        f"cliptrace: error: {tmp_path}/gallery: the embedded Milvus serves one process, and --runner=FlinkRunner "
        "starts others: name a server with --milvus URI when the gallery is made\n"
    )
    assert not (tmp_path / "gallery").exists()


WORKER_SAID = """Pipeline job failed in state FAILED: java.lang.RuntimeException: Error received: Traceback:
  File "x.py", line 6, in f
cliptrace.schemas.errors.CliptraceError: ffmpeg is not installed: apt-get install ffmpeg

During handling of the above exception, another exception occurred:

cliptrace.schemas.errors.CliptraceError: ffmpeg is not installed: apt-get install ffmpeg [while running 'Run']
"""


@pytest.mark.parametrize(
    ("said", "error", "message"),
    [
        (WORKER_SAID, CliptraceError, "ffmpeg is not installed: apt-get install ffmpeg"),
        ("ValueError: a bug", RuntimeError, "ValueError: a bug"),
    ],
)
def test_what_a_worker_elsewhere_refused_to_do_is_told_without_its_traceback(
    said: str, error: type[Exception], message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_: beam.Pipeline) -> None:
        raise RuntimeError(said)

    monkeypatch.setattr(beam.Pipeline, "run", fail)
    with pytest.raises(error) as told:
        run_pipeline(lambda pipeline: None, [])
    assert type(told.value) is error
    assert str(told.value) == message


def test_a_runner_that_is_gone_is_told_in_a_line() -> None:
    with grpc.insecure_channel("localhost:9") as channel, pytest.raises(CliptraceError) as error, clear_error():
        channel.unary_unary("/nobody/Answers")(b"", timeout=10)
    assert str(error.value).startswith("the runner is gone: ")
    assert str(error.value).endswith("; run the same command again to go on")


def test_a_job_on_prism_may_last_as_long_as_it_will() -> None:
    def limit_s(*flags: str) -> int:
        limit: int = options_of(flags).view_as(PortableOptions).job_server_timeout
        return limit

    year = 365 * 86_400
    assert limit_s("--runner=PrismRunner") > year
    assert limit_s("--runner", "apache_beam.runners.portability.prism_runner.PrismRunner") > year
    assert limit_s("--runner=PrismRunner", "--job_server_timeout=7") == 7
    assert limit_s("--runner=FlinkRunner") < year  # of which it is the time for an answer


def test_whoever_calls_keeps_the_blas_threads_that_were_set() -> None:
    with threadpool_limits(2, "blas"):
        run_pipeline(lambda pipeline: pipeline | beam.Create([1]) | beam.Map(_blas_threads) | beam.Map(_is_one), [])
        assert _blas_threads(1) == {2}


def _blas_threads(_: int) -> set[int]:
    return {library["num_threads"] for library in threadpool_info() if library["user_api"] == "blas"}


def _is_one(threads: set[int]) -> None:
    assert threads == {1}
