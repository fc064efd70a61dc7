"""cliptrace explain, as a person runs it."""

from __future__ import annotations

import subprocess
from pathlib import Path

import cv2
import pytest

from cliptrace.pipelines import cli
from tests.pipeline.conftest import CLIPS


def test_a_picture_is_drawn(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "why.png"
    assert cli.main(["explain", str(CLIPS / "coffee.mp4"), "--output", str(file)]) == 0
    picture = cv2.imread(str(file))
    assert picture is not None
    assert picture[22:, 92:].std() > 20
    assert capsys.readouterr().out.startswith(f"{file}: ")


def test_what_is_wrong_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    broken = tmp_path / "broken.mp4"
    broken.write_text("this is no video")
    assert cli.main(["explain", str(broken), "--output", str(tmp_path / "why.png")]) == 1
    assert f"cliptrace: error: {broken}: " in capsys.readouterr().err
    black = tmp_path / "black.mp4"
    subprocess.run(["ffmpeg", "-v", "error", "-f", "lavfi", "-i", "color=black:s=64x64:d=2", black], check=True)
    assert cli.main(["explain", str(black), "--output", str(tmp_path / "why.png")]) == 1
    assert capsys.readouterr().err == f"cliptrace: error: {black}: shows nothing but one colour in its first 72 s\n"
    assert cli.main(["explain", str(CLIPS / "coffee.mp4"), "--output", str(tmp_path / "no" / "why.png")]) == 2
    assert (
        capsys.readouterr().err == f"cliptrace: error: {tmp_path}/no/why.png: cannot write: No such file or directory\n"
    )
    assert cli.main(["explain", str(CLIPS / "coffee.mp4"), "--output", "x.png", "--weights", str(tmp_path)]) == 2
    assert capsys.readouterr().err.startswith(f"cliptrace: error: {tmp_path}/config.json: cannot read: ")
