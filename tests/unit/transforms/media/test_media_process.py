"""A child process that is bounded, drained and reaped."""

from __future__ import annotations

import sys
from collections.abc import Callable

import pytest

from cliptrace.schemas.errors import CliptraceError
from cliptrace.transforms.media.process import Process


def process(script: str, url: str = "file:/v.mp4", **options: float) -> Process:
    bounds = {"memory_bytes": 1 << 30, "stall_s": 10.0, **options}
    return Process(["/bin/sh", "-c", script], url, **bounds)  # type: ignore[arg-type]


def test_reads_output_and_exit_status() -> None:
    buffer = bytearray(100)
    with process("printf abc; sleep 0.1; printf def; exit 7") as child:
        assert child.fill(memoryview(buffer)[:4]) == 4
        assert child.fill(memoryview(buffer)[4:]) == 2
        assert (bytes(buffer[:6]), child.returncode, child.killed) == (b"abcdef", 7, "")


def test_memory_is_limited() -> None:
    script = "import resource, time; time.sleep(0.2); print(resource.getrlimit(resource.RLIMIT_AS))"
    buffer = bytearray(100)
    with Process([sys.executable, "-c", script], "", memory_bytes=999 << 20, stall_s=10.0) as child:
        filled = child.fill(memoryview(buffer))
    assert buffer[:filled].decode() == f"({999 << 20}, {999 << 20})\n"


@pytest.mark.parametrize(
    ("stderr", "reason"),
    [
        ("", ""),
        (r"file:/a b\nc.mp4: No such file or directory\n", "No such file or directory"),
        (r"[mov,mp4 @ 0x55aa] moov atom not found\nfile:/a b\nc.mp4: Invalid argument\n", "mov: moov atom not found"),
        (r"[hls @ 0x1] Format not on whitelist 'mov,avi'\n", "hls: not an accepted container"),
        (r"[h264 @ 0x1] [UTILS @ 0x2] bad\033[31m\a \tthing\nConversion failed!\n", "h264: UTILS: bad [31m   thing"),
        (r"Invalid data found when processing input\n", "Invalid data found when processing input"),
        (r"\377\n", "�"),
    ],
)
def test_reason_is_the_last_telling_line(stderr: str, reason: str) -> None:
    with process(f'printf "{stderr}" >&2', "file:/a b\nc.mp4") as child:
        assert child.read(memoryview(bytearray(1))) == 0
        assert child.reason == reason


def test_a_whole_run_is_limited_without_a_floor() -> None:
    with process("while :; do printf x; sleep 0.05; done", stall_s=0.3) as child:
        assert 1 < child.fill(memoryview(bytearray(100))) < 10
        assert child.reason.startswith("too slow, killed after ")


def test_a_pipe_that_a_grandchild_holds_open_is_not_waited_for(children: Callable[[], list[str]]) -> None:
    with process("sleep 3 & exec sleep 60", stall_s=0.2) as child:
        assert child.fill(memoryview(bytearray(1))) == 0
        assert child.reason == "no output for 0.2 s"
    assert children() == []


def test_a_crash_is_told() -> None:
    with process("echo 'half a line' >&2; kill -SEGV $$") as child:
        assert child.read(memoryview(bytearray(1))) == 0
        assert child.reason == "ffmpeg crashed: Segmentation fault"


def test_a_child_learns_no_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nor HOME, where keys lie, nor FFREPORT, which makes ffmpeg write files."""
    for name in ("CLIPTRACE_MILVUS_TOKEN", "AWS_SECRET_ACCESS_KEY", "FFREPORT", "LD_PRELOAD", "HOME"):
        monkeypatch.setenv(name, "canary")
    buffer = bytearray(10_000)
    with process("exec env") as child:
        text = bytes(buffer[: child.fill(memoryview(buffer))]).decode()
    assert "canary" not in text
    assert {line.partition("=")[0] for line in text.splitlines()} <= {"PATH", "LD_LIBRARY_PATH", "TMPDIR", "PWD", "_"}


def test_missing_program() -> None:
    with pytest.raises(CliptraceError) as error:
        Process(["/no/such/ffmpeg"], "", memory_bytes=1 << 30, stall_s=1.0)
    assert str(error.value) == "ffmpeg is not installed: apt-get install ffmpeg"
