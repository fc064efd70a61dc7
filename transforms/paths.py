"""One spelling of where a file is, and of what it is called, for whoever compares names that people and disks write."""

from __future__ import annotations

import os
import unicodedata

from cliptrace.transforms.fingerprints import is_remote
from cliptrace.transforms.store import files


def composed(name: str) -> str:
    """Unicode NFC: disks differ in whether an accent is a character of its own, and no reader sees it."""
    return name if name.isascii() else unicodedata.normalize("NFC", name)


def canonical(name: str) -> str:
    """Of a path or uri as a person writes it: absolute, without ``.`` and ``..``, composed; of file:// the path."""
    if is_remote(name):
        return composed(name)
    return composed(os.path.abspath(files.local_path(name)))  # noqa: PTH100 - a path that is no more has no links to resolve


def on_disk(path: str) -> str:
    """A local path in the form, NFC or NFD, in which there is something; as it is where there is nothing."""
    forms = [] if path.isascii() else [unicodedata.normalize(form, path) for form in ("NFC", "NFD")]
    return next((form for form in (path, *forms) if os.path.lexists(form)), path) if forms else path


def is_below(uri: str, folder: str) -> bool:
    return uri.startswith(folder.rstrip("/") + "/")
