"""Where Beam's Prism runner is: the program that streams on one machine. Beam itself would download one."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

from cliptrace.schemas.errors import CliptraceError

VARIABLE = "CLIPTRACE_PRISM"


def find_prism() -> str:
    """Path of the program: CLIPTRACE_PRISM, else beside this Python, else on PATH. CliptraceError otherwise."""
    if named := os.environ.get(VARIABLE):
        if found := shutil.which(named):
            return found
        raise CliptraceError(f"{VARIABLE}={named}: no program that can be run")
    # not resolved: the Python of a virtual environment is a link to another folder
    if found := shutil.which("prism", path=Path(sys.executable).parent) or shutil.which("prism"):
        return found
    raise CliptraceError(
        f"streaming needs Beam's Prism runner: make prism builds it (with Go), or {VARIABLE} names it; "
        "--once needs none"
    )
