"""Finding Beam's Prism runner, and the version that the Makefile builds."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import apache_beam
import pytest

from cliptrace.pipelines.prism import find_prism
from cliptrace.schemas.errors import CliptraceError


def program(folder: Path, name: str = "prism") -> str:
    folder.mkdir(exist_ok=True)
    path = folder / name
    path.write_text("#!/bin/sh\n")
    path.chmod(0o755)
    return str(path)


@pytest.fixture
def nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Neither the environment, nor this Python's folder, nor PATH has a prism."""
    monkeypatch.delenv("CLIPTRACE_PRISM", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path / "path"))
    monkeypatch.setattr(sys, "executable", str(tmp_path / "bin" / "python"))
    return tmp_path


def test_prism_is_beside_python_or_on_the_path_or_where_the_environment_says(
    nowhere: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    on_path = program(nowhere / "path")
    assert find_prism() == on_path
    beside = program(nowhere / "bin")
    assert find_prism() == beside
    named = program(nowhere / "own", "prism-2.77")
    monkeypatch.setenv("CLIPTRACE_PRISM", named)
    assert find_prism() == named


def test_no_prism(nowhere: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(CliptraceError) as missing:
        find_prism()
    assert str(missing.value) == (
        "streaming needs Beam's Prism runner: make prism builds it (with Go), or CLIPTRACE_PRISM names it; "
        "--once needs none"
    )
    monkeypatch.setenv("CLIPTRACE_PRISM", "/no/prism")
    with pytest.raises(CliptraceError, match=r"^CLIPTRACE_PRISM=/no/prism: no program that can be run$"):
        find_prism()


def test_prism_is_built_in_the_version_of_beam() -> None:
    makefile = (Path(__file__).parents[3] / "Makefile").read_text()
    (version,) = re.findall(r"cmd/prism@v(\d+\.\d+)\.\d+", makefile)
    assert apache_beam.__version__.startswith(f"{version}.")
