"""Where and with what a figure was measured: kept beside every table."""

from __future__ import annotations

import datetime
import importlib.metadata
import os
import platform
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.attacks.media import ffmpeg_version
from cliptrace.schemas.errors import UsageError

PACKAGES = ("numpy", "onnxruntime", "opencv-python-headless")


def environment(command: str, seed: int | list[int], packages: Sequence[str] = PACKAGES) -> dict[str, Any]:
    """Machine, versions, seed or seeds, and the command that measures the same again, as JSON takes them. UsageError
    where a package is not installed."""
    return {
        "command": portable(command),
        "seed": seed,
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
        "machine": {
            "cpu": _cpu(),
            "cores": len(os.sched_getaffinity(0)),
            "architecture": platform.machine(),
            "system": platform.system(),
        },
        "versions": {
            "python": platform.python_version(),
            "ffmpeg": ffmpeg_version().removeprefix("ffmpeg version "),
            **{name: _version(name) for name in packages},
        },
    }


def _version(package: str) -> str:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError as error:
        raise UsageError(f"{package} is not installed: pip install '.[dev]'") from error


def portable(command: str) -> str:
    """A shell command that means the same where the footage lies elsewhere."""
    footage, variable = os.environ.get("CLIPTRACE_FOOTAGE"), '"$CLIPTRACE_FOOTAGE"'
    if not footage:
        return command
    return command.replace(f"'{footage}", f"{variable}'").replace(footage, variable)


def describe(facts: dict[str, Any]) -> str:
    """One line below a table."""
    machine = facts["machine"]
    versions = ", ".join(f"{name} {version}" for name, version in facts["versions"].items())
    seeds = facts["seed"] if isinstance(facts["seed"], list) else [facts["seed"]]
    return f"{machine['cpu']}, {machine['cores']} cores; {versions}; seed {', '.join(map(str, seeds))}; {facts['date']}"


def _cpu() -> str:
    lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines() if Path("/proc/cpuinfo").is_file() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or "unknown"
