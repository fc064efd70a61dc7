"""docs/operations.md: what it says is to be watched is what the code counts."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from cliptrace.schemas.verdicts import CANONICAL, DUPLICATE, OVERLAPS

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs" / "operations.md").read_text()


def measured() -> Iterator[str]:
    """Names of counters and distributions: those given to telemetry, and three for each isolated stage."""
    paths = sorted((ROOT / "transforms").rglob("*.py"))
    # Two name them by what they are given.
    for path in (path for path in paths if path.name not in ("isolation.py", "telemetry.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if not isinstance(node, ast.Call):
                continue
            called, texts = ast.unparse(node.func), [a.value for a in node.args if isinstance(a, ast.Constant)]
            names = [text for text in texts if isinstance(text, str)]
            if called == "RunIsolated":
                yield from (f"{name}_{what}" for name in names for what in ("done", "failures", "ms"))
            elif called == "telemetry.count":
                yield from names or [f"verdicts_{verdict}" for verdict in (CANONICAL, OVERLAPS, DUPLICATE)]
            elif called == "telemetry.measure":
                yield from names
            elif called == "telemetry.failed":
                yield from (f"{name}_failures" for name in names)
            elif called == "telemetry.timed":
                yield from (f"{name}_ms" for name in names)


def documented() -> set[str]:
    table = TEXT.split("## What to watch")[1].split("## ")[0]
    rows = [line for line in table.splitlines() if line.startswith("| `")]
    return {name for row in rows for name in re.findall(r"`(\w+)`", row.split("|")[1])}


def test_all_that_is_measured_is_in_the_table() -> None:
    assert {"videos_indexed", "decode_failures", "commit_ms"} <= set(measured())
    assert documented() == set(measured())


def test_what_it_links_to_is_there() -> None:
    for document in ("docs/operations.md", "deploy/dataflow/README.md", "deploy/docker/README.md"):
        for link in re.findall(r"\]\(([^)#:]+)[^)]*\)", (ROOT / document).read_text()):
            assert ((ROOT / document).parent / link).exists(), f"{document}: {link}"
