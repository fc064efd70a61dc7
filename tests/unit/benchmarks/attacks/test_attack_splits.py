"""Families never mix, and what shows the same is found."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest

from benchmarks.attacks import splits
from benchmarks.attacks.media import ffmpeg, grey_thumbs
from benchmarks.attacks.splits import FAMILIES, FOLDERS, Footage, find_footage, left_out, representatives, split_of
from benchmarks.attacks.twins import TWIN, likeness
from cliptrace.schemas.errors import UsageError


def test_no_folder_belongs_to_two_splits() -> None:
    for one, other in itertools.permutations((folder for folders in FOLDERS.values() for folder in folders), 2):
        assert not one.startswith(other)


def test_a_family_stays_in_one_split_and_keeps_its_representative() -> None:
    for family in FAMILIES:
        assert len({split_of(path) for path in (*family.keep, *family.members)}) == 1, family
        assert not any(left_out(path) for path in family.keep), family


def test_representatives_are_one_of_each_family() -> None:
    paths = (
        "mmaction2/demo.mp4",
        "mmaction2/stdet_demo.mp4",
        "mmaction2/test2.mp4",
        "mmaction2/test2_demo.mp4",
        "ask_anything/yoga.mp4",
        "ask_anything/making_cake.mp4",
        "somewhere_else/clip.mp4",
    )
    footage = Footage(Path("footage"), paths, families=True)
    assert representatives(footage, "test") == ["mmaction2/demo.mp4", "mmaction2/test2.mp4"]
    assert representatives(footage, "validation") == ["ask_anything/yoga.mp4", "ask_anything/making_cake.mp4"]
    with pytest.raises(UsageError, match="0 videos of split train"):
        representatives(footage, "train")


def test_without_footage_the_clips_of_the_repository_serve_every_split(
    pattern_folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("CLIPTRACE_FOOTAGE", raising=False)
    monkeypatch.setattr(splits, "_REPOSITORY_CLIPS", pattern_folder)
    footage = find_footage()
    assert "CLIPTRACE_FOOTAGE is unset" in capsys.readouterr().err
    assert representatives(footage, "train") == representatives(footage, "test") == list(footage.paths)
    assert len(footage.paths) == 3


def test_a_folder_without_videos_or_manifest_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UsageError, match="0 videos; at least 2 are needed"):
        splits.scan_folder(tmp_path)
    monkeypatch.setenv("CLIPTRACE_FOOTAGE", str(tmp_path))
    with pytest.raises(UsageError, match="must name a folder with a MANIFEST"):
        find_footage()


def test_a_mirrored_part_at_another_size_is_a_twin(pattern_folder: Path, tmp_path: Path) -> None:
    part = tmp_path / "part.mp4"
    ffmpeg("-ss", "1", "-t", "2", "-i", str(pattern_folder / "cells.mp4"), "-vf", "hflip,scale=96:64", str(part))
    original, other = (grey_thumbs(pattern_folder / name, 16, 25) for name in ("cells.mp4", "fractal.mp4"))
    copy = grey_thumbs(part, 16, 25)
    assert likeness(original, copy) > TWIN
    assert likeness(other, copy) < TWIN
