"""Config files of clip features: what is common to those of networks and of features that are there already."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

from cliptrace.models.settings_files import read_settings
from cliptrace.schemas.config import BASIS_FPS
from cliptrace.schemas.errors import UsageError


def read_description(path: str) -> dict[str, Any]:
    """The keys of a .json or .toml file. UsageError where it is none, or cannot be read."""
    file = Path(path)
    if file.suffix not in (".json", ".toml"):
        raise UsageError(f"unknown clip features {path!r}: use lite0_motion, or a path to a .json or .toml file")
    data = read_settings(file, "the description of clip features")
    if not isinstance(data, dict):
        raise UsageError(f"{file}: not a description of clip features: it has no keys")
    return data


def rules_of_steps(name: object, dimension: object, step_s: object) -> dict[str, bool]:
    """What every description must be, and whether it is."""
    is_number = type(step_s) in (int, float) and math.isfinite(step_s)  # type: ignore[arg-type]
    return {
        "name must be a text": isinstance(name, str),
        "dimension must be a whole number from 1 on": whole(dimension) < math.inf,
        f"step_s must be a multiple of {1 / BASIS_FPS:g}": is_number
        and step_s > 0  # type: ignore[operator]
        and float(step_s * BASIS_FPS).is_integer(),  # type: ignore[operator]
    }


def whole(value: object) -> float:
    """A whole number from 1 on; infinity for what is none."""
    return value if type(value) is int and value > 0 else math.inf
