"""Whether the image (deploy/docker) holds what cliptrace asks for, and the same Beam and Python as this machine."""

from __future__ import annotations

import importlib.metadata
import sys
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import cliptrace.deploy

IMAGE_PYTHON = "3.11"
EXTRAS = ("aws", "gcp", "hdf5")


def pins() -> dict[str, str]:
    """Versions in the image, by package."""
    lines = (Path(cliptrace.deploy.__file__).parent / "docker" / "constraints.txt").read_text().splitlines()
    named = (line.split("==") for line in lines if "==" in line and not line.startswith("#"))
    return {canonicalize_name(name): version for name, version in named}


def requirements() -> list[Requirement]:
    """What cliptrace asks for, with the extras of the image: as installed, or as the checkout says."""
    project = Path(cliptrace.__file__).parents[1] / "pyproject.toml"
    if project.is_file():
        facts = tomllib.loads(project.read_text())["project"]
        extras = (facts["optional-dependencies"][extra] for extra in EXTRAS)
        return [Requirement(text) for text in [*facts["dependencies"], *(each for extra in extras for each in extra)]]
    asked = (Requirement(text) for text in importlib.metadata.requires("cliptrace") or [])
    return [
        each for each in asked if not each.marker or any(each.marker.evaluate({"extra": extra}) for extra in EXTRAS)
    ]


def disagreements(
    pinned: Mapping[str, str],
    asked: list[Requirement],
    beam: str = importlib.metadata.version("apache-beam"),
    python: str = "{}.{}".format(*sys.version_info),
) -> Iterator[str]:
    """beam, python: of this machine, whose pickles the workers load."""
    for requirement in asked:
        version = pinned.get(canonicalize_name(requirement.name))
        if version is None:
            yield f"cliptrace wants {requirement.name}, which is not in the image"
        elif not requirement.specifier.contains(version):
            yield f"the image has {requirement.name} {version}, but cliptrace wants {requirement.specifier}"
    if beam != pinned.get("apache-beam"):
        yield f"Beam is {beam} here and {pinned.get('apache-beam')} in the image: code travels as pickles between them"
    if python != IMAGE_PYTHON:
        yield f"Python is {python} here and {IMAGE_PYTHON} in the image: code travels as pickles between them"
