"""docs/security.md: every threat names a test, and every test that is named is there."""

from __future__ import annotations

import ast
import functools
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
NAMED = re.compile(r"`(tests/[\w/]+\.py)::(\w+)`")


def threats() -> list[str]:
    lines = (ROOT / "docs" / "security.md").read_text().partition("\n## ")[2].splitlines()
    return [line for line in lines if line.startswith("| ") and not line.startswith(("| threat |", "| --- |"))]


@functools.cache
def functions_of(path: str) -> frozenset[str]:
    tree = ast.parse((ROOT / path).read_text())
    return frozenset(node.name for node in tree.body if isinstance(node, ast.FunctionDef))


def test_there_are_threats() -> None:
    assert len(threats()) > 40


@pytest.mark.parametrize("line", threats())
def test_every_threat_names_a_test_that_is_there(line: str) -> None:
    threat, done, named = (cell.strip() for cell in line.strip("|").split(" | "))
    assert threat
    assert done
    assert NAMED.findall(named)
    assert NAMED.sub("", named).strip() == ""
    for path, name in NAMED.findall(named):
        assert name in functions_of(path), f"{path}::{name}"
