"""A child process that is bounded in memory and time, drained while it is read, and reaped whatever happens."""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
import resource
import selectors
import signal
import subprocess
import time
from collections.abc import Sequence
from types import TracebackType
from typing import Self

from cliptrace.schemas.errors import CliptraceError

_STDERR_BYTES = 8192
_ENVIRONMENT = ("PATH", "LD_LIBRARY_PATH", "TMPDIR")
"""All that a child learns of this process's environment: no token, no cloud key, and nothing that steers ffmpeg."""
_PIPE_BYTES = 1 << 20
_LAST_BYTES_S = 0.1
"""How long the pipes of a killed process are watched for what it wrote before."""
_LINE_CHARACTERS = 300
_GENERIC = re.compile(
    r"Invalid argument|Invalid data found when processing input|Conversion failed!|Last message repeated .*"
    r"|To ignore this, .*|Error while decoding stream .*|Error initializing output stream .*"
)


class Process:
    """One ffmpeg or ffprobe. Use as a context manager: leaving it kills and reaps the process if it still runs.

    memory_bytes: limit of its address space. stall_s: seconds that a reader waits for the next byte before the process
    is killed. floor: slowest output in bytes a second, after ``stall_s`` of grace. Only the time spent waiting for the
    process counts: a slow reader is not its fault. An infinite floor makes ``stall_s`` the limit of the whole run.

    After ``read`` returned 0: returncode, and killed, which says why the process was killed, else "".
    """

    def __init__(
        self, command: Sequence[str], url: str, *, memory_bytes: int, stall_s: float, floor: float = float("inf")
    ) -> None:
        self._url = url
        self._stall_s = stall_s
        self._floor = floor
        self._waited_s = 0.0
        self._silent_s = 0.0
        self._bytes = 0
        self._stderr = b""
        self.killed = ""
        try:
            self._process = subprocess.Popen(
                list(command),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                env={name: os.environ[name] for name in _ENVIRONMENT if name in os.environ},
            )
        except FileNotFoundError:
            raise CliptraceError("ffmpeg is not installed: apt-get install ffmpeg") from None
        self._selector = selectors.DefaultSelector()
        try:
            assert self._process.stdout is not None
            assert self._process.stderr is not None
            _limit_memory(self._process.pid, memory_bytes)
            _widen(self._process.stdout.fileno())
            self._selector.register(self._process.stdout, selectors.EVENT_READ, data=True)
            self._selector.register(self._process.stderr, selectors.EVENT_READ, data=False)
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    @property
    def returncode(self) -> int | None:
        return self._process.returncode

    @property
    def errors(self) -> list[str]:
        """What it wrote to stderr, in printable lines, without addresses and its file's path."""
        return _clean(self._stderr.replace(os.fsencode(self._url) + b": ", b""))

    @property
    def reason(self) -> str:
        """Why it was killed, by us or by a fault of its own, else the last line that says more than that something
        failed, else ""."""
        lines = self.errors
        telling = [line for line in lines if not _GENERIC.fullmatch(line)]
        crashed = (self.returncode or 0) < 0 and f"ffmpeg crashed: {signal.strsignal(-(self.returncode or 0))}"
        return self.killed or crashed or (telling or lines or [""])[-1]

    def fill(self, buffer: memoryview) -> int:
        """Read until ``buffer`` is full or the output ends; return the number of bytes."""
        filled = 0
        while filled < len(buffer) and (count := self.read(buffer[filled:])):
            filled += count
        return filled

    def read(self, buffer: memoryview) -> int:
        """Read at least one byte; return 0 at the end of the output, when the process has ended."""
        while self._selector.get_map():
            if (left_s := self._patience_s()) <= 0:
                self._kill()
            events = self._wait(left_s)
            if self.killed and not events:  # somebody else holds the pipe open
                break
            for key, _ in events:
                if key.data:  # stdout
                    count = os.readv(key.fd, [buffer])
                    self._bytes += count
                    self._silent_s = 0.0
                    if count:
                        return count
                else:
                    chunk = os.read(key.fd, _STDERR_BYTES)
                    count = len(chunk)
                    self._stderr = (self._stderr + chunk)[-_STDERR_BYTES:]
                if not count:
                    self._selector.unregister(key.fileobj)
        try:
            self._process.wait(self._stall_s)
        except subprocess.TimeoutExpired:
            self._kill()
            self._process.wait()
        return 0

    def close(self) -> None:
        """Kill the process if it still runs, and reap it."""
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdout, self._process.stderr):
            if pipe is not None:
                pipe.close()
        self._selector.close()

    def _patience_s(self) -> float:
        return self._stall_s + min(-self._silent_s, self._bytes / self._floor - self._waited_s)

    def _wait(self, timeout_s: float) -> list[tuple[selectors.SelectorKey, int]]:
        before = time.monotonic()
        events = self._selector.select(max(timeout_s, _LAST_BYTES_S))
        waited_s = time.monotonic() - before
        self._waited_s += waited_s
        self._silent_s += waited_s
        return events

    def _kill(self) -> None:
        if not self.killed:
            silent = self._silent_s >= self._stall_s
            self.killed = (
                f"no output for {self._stall_s:g} s" if silent else f"too slow, killed after {self._waited_s:.0f} s"
            )
            self._process.kill()


def _limit_memory(pid: int, memory_bytes: int) -> None:
    """From outside, because code between fork and exec is not safe in a process with threads."""
    if not hasattr(resource, "prlimit"):  # macOS
        return
    with contextlib.suppress(ProcessLookupError):
        _, hard = resource.prlimit(pid, resource.RLIMIT_AS)
        bound = memory_bytes if hard == resource.RLIM_INFINITY else min(memory_bytes, hard)
        resource.prlimit(pid, resource.RLIMIT_AS, (bound, bound))


def _widen(pipe: int) -> None:
    """Let a pipe hold several frames instead of half a one: a third less time to decode. A wish, not a need."""
    if hasattr(fcntl, "F_SETPIPE_SZ"):  # not on macOS
        with contextlib.suppress(OSError):
            fcntl.fcntl(pipe, fcntl.F_SETPIPE_SZ, _PIPE_BYTES)


def _clean(stderr: bytes) -> list[str]:
    text = "".join(c if c.isprintable() or c == "\n" else " " for c in stderr.decode("utf-8", "replace"))
    lines = [re.sub(r"\[(\w+)[^\]]* @ 0x[0-9a-f]+\] ", r"\1: ", line.strip()) for line in text.splitlines()]
    lines = [re.sub(r"Format not on whitelist '.*'", "not an accepted container", line) for line in lines if line]
    return [line[:_LINE_CHARACTERS] for line in lines]
