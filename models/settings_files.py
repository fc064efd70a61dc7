"""Files of settings that a person writes: what a backbone, a clip network or a set of features is."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import Any

from cliptrace.schemas.errors import UsageError


def read_settings(file: Path, what: str) -> Any:
    """The content of a .json or .toml file. what: it holds, as an error says. UsageError where it cannot be read."""
    try:
        return (tomllib if file.suffix == ".toml" else json).loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise UsageError(f"{file}: cannot read {what}: {error.strerror}") from error
    except ValueError as error:
        raise UsageError(f"{file}: not valid {file.suffix[1:].upper()}: {error}") from error
