"""Falls as they are annotated, and as they are asked."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from benchmarks.relocalization.uncut import asked, filmed, read_falls
from cliptrace.models.relocalization.footage import Clip

ANNOTATIONS = """\
File Name,Length (seconds),Time of Recording,Attire,Description, Classes
01.mp4,06,Day,Shirt,Falling on the bed,Fall (FW)[2.5 to 6]; Standing[1.3 to 2.2]
02.mp4,06,Day,Shirt,Falling twice,Falling (BW[1 to 2]; Falling (SW) [ 3.5 6]; Walking[0 to 1]
03.mp4,06,Day,Shirt,No seconds,Falling (FW); Sitting[0 to 1.7]
"""


def test_falls_are_read_as_they_are_written(tmp_path: Path) -> None:
    (tmp_path / "Fall.csv").write_text(ANNOTATIONS)
    falls = read_falls(tmp_path / "Fall.csv")
    assert {name: each.tolist() for name, each in falls.items()} == {
        "01.mp4": [[2.5, 6]],
        "02.mp4": [[1, 2], [3.5, 6]],
        "03.mp4": [],
    }


def test_a_fall_is_looked_for_in_another_video_between_two_of_everyday_life(tmp_path: Path) -> None:
    clips: dict[Path, Clip] = {}
    for folder, spans in (("Fall", ("[1 to 2]", "[0.5 to 9]", "[0 to 2]", "")), ("ADL", ("", "", ""))):
        rows = [f"{number}.mp4,3,Day,Shirt,,Falling (BW){span}\n" for number, span in enumerate(spans)]
        (tmp_path / "Subject 3").mkdir(exist_ok=True)
        (tmp_path / "Subject 3" / f"{folder}.csv").write_text("header\n" + "".join(rows))
        for number in range(len(spans)):
            steps = np.full((6, 2), len(clips), np.float16)
            clips[tmp_path / "Subject 3" / folder / f"{number}.mp4"] = Clip("", {1.0: steps})
    clips[tmp_path / "Subject 1" / "Fall" / "0.mp4"] = Clip("", {1.0: np.zeros((6, 2), np.float16)})
    there, absent = asked(filmed(clips), np.random.default_rng(0))
    assert [(len(each.query), each.moments.tolist()) for each in there] == [(2, [[7, 12]]), (5, [[8, 10]])]
    for each, without in zip(there, absent, strict=True):
        fall = each.query[0, 0]
        assert [each.reference[step, 0] for step in (0, 6, 17)].count(1 - fall) == 1
        assert len(without.reference) == 18
        assert not np.isin(without.reference, (0, 1, 2, 3)).any()
        assert not len(without.moments)
