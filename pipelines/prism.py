"""Where Beam's Prism runner is: the one that a stream runs on unless Beam's options name another."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

from schemas.errors import CliptraceError


def find_prism() -> str:
    """CLIPTRACE_PRISM, else the one beside this interpreter, else on PATH. CliptraceError where there is none."""
    beside = Path(sys.executable).parent / "prism"
    named = os.environ.get("CLIPTRACE_PRISM") or (str(beside) if beside.exists() else shutil.which("prism"))
    if named and Path(named).exists():
        return named
    raise CliptraceError(
        "streaming needs Beam's Prism runner: make prism builds it (with Go), or CLIPTRACE_PRISM names it; "
        "--once needs none"
    )
