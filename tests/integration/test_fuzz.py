"""Mutated ffprobe answers, manifests and gallery files: taken, or refused with an error of ours; never a crash."""

from __future__ import annotations

import os
import random
from pathlib import Path

import pytest

from benchmarks.hostile import fuzz, targets
from benchmarks.hostile.mutations import mutated, mutated_json
from cliptrace.schemas.errors import CliptraceError


@pytest.mark.parametrize("target", list(targets.TARGETS))
@pytest.mark.parametrize("count", [300, pytest.param(20_000, marks=pytest.mark.slow)])
def test_no_input_crashes_or_hangs(target: str, count: int) -> None:
    outcome = fuzz.summary(list(fuzz.run(target, count, seed=count)))
    assert outcome["broken"] == []
    assert outcome["taken"] + outcome["refused"] == count
    assert outcome["taken"] > count * 0.02
    assert outcome["refused"] > count * 0.02


def test_what_breaks_is_seen() -> None:
    def outcome(error: Exception) -> tuple[str, str]:
        def fuzzed(rng: random.Random, folder: Path) -> None:
            raise error

        return targets.judged(fuzzed, random.Random(0), Path())

    assert outcome(CliptraceError("m.csv line 1: not 2 columns")) == ("refused", "m.csv line 1: not 2 columns")
    assert outcome(CliptraceError("no")) == ("crash", "says only no")
    assert outcome(KeyError("x")) == ("crash", "KeyError: 'x'")


@pytest.mark.parametrize(("command", "outcome"), [("kill -SEGV $$", "crash"), ("kill -ALRM $$", "hang")])
def test_a_worker_that_dies_costs_one_input(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: str, outcome: str
) -> None:
    """The first worker gives two outcomes and dies; the next, asked to go on behind the third, gives the rest."""
    line = '{"outcome": "taken", "message": ""}'
    python = tmp_path / "python"
    python.write_text(
        f"#!/bin/sh\nif [ $5 = 0 ]; then echo '{line}'; echo '{line}'; {command}; fi\n[ $5 = 3 ] && echo '{line}'\n"
    )
    python.chmod(0o755)
    monkeypatch.setattr("sys.executable", os.fspath(python))
    outcomes = [each["outcome"] for each in fuzz.run("probe", 4, seed=1)]
    assert outcomes == ["taken", "taken", outcome, "taken"]


def test_mutations_follow_from_the_seed_and_change_most() -> None:
    data, value = bytes(range(256)), {"a": [1, {"b": "c"}], "d": None}
    one, two = ([(mutated(data, r), repr(mutated_json(value, r))) for r in map(random.Random, range(50))] for _ in "12")
    assert one == two
    assert sum(changed != data for changed, _ in one) > 45
    assert sum(changed != repr(value) for _, changed in one) > 45
