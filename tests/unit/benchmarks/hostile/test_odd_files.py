"""The bench of odd files: its pictures tell their second, its player is right about known files, and it says what
disagrees."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from benchmarks.hostile import odd_files, second_codes
from benchmarks.hostile.odd_files import Told, compared
from benchmarks.hostile.odd_recipes import ODD, Films, Odd, draw_films
from benchmarks.hostile.players import NOTHING, play
from benchmarks.hostile.second_codes import NUMBERS, SIDE, picture, read

RECIPES = {odd.name: odd for odd in ODD}


@pytest.fixture(scope="module")
def films(tmp_path_factory: pytest.TempPathFactory) -> Films:
    return draw_films(tmp_path_factory.mktemp("odd") / "films")


def test_a_picture_tells_its_number_upright_and_no_other_way() -> None:
    pictures = [picture(number, SIDE, SIDE) for number in NUMBERS]
    assert [read(each) for each in pictures] == list(NUMBERS)
    for turned in (np.flip(pictures, 1), np.flip(pictures, 2), np.flip(pictures, (1, 2))):
        assert {read(each) for each in turned} == {None}
    assert read(np.full((SIDE, SIDE, 3), 128, np.uint8)) is None
    assert second_codes.picture(5, 175, 99).shape == (99, 175, 3)


def test_the_player_turns_pictures_and_waits_for_late_ones(films: Films, tmp_path: Path) -> None:
    for name in ("turned.mp4", "late.mp4", "uneven.webp"):
        RECIPES[name].write(films, tmp_path / name)
    turned, late, webp = (play(tmp_path / name) for name in ("turned.mp4", "late.mp4", "uneven.webp"))
    assert (turned.size, turned.seconds) == ((192, 108), pytest.approx(6.0))
    assert [turned.at(second + 0.5) for second in range(7)] == [0, 1, 2, 3, 4, 5, NOTHING]
    assert [late.at(second) for second in (0.0, 1.25, 1.75, 2.25, 2.75)] == [NOTHING, NOTHING, 0, 0, 1]
    assert webp.starts == pytest.approx([0.0, 0.4, 2.1, 2.19, 3.29, 3.54])
    assert (webp.numbers, webp.seconds) == ([0, 1, 2, 3, 4, 5], pytest.approx(4.44))


def test_what_disagrees_is_said(films: Films, tmp_path: Path) -> None:
    path = tmp_path / "single.mp4"
    RECIPES["single.mp4"].write(films, path)
    assert compared(path, Told(0.125, (192, 108), ""))["disagrees"] == []
    assert compared(path, Told(1.0, (108, 192), "cut off"))["disagrees"] == [
        "1 s, not 0.04 s",
        "108 × 192, not 192 × 108",
        "cut off",
    ]
    assert compared(path, None)["disagrees"] == ["is not indexed"]


def test_files_are_indexed_and_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    ignored = Odd(".hidden.mp4", "a file that is left out", RECIPES["single.mp4"].write)
    monkeypatch.setattr(odd_files, "ODD", (RECIPES["turned.mp4"], RECIPES["late.mp4"], ignored))
    assert odd_files.QUESTION.main(["--output", str(tmp_path)]) == 1
    result = json.loads((tmp_path / "odd_files.json").read_text(encoding="utf-8"))
    assert result["broken_rules"] == [".hidden.mp4: is not indexed"]
    assert [file["disagrees"] for file in result["files"]] == [[], [], ["is not indexed"]]
    assert result["files"][1]["cliptrace"]["shown"][:7] == [NOTHING, NOTHING, NOTHING, 0, 0, 1, 1]
    assert "BROKEN: .hidden.mp4: is not indexed" in capsys.readouterr().out
