"""Every question can be asked, has recorded figures, and these keep to its floors."""

from __future__ import annotations

import importlib
import importlib.util
import json

import pytest

from benchmarks.__main__ import main
from benchmarks.harness.command import RESULTS, Question
from benchmarks.harness.entries import ENTRIES, Entry, Floor, fallen


def question_of(entry: Entry) -> Question:
    found = importlib.util.find_spec(entry.module)
    assert found
    is_folder = found.submodule_search_locations is not None
    question = importlib.import_module(f"{entry.module}.__main__" if is_folder else entry.module).QUESTION
    assert isinstance(question, Question)
    return question


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry.name)
def test_every_entry_is_a_question_that_takes_its_arguments(entry: Entry, capsys: pytest.CaptureFixture[str]) -> None:
    question = question_of(entry)

    assert (question.module, question.name) == (entry.module, entry.name)
    with pytest.raises(SystemExit) as ended:
        question.main([*entry.command()[2:], "--record", "--help"])
    assert ended.value.code == 0
    assert f"usage: python -m {entry.module} " in capsys.readouterr().out


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry.name)
def test_every_recorded_figure_has_its_column(entry: Entry) -> None:
    result = json.loads(entry.results.read_text(encoding="utf-8"))
    tables = list(question_of(entry).tables(result))
    assert tables
    for table in tables:
        assert table.rows
        assert {len(row) for row in table.rows} == {len(table.columns)}


def test_every_result_is_of_one_entry_and_every_entry_has_one() -> None:
    assert sorted(entry.results for entry in ENTRIES) == sorted(RESULTS.glob("*.json"))


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry.name)
def test_recorded_figures_keep_to_their_floors(entry: Entry) -> None:
    assert list(fallen(entry, json.loads(entry.results.read_text(encoding="utf-8")))) == []


def test_what_falls_below_a_floor_is_named_with_both_figures() -> None:
    result = {"rows": [{"f1": 0.9, "broken": []}, {"f1": 0.7, "broken": ["x", "y"]}]}
    floors = (Floor("rows > * > f1", least=0.8), Floor("rows > 0 > f1", least=0.9), Floor("rows > * > broken", most=0))
    assert list(fallen(Entry("benchmarks.some.thing", floors=floors), result)) == [
        "thing: rows > * > f1 is 0.7, not at least 0.8",
        "thing: rows > * > broken is 2, not at most 0",
    ]
    with pytest.raises(KeyError):
        list(fallen(Entry("benchmarks.thing", floors=(Floor("rows > 0 > f2", least=0.1),)), result))


def test_what_an_entry_needs_is_looked_for_where_variables_say(monkeypatch: pytest.MonkeyPatch, tmp_path) -> None:
    monkeypatch.setenv("CLIPTRACE_FOOTAGE", str(tmp_path))
    entry = Entry("benchmarks.thing", "--data '$CLIPTRACE_FOOTAGE/a b'", needs=("$CLIPTRACE_FOOTAGE/a b",))
    assert entry.command() == ["-m", "benchmarks.thing", "--data", f"{tmp_path}/a b"]
    assert entry.missing() == ["$CLIPTRACE_FOOTAGE/a b"]
    (tmp_path / "a b").mkdir()
    assert entry.missing() == []


def test_the_list_names_every_entry_and_asks_nothing(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("subprocess.run", lambda *_, **__: pytest.fail("was asked"))
    assert main(["--list"]) == 0
    printed = capsys.readouterr().out
    assert all(entry.module in printed for entry in ENTRIES)


def test_a_question_that_there_is_not_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["nothing"])
    assert "no such question: nothing" in capsys.readouterr().err
