"""What commands print on standard output: aligned text or JSON lines, whatever is in a name."""

from __future__ import annotations

import contextlib
import json
import os
import sys
from collections.abc import Iterable, Mapping

from cliptrace.schemas.text import printable


def aligned(lines: Mapping[str, str]) -> list[str]:
    """``name: value`` lines, the values below each other; empty ones are left out."""
    lines = {name: value for name, value in lines.items() if value}
    width = max(map(len, lines), default=0) + 1
    return [f"{name + ':':<{width}} {printable(value)}" for name, value in lines.items()]


def put(lines: Iterable[str]) -> None:
    """Lines on standard output, until whoever reads them has had enough."""
    encoding = sys.stdout.encoding or "utf-8"
    try:
        for line in lines:
            print(line.encode(encoding, "backslashreplace").decode(encoding))
        sys.stdout.flush()
    except BrokenPipeError:
        with contextlib.suppress(OSError, ValueError):  # else Python complains at exit about what it could not write
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def put_json(rows: Iterable[Mapping[str, object]]) -> None:
    """One object a line."""
    put(json.dumps(row) for row in rows)
