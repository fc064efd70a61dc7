"""What every bench does around its measuring, and one table in both of its forms."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import pytest

from benchmarks.harness import command
from benchmarks.harness.command import Question, add_seeds, known
from benchmarks.harness.tables import Table
from cliptrace.schemas.errors import CliptraceError, UsageError

TABLE = Table("How it went:", ("", "right"), [("ours", 3), ("theirs", "2 of 4")])


def question(measure: Any) -> Question:
    return Question("benchmarks.some.thing", "Does it?\n\nMore.", add_seeds, measure, lambda _: [TABLE])


def test_figures_are_written_with_where_and_how_they_were_measured(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(command, "RESULTS", tmp_path / "results")
    arguments = ["--seeds", "4", "5", "--output", str(tmp_path)]

    assert question(lambda arguments: {"right": arguments.seeds}).main([*arguments, "--record"]) == 0

    result = json.loads((tmp_path / "thing.json").read_text(encoding="utf-8"))
    assert result["command"] == "python -m benchmarks.some.thing --seeds 4 5"
    assert (result["seed"], result["right"]) == ([4, 5], [4, 5])
    assert list(result)[:5] == ["command", "seed", "date", "machine", "versions"]
    assert json.loads((tmp_path / "results" / "thing.json").read_text(encoding="utf-8")) == result
    printed = capsys.readouterr().out
    assert "How it went:" in printed
    assert "seed 4, 5" in printed


def test_without_record_only_the_folder_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(command, "RESULTS", tmp_path / "results")
    assert question(lambda _: {}).main(["--output", str(tmp_path / "out")]) == 0
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_a_broken_rule_is_printed_and_ends_with_1(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    asked = question(lambda _: {"broken_rules": ["a video is lost"]})
    assert asked.main(["--output", str(tmp_path)]) == 1
    assert capsys.readouterr().out.splitlines()[-1] == "BROKEN: a video is lost"


@pytest.mark.parametrize(("error", "code"), [(CliptraceError("no disk"), 1), (UsageError("no footage"), 2)])
def test_an_error_of_ours_is_one_line(
    error: CliptraceError, code: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(_: argparse.Namespace) -> dict[str, Any]:
        raise error

    assert question(fail).main(["--output", str(tmp_path)]) == code
    assert capsys.readouterr().err == f"error: {error}\n"


def test_what_was_measured_before_is_taken_from_the_folder_and_else_from_what_is_recorded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(command, "RESULTS", tmp_path / "results")
    arguments = argparse.Namespace(file=tmp_path / "thing.json")
    assert known(arguments) == {}
    command.write(tmp_path / "results" / "thing.json", {"right": 1})
    assert known(arguments) == {"right": 1}
    command.write(arguments.file, {"right": 2})
    assert known(arguments) == {"right": 2}


def test_a_table_has_the_same_cells_in_a_document_and_in_a_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    assert TABLE.markdown() == "How it went:\n\n|  | right |\n| --- | ---: |\n| ours | 3 |\n| theirs | 2 of 4 |\n"
    TABLE.print()
    printed = capsys.readouterr().out
    assert all(each in printed for each in ("How it went:", "right", "ours", "3", "theirs", "2 of 4"))
