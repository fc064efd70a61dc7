"""The folder that a dedup job writes: append-only shards of JSON lines, which are all that it remembers.

OUTPUT/verdicts-*.jsonl holds the events, pairs-*.jsonl what they follow from, failures-*.jsonl the dead letters. Who
writes reads first what others wrote: so a worker that died, or a job that was started anew, loses and doubles nothing.
"""

from __future__ import annotations

import dataclasses
import json
import os
import secrets
import time
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

from cliptrace.schemas.errors import CliptraceError
from cliptrace.schemas.records import Failure, Segment
from cliptrace.schemas.verdicts import Judgement, Link, Verdict
from cliptrace.transforms.store import files
from cliptrace.transforms.storing import to_lines

VERDICTS, PAIRS, FAILURES = "verdicts", "pairs", "failures"
_SHARDS = "*-*.jsonl"
_WINDOW_S = 600
"""Of one shard."""
_TICK_NS = 1_000_000_000
"""What a file system's clock may be coarse by."""

Row = Verdict | Judgement | Failure


class Log:
    """The shards of one folder, those of the last ``remember_days``.

    Local ones are appended to under a lock, whichever process writes; an object store has neither, so that every append
    makes a shard, and one writer at a time is what the runner has to see to.
    """

    def __init__(self, folder: str, remember_days: float) -> None:
        self.folder = files.absolute(files.local_path(folder))
        self._remember_s = remember_days * 86_400
        self._read: dict[str, int] = {}
        self._newest = dict.fromkeys((VERDICTS, PAIRS, FAILURES), "")
        """Window that was read or written last, by kind."""
        self._listed = (-1, list[str]())
        """When the folder changed, and what of it may have grown since."""

    def held(self) -> AbstractContextManager[None]:
        """Nobody else writes meanwhile. CliptraceError where the folder cannot be written to."""
        return files.held(self.folder, ".lock")

    def new(self) -> Iterator[Row]:
        """What was written since the last call, by kind: verdicts first. CliptraceError where a line makes no sense."""
        oldest = _window(time.time() - self._remember_s)
        shards = self._shards()
        for kind in (VERDICTS, FAILURES, PAIRS):
            for path in shards:
                if _kind_of(path) != kind or _start_of(path) < max(oldest, self._newest[kind]):
                    continue
                for line in self._lines(path):
                    try:
                        yield _row(kind, json.loads(line))
                    except (ValueError, TypeError, LookupError) as error:
                        raise CliptraceError(f"{path}: a line is no entry of {kind}: {error}") from error
                self._newest[kind] = _start_of(path)
        self._forget_old()

    def _forget_old(self) -> None:
        """Who writes has read what there is, and writes to the newest shard or begins a newer one."""

        def may_grow(path: str) -> bool:
            return _start_of(path) >= self._newest.get(_kind_of(path), "")

        changed, shards = self._listed
        self._listed = (changed, [path for path in shards if may_grow(path)])
        self._read = {path: end for path, end in self._read.items() if may_grow(path)}

    def _shards(self) -> list[str]:
        """In order; a local folder is listed anew when it has changed."""
        if not files.is_local(self.folder):
            return files.find(self.folder, _SHARDS)
        changed = Path(self.folder).stat().st_mtime_ns if Path(self.folder).exists() else 0
        if changed != self._listed[0]:
            begun = time.time_ns()
            shards = files.find(self.folder, _SHARDS)
            if begun - changed < _TICK_NS:
                return shards  # it may change once more, and have the same time
            self._listed = (changed, shards)
        return self._listed[1]

    def _lines(self, path: str) -> list[bytes]:
        """Whole lines only: a writer that was killed may have left half of one."""
        begin = self._read.get(path, 0)
        if files.is_local(path):
            with Path(path).open("rb") as file:
                file.seek(begin)
                data = file.read()
        else:
            data = b"" if begin else files.read_bytes(path)
        end = data.rfind(b"\n") + 1
        self._read[path] = begin + end
        return data[:end].splitlines()

    def append(self, rows: Iterable[Row]) -> None:
        """Write rows, kind by kind; the pairs first, since verdicts follow from them. Hold the log meanwhile."""
        rows = list(rows)
        for kind, type_ in ((PAIRS, Judgement), (FAILURES, Failure), (VERDICTS, Verdict)):
            lines = to_lines(_json(row) for row in rows if isinstance(row, type_))
            if lines:
                self._write(kind, lines)

    def _write(self, kind: str, lines: bytes) -> None:
        """What is written is not read again."""
        # A clock that was set back does not write before what is written: the order of shards is the order of events.
        self._newest[kind] = max(_window(time.time()), self._newest[kind])
        name = f"{kind}-{self._newest[kind]}"
        path = files.join(self.folder, f"{name}.jsonl")
        if not files.is_local(path):
            path = files.join(self.folder, f"{name}-{time.time_ns():020}-{secrets.token_hex(3)}.jsonl")
            files.write_bytes(path, lines)
            self._read[path] = len(lines)
            return
        try:
            file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o644)
            try:
                _mend(file)
                while lines:
                    lines = lines[os.write(file, lines) :]
                os.fsync(file)
                self._read[path] = os.fstat(file).st_size
            finally:
                os.close(file)
        except OSError as error:
            raise CliptraceError(f"{path}: cannot be written: {files.reason(error)}") from error


def _window(seconds: float) -> str:
    return time.strftime("%Y%m%dT%H%M00Z", time.gmtime(seconds // _WINDOW_S * _WINDOW_S))


def _kind_of(path: str) -> str:
    return path.rsplit("/", 1)[1].split("-", 1)[0]


def _start_of(path: str) -> str:
    """Of a shard's window, as _window has it."""
    return path.rsplit("/", 1)[1].split("-", 2)[1].removesuffix(".jsonl")


def _mend(file: int) -> None:
    """Cut off what a killed writer left of a line."""
    size = os.fstat(file).st_size
    keep = size
    while keep and (part := os.pread(file, min(keep, 1 << 16), max(0, keep - (1 << 16)))) and part[-1:] != b"\n":
        keep = max(0, keep - (1 << 16)) + part.rfind(b"\n") + 1
    if keep < size:
        os.ftruncate(file, keep)


def _json(row: Row) -> dict[str, Any]:
    return row.to_json() if isinstance(row, Verdict) else dataclasses.asdict(row)


def _row(kind: str, row: dict[str, Any]) -> Row:
    if kind == VERDICTS:
        return Verdict.from_json(row)
    if kind == FAILURES:
        return Failure(**row)
    links = tuple(
        Link(**{**link, "segments": tuple(Segment(**segment) for segment in link["segments"])}) for link in row["links"]
    )
    return Judgement(**{**row, "links": links})
