"""What is made of a plan: files of the planned frames, takes of one design that differ, and the tables beside them."""

from __future__ import annotations

import json
import random
from pathlib import Path

import numpy as np
import pytest

from benchmarks.attacks.media import FPS, ffmpeg, grey_thumbs, probe_made
from benchmarks.look_alike import build as build_module
from benchmarks.look_alike import plan
from benchmarks.look_alike.board import Board
from benchmarks.look_alike.build import build, main
from benchmarks.look_alike.plan import Drawing, Filmed
from benchmarks.look_alike.scenes import SCENES, Scene
from benchmarks.look_alike.sources import Library, Stretch
from benchmarks.look_alike.styles import make_style, words_of
from benchmarks.look_alike.takes import blockwise_difference, make_take, same_moments, still

NOWHERE = Library({}, {}, {})


def board_of(scene: str, design: str, take: int) -> str:
    style = make_style("train", random.Random(f"style {design}"))
    board = Board(style.width, style.height, 4.0)
    rng = random.Random(f"design {design}")
    SCENES[scene](Scene(board, style, words_of("train"), rng, random.Random(f"{design} {take}"), 1.0))
    return "\n".join(board._events)


@pytest.mark.parametrize("scene", SCENES)
def test_takes_of_one_design_differ_and_come_out_the_same_again(scene: str) -> None:
    first, again, other = board_of(scene, "a", 1), board_of(scene, "a", 1), board_of(scene, "a", 2)
    assert first == again != other


def test_a_drawing_is_as_long_as_it_was_planned(tmp_path: Path) -> None:
    drawings = [Drawing("slides", "test", "test slides 0 1", take, 2.0, 1.0) for take in (1, 2)]
    for drawing in drawings:
        assert make_take(drawing, NOWHERE, tmp_path / f"{drawing.take}.mp4", "v").frames == 2 * FPS
    make_take(drawings[1], NOWHERE, tmp_path / "again.mp4", "v")
    assert (tmp_path / "again.mp4").read_bytes() == (tmp_path / "2.mp4").read_bytes()
    assert same_moments(tmp_path / "1.mp4", tmp_path / "1.mp4") == 1.0
    assert same_moments(tmp_path / "1.mp4", tmp_path / "2.mp4") == 0.0


@pytest.mark.parametrize("scene", ["visualiser", "subtitles", "corridor"])
def test_scenes_over_sound_a_still_and_grain_are_drawn(scene: str, tmp_path: Path) -> None:
    make_take(Drawing(scene, "train", f"train {scene} 0 1", 1, 1.0, 1.0), NOWHERE, tmp_path / "scene.mp4", "v")
    assert probe_made(tmp_path / "scene.mp4")[0] == FPS
    assert np.ptp(grey_thumbs(tmp_path / "scene.mp4", 64)) > 20


def test_stretches_are_cut_where_they_lie_and_joined(tmp_path: Path) -> None:
    ffmpeg("-f", "lavfi", "-i", "testsrc=size=160x120:rate=25:duration=4", str(tmp_path / "a.mp4"))
    library = Library({"pool": tmp_path}, {}, {})
    make_take(Filmed((Stretch("pool/a.mp4", 1.0, 1.0),)), library, tmp_path / "one.mp4", "v")
    joined = Filmed((Stretch("pool/a.mp4", 0.0, 1.0), Stretch("pool/a.mp4", 2.0, 1.4)))
    clip = make_take(joined, library, tmp_path / "two.mp4", "v")
    assert (clip.frames, clip.width, clip.height) == (round(2.4 * FPS), 480, 320)
    whole, cut = grey_thumbs(tmp_path / "a.mp4", 32), grey_thumbs(tmp_path / "one.mp4", 32)
    assert int(np.abs(whole - cut[0]).mean(axis=(1, 2)).argmin()) == FPS


def test_blank_moments_are_no_moments(tmp_path: Path) -> None:
    blank, words = (tmp_path / f"{name}.mp4" for name in ("blank", "words"))
    ffmpeg("-f", "lavfi", "-i", "color=black:size=160x160:rate=25:duration=2", str(blank))
    box = "drawbox=x=40:y=40:w=40:h=20:color=white:t=fill:enable=gt(t\\,0.4)"
    ffmpeg("-f", "lavfi", "-i", "color=black:size=160x160:rate=25:duration=2", "-vf", box, str(words))
    assert same_moments(blank, words) == 0.0
    assert same_moments(words, blank) == 1.0


def test_the_block_that_differs_most_decides() -> None:
    moment = np.zeros((3, 2, 2), np.float32)
    others = np.zeros((2, 3, 2, 2), np.float32)
    others[1, 2] = 9.0
    others[1, 0, 0, 0] = 4.0
    assert blockwise_difference(moment, others).tolist() == [0.0, 9.0]


def test_a_still_is_the_same_for_both_takes() -> None:
    style = make_style("train", random.Random(1))
    first, again = (still(style, random.Random(2)) for _ in "ab")
    assert first.shape == (style.height, style.width, 3)
    assert (first == again).all()


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CLIPTRACE_FOOTAGE", raising=False)
    monkeypatch.setitem(plan.DESIGNS, "train", {"lyrics": 1})  # type: ignore[index]
    monkeypatch.setattr(plan, "_SECONDS", (3.0, 3.0))


def test_without_footage_the_repository_s_clips_are_enough(few: None, tmp_path: Path) -> None:
    made = build("train", tmp_path, 1)
    pairs = json.loads((tmp_path / "pairs.json").read_text())
    assert {path.stem for path in made.gallery.iterdir()} == {"camera-bottles", "lyrics-1"}
    assert {path.name for path in made.queries.iterdir()} == pairs.keys()
    assert {row.query_id for row in made.truth()} == {name for name, pair in pairs.items() if pair["role"] == "copy"}
    for row in made.truth():
        assert row.ref_id == pairs[row.query_id]["reference"]
        assert row.query_end <= probe_made(made.queries / row.query_id)[0] / FPS + 1e-9
        assert row.ref_end <= probe_made(made.gallery / row.ref_id)[0] / FPS + 1e-9
    assert made.facts["counts"]["queries"]["other"] == 2
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "dataset.json",
        "gallery",
        "pairs.json",
        "queries",
        "truth.csv",
    ]
    assert build("train", tmp_path, 1).facts == made.facts


def test_a_set_made_in_another_way_is_not_overwritten(
    few: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(build_module, "_make", lambda *_: ([], {}))
    assert main(["--split", "train", "--output", str(tmp_path)]) == 0
    capsys.readouterr()
    assert main(["--split", "train", "--seed", "2", "--output", str(tmp_path)]) == 2
    assert capsys.readouterr().err.endswith(
        f"error: {tmp_path}: holds look-alikes made in another way; remove it, or give another --output\n"
    )


def test_takes_that_show_the_same_are_left_out(few: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(build_module, "same_moments", lambda first, _: 0.5 if first.stem == "0" else 0.0)
    made = build("train", tmp_path, 1)
    assert made.facts["dropped"] == {"camera-bottles": 0.5}
    assert [path.stem for path in made.gallery.iterdir()] == ["lyrics-1"]
