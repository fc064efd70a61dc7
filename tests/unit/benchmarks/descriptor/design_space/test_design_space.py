"""The design-space bench as a person runs it, on the clips of the repository."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from benchmarks.descriptor.design_space.__main__ import QUESTION
from benchmarks.descriptor.design_space.chart import draw
from cliptrace.models.backbones.registry import config_to_json, load_config
from cliptrace.models.weights import WEIGHTS


@pytest.fixture
def photographs(tmp_path: Path) -> Path:
    folder = tmp_path / "photographs"
    folder.mkdir()
    for number in range(24):
        coarse = np.random.default_rng(number).integers(0, 256, (6, 9, 3), np.uint8)
        cv2.imwrite(str(folder / f"{number}.png"), cv2.resize(coarse, (360, 240), interpolation=cv2.INTER_CUBIC))
    return folder


@pytest.fixture
def small(tmp_path: Path) -> str:
    """A backbone that looks at few pixels."""
    built_in = load_config("copy_lite0")
    files = {
        key: str(WEIGHTS / getattr(built_in, key)) for key in ("path", "graph", "graph_int8", "whitening", "background")
    }
    config = dataclasses.replace(built_in, name="small", input_size=96, **files)
    (tmp_path / "config.json").write_text(json.dumps(config_to_json(config)), encoding="utf-8")
    return str(tmp_path / "config.json")


@pytest.mark.slow
def test_the_command_measures_every_row_and_its_chart_can_be_drawn(
    tmp_path: Path, photographs: Path, small: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("CLIPTRACE_FOOTAGE", raising=False)
    arguments = ["--backbone", small, "--compare", f"again={small}", "--data", str(photographs)]
    arguments += ["--queries", "4", "--repetitions", "1", "--output", str(tmp_path)]

    assert QUESTION.main(arguments) == 0

    printed = capsys.readouterr().out
    result = json.loads((tmp_path / "design_space.json").read_text(encoding="utf-8"))
    rows = {row["name"]: row for row in result["rows"]}
    first = rows["small"]
    assert first["axis"] == "shipped"
    assert first["micro_ap"] > 0.5
    assert rows["again"] == {**first, "name": "again", "axis": "layers trained"}
    assert rows["float32"]["micro_ap"] == pytest.approx(first["micro_ap"], abs=0.01)
    assert rows["float32 network"]["micro_ap"] == pytest.approx(first["micro_ap"], abs=0.1)
    assert all(row["milliseconds"] > 0 for row in rows.values())
    assert all(name in printed for name in rows)
    for number, row in enumerate(result["rows"], start=1):
        row["milliseconds"] = number  # whether there is room for all labels must not hang on how long this machine took
    assert draw(result).count('class="dot"') == len(rows)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--backbone", "nothing"], "unknown backbone 'nothing': use one of "),
        (
            ["--backbone", "copy_lite0", "--compare", "a=copy_lite0", "a=copy_lite0"],
            "--compare: every name once, and none of them 'copy_lite0', the name of --backbone",
        ),
    ],
)
def test_what_cannot_be_compared_is_said_in_one_line(
    arguments: list[str], message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch
) -> None:
    monkeypatch.delenv("CLIPTRACE_FOOTAGE", raising=False)

    assert QUESTION.main([*arguments, "--data", str(tmp_path), "--output", str(tmp_path)]) == 2

    assert capsys.readouterr().err.splitlines()[-1].startswith(f"error: {message}")
