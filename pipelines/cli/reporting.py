"""The report of a run for a scheduler (docs/scheduling.md): one JSON object, there from the beginning."""

from __future__ import annotations

import contextlib
import datetime
import json
import time
from collections.abc import Iterator
from typing import Any

from cliptrace.schemas import __version__
from cliptrace.schemas.errors import CliptraceError
from cliptrace.schemas.text import printable
from cliptrace.transforms.store import files


@contextlib.contextmanager
def reporting(path: str, command: str, gallery: str) -> Iterator[dict[str, Any]]:
    """Yields the report, to be updated with what the run finds; ``exit_code`` is null until it ends.

    path: on any filesystem that Beam knows; "" for no report. CliptraceError, before the work, where it cannot be
    written.
    """
    begin = time.monotonic()
    report: dict[str, Any] = {
        "command": command,
        "version": __version__,
        "gallery": gallery,
        "started": _now(),
        "finished": None,
        "seconds": None,
        "exit_code": None,
        "error": None,
    }
    _write(path, report)
    try:
        yield report
    except BaseException as error:
        report["exit_code"] = error.exit_code if isinstance(error, CliptraceError) else 1
        report["error"] = "stopped" if isinstance(error, KeyboardInterrupt) else printable(str(error))
        with contextlib.suppress(CliptraceError):  # the run's own error is the one to tell
            _end(path, report, begin)
        raise
    _end(path, report, begin)


def _end(path: str, report: dict[str, Any], begin: float) -> None:
    report |= {"finished": _now(), "seconds": round(time.monotonic() - begin, 1)}
    _write(path, report)


def _write(path: str, report: dict[str, Any]) -> None:
    if path:
        files.write_bytes(path, (json.dumps(report, indent=2) + "\n").encode())


def _now() -> str:
    return datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
