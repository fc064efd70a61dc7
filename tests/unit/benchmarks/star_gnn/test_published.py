"""The published protocol, from files of a set to its mAP, on clips laid out as SVD has them."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from benchmarks.star_gnn.published import QUESTION, name_of

CLIPS = Path(__file__).parents[3] / "data" / "clips"


def test_names_are_those_of_the_annotations() -> None:
    assert name_of("/data/videos/1234.mp4", "svd") == "1234.mp4"
    assert name_of("/data/core/baggio/5c57.flv", "vcdb") == "5c57"
    assert name_of("/data/videos/ytHe8aJyjfk.mp4", "fivr") == "ytHe8aJyjfk"
    assert name_of("/data/Videos/1/1_1_Y.wmv", "cc_web") == "1/1_1_Y"


def test_a_copy_that_is_found_first_has_precision_one(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = tmp_path / "svd"
    (data / "videos").mkdir(parents=True)
    (data / "metadata").mkdir()
    for name in ("coffee", "street", "bottles"):
        shutil.copy(CLIPS / f"{name}.mp4", data / "videos" / f"{name}.mp4")
    copy = ["ffmpeg", "-v", "error", "-i", CLIPS / "coffee.mp4", "-vf", "eq=brightness=0.1", "-an"]
    subprocess.run([*copy, data / "videos" / "copy.mp4"], check=True)
    (data / "metadata" / "groundtruth").write_text("coffee.mp4 copy.mp4 1\ncoffee.mp4 street.mp4 0\nq.mp4 a.mp4 1\n")
    (data / "metadata" / "unlabeled-data-id").write_text("bottles.mp4\n")
    asked = ["--dataset", "svd", "--data", str(data), "--output", str(tmp_path / "out")]
    assert QUESTION.main(asked) == 0
    printed = capsys.readouterr().out
    assert "svd: 1 of 2 queries, 4 videos, 0 more that could not be decoded." in printed
    assert "1.0000" in printed
    (data / "metadata" / "groundtruth").write_text("q.mp4 a.mp4 1\n")
    assert QUESTION.main(asked) == 2
    assert f"error: {data}: none of the 1 queries is among its videos" in capsys.readouterr().err
