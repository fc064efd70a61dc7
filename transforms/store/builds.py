"""Builds: a gallery made anew beside itself, with other models, and one small file that says which build answers.

The first build lies in the gallery's own folder, the others below ``builds``; each is whole, with its own vector store.
The file is replaced at once, so whoever opens the gallery meets one build or the other. All share the tombstones.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Mapping
from typing import Any

from cliptrace.schemas.config import KeyframeConfig
from cliptrace.schemas.errors import CliptraceError
from cliptrace.transforms.store import files

POINTER = "current.json"
FIRST = ""


@dataclasses.dataclass(frozen=True, slots=True)
class Pointer:
    """build: which one answers. previous: which one did before the last switch; None where there was none."""

    build: str = FIRST
    previous: str | None = None


def read_pointer(home: str) -> Pointer:
    path = files.join(home, POINTER)
    if not files.exists(path):
        return Pointer()
    try:
        return Pointer(**json.loads(files.read_bytes(path)))
    except (OSError, ValueError, TypeError) as error:
        raise CliptraceError(f"{path}: cannot be read: {files.reason(error)}") from error


def point(home: str, build: str) -> None:
    """From now on ``build`` answers. Only for who holds the gallery."""
    pointer = Pointer(build, read_pointer(home).build)
    files.write_bytes(files.join(home, POINTER), json.dumps(dataclasses.asdict(pointer)).encode())


def root_of(home: str, build: str) -> str:
    return files.join(home, f"builds/{build}") if build else home


def home_of(root: str, manifest: str) -> str:
    """The gallery of which ``root`` is a build; ``root`` itself where it is not one of those below ``builds``."""
    home, _, build = root.rstrip("/").rpartition("/builds/")
    return home if home and "/" not in build and files.exists(files.join(home, manifest)) else root


def list_builds(home: str) -> list[str]:
    """Also those that are not finished."""
    return [FIRST, *(path.rsplit("/", 2)[1] for path in files.find(home, "builds/*/gallery.json"))]


def build_name(identity: Mapping[str, Any], keyframes: KeyframeConfig) -> str:
    """By what a build is made with, so that one that was cut off is found again."""
    text = json.dumps([dict(identity), keyframes.to_json()], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:12]
