"""Malformed and hostile inputs, indexed by the command as a person runs it."""

from __future__ import annotations

import json
from pathlib import Path

from benchmarks.hostile import malformed
from benchmarks.hostile.inputs import Canary, make


def test_every_input_has_one_honest_outcome_and_nothing_foreign_is_touched(tmp_path: Path) -> None:
    assert malformed.QUESTION.main(["--count", "27", "--output", str(tmp_path)]) == 0

    result = json.loads((tmp_path / "malformed.json").read_text(encoding="utf-8"))
    assert result["broken_rules"] == []
    assert result["exit_code"] == 3
    assert result["connections"] == 0
    assert not result["secret_was_read"]
    assert {outcome["outcome"] for outcome in result["outcomes"]} == {"failed", "partial", "indexed"}


def test_the_same_seed_makes_the_same_inputs(tmp_path: Path) -> None:
    canary = Canary(tmp_path / "secret.mp4", "http://127.0.0.1:9")

    first = make(tmp_path / "first", 7, canary, count=110)
    (tmp_path / "secret.fifo").unlink()
    second = make(tmp_path / "second", 7, canary, count=110)

    assert first == second
    assert sum(case.kind == "random damage" for case in first) > 20
    for case in first:
        paths = [tmp_path / name / case.name for name in ("first", "second")]
        if all(path.is_file() for path in paths):
            assert paths[0].read_bytes() == paths[1].read_bytes(), case.name
