"""Videos that begin with the same intro are no copies of one another; what else they share still is found."""

from __future__ import annotations

import contextlib
import io
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cliptrace.pipelines import cli
from cliptrace.schemas.gallery import STOPS_FILE

CLIPS = Path(__file__).parents[1] / "data" / "clips"
INTRO_S, BODY_S = 3, 5


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory, ffmpeg: Callable[..., None]) -> Path:
    """Twelve videos of two clips each, the first the same in all: gallery/. And queries with that intro: stranger.mp4;
    copy.mp4, which goes on as gallery/street0.mp4 does, half a second later; whole.mp4, a copy of street0.mp4; and
    intro.mp4, which is no more than that."""
    folder = tmp_path_factory.mktemp("intros")
    (folder / "gallery").mkdir()

    def with_intro(name: str, start: float, output: Path) -> None:
        join = "[0:v]scale=256:144,setsar=1,fps=25[a];[1:v]scale=256:144,setsar=1,fps=25[b];[a][b]concat=n=2"
        pieces = ["-t", INTRO_S, "-i", CLIPS / "coffee.mp4", "-ss", start, "-t", BODY_S, "-i", CLIPS / f"{name}.mp4"]
        ffmpeg(*pieces, "-filter_complex", join, "-an", "-crf", 30, output)

    for name in ("arm-wrestling", "bottles", "cars", "juggling", "playground", "street"):
        for number in range(2):
            with_intro(name, number * 8, folder / "gallery" / f"{name}{number}.mp4")
    with_intro("baseball", 0, folder / "stranger.mp4")
    with_intro("street", 0.5, folder / "copy.mp4")
    ffmpeg("-i", folder / "gallery" / "street0.mp4", "-crf", 33, folder / "whole.mp4")
    ffmpeg("-t", INTRO_S, "-i", CLIPS / "coffee.mp4", "-vf", "scale=192:108", "-an", folder / "intro.mp4")
    with contextlib.redirect_stderr(io.StringIO()):
        assert cli.main(["index", str(folder / "gallery"), "--gallery", str(folder / "g")]) == 0
    return folder


def searched(folder: Path, query: str, *options: str) -> tuple[list[dict[str, Any]], str]:
    """Matches, and what is printed."""
    output = folder / "matches.jsonl"
    arguments = ["match", str(folder / query), "--gallery", str(folder / "g"), "--output", str(output), *options]
    with contextlib.redirect_stderr(io.StringIO()) as said:
        assert cli.main(arguments) == 0
    return [json.loads(line) for line in output.read_text().splitlines()], said.getvalue()


def matches(folder: Path, query: str) -> list[dict[str, Any]]:
    return searched(folder, query)[0]


def test_an_intro_that_all_videos_share_is_no_match_and_it_is_told(made: Path) -> None:
    found, said = searched(made, "stranger.mp4")
    assert found == []
    told = re.search(r"^stop-list left out: +(\d\.\d) s of 1 query \(search them with --no-stop-list\)$", said, re.M)
    assert told
    assert float(told[1]) == pytest.approx(INTRO_S, abs=0.6)
    found, said = searched(made, "stranger.mp4", "--no-stop-list")
    assert len(found) >= 4  # which is what it keeps away
    assert {match["stopped_s"] for match in found} == {0.0}
    assert "stop-list" not in said


def test_who_asks_for_the_intro_finds_it_in_all_videos(made: Path) -> None:
    found, said = searched(made, "intro.mp4")
    assert len(found) == 12
    for match in found:
        (segment,) = match["segments"]
        assert (segment["query_start"], segment["ref_start"]) == pytest.approx((0, 0), abs=0.5)
        assert (segment["query_end"], segment["ref_end"]) == pytest.approx((INTRO_S, INTRO_S), abs=0.5)
    assert "stop-list" not in said


def test_a_whole_copy_is_found_whole_with_its_intro(made: Path) -> None:
    match = matches(made, "whole.mp4")[0]
    assert match["ref_id"] == "street0.mp4"
    assert match["stopped_s"] == pytest.approx(INTRO_S, abs=0.6)
    (segment,) = match["segments"]
    assert (segment["query_start"], segment["ref_start"]) == pytest.approx((0, 0), abs=0.5)
    assert (segment["query_end"], segment["ref_end"]) == pytest.approx((INTRO_S + BODY_S,) * 2, abs=0.5)


def test_a_copy_with_the_intro_is_found_by_what_follows(made: Path) -> None:
    match = matches(made, "copy.mp4")[0]
    assert match["ref_id"] == "street0.mp4"
    (segment,) = match["segments"]
    assert segment["query_end"] == pytest.approx(INTRO_S + BODY_S - 0.5, abs=0.6)
    assert segment["ref_end"] - segment["query_end"] == pytest.approx(0.5, abs=0.3)


def test_a_damaged_stop_list_is_named(made: Path, capsys: pytest.CaptureFixture[str]) -> None:
    stops = made / "g" / STOPS_FILE
    kept = stops.read_bytes()
    stops.write_bytes(b"no list")
    code = cli.main(["match", str(made / "copy.mp4"), "--gallery", str(made / "g"), "--output", str(made / "m.jsonl")])
    stops.write_bytes(kept)
    assert code == 1
    assert f"{stops}: not a stop-list: " in capsys.readouterr().err
