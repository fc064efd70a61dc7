"""The weights that are shipped, and the one way to any file of weights: by its SHA-256."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from cliptrace.schemas.errors import CliptraceError, UsageError

WEIGHTS = Path(__file__).parent
"""Each folder in it is a model: ``model.safetensors``, ``config.json``, and what else that names."""


def read_verified(path: str | Path, sha256: str) -> bytes:
    """The content of ``path`` (a relative one is taken from WEIGHTS), which must have this digest.

    Content, not a path: what was checked is what is used, even if the file is replaced in between.
    """
    file = WEIGHTS / path
    try:
        content = file.read_bytes()
    except OSError as error:
        raise CliptraceError(f"{file}: cannot read weights: {error.strerror}") from error
    found = sha256_of(content)
    if found != sha256:
        raise CliptraceError(f"{file}: SHA-256 is {found}, expected {sha256}: the file is incomplete or was changed")
    return content


def folder_of(weights: str | Path) -> Path:
    """One of the folders that ship by its name, or any other by its path."""
    ships = WEIGHTS / weights
    return ships if (ships / "config.json").is_file() else Path(weights).resolve()


def read_config(folder: Path, files: Sequence[str] = ("model.safetensors", "model.onnx")) -> dict[str, Any]:
    """config.json of an exported network (models/export.py): "sha256" has the digests of its files by name.

    UsageError where it is none, or names not all of ``files``.
    """
    file = folder / "config.json"
    try:
        config: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
        for name in files:
            config["sha256"][name]
    except OSError as error:
        raise UsageError(f"{file}: cannot read: {error.strerror}") from error
    except (ValueError, KeyError, TypeError) as error:
        raise UsageError(f"{file}: not the config of an exported network: {error!r}") from error
    return config


def sha256_of(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
