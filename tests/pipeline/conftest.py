"""A gallery of real clips, indexed once a session; tests that change it take a copy."""

from __future__ import annotations

import contextlib
import io
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from cliptrace.pipelines import cli
from tests import encoding

CLIPS = Path(__file__).parents[1] / "data" / "clips"


@pytest.fixture(scope="session")
def ffmpeg() -> Callable[..., None]:
    """ffmpeg(*arguments): its last is the file to write."""
    return encoding.ffmpeg


@pytest.fixture(scope="session")
def videos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """bottles and cars, cars once more but cut off in the middle of its file, and one that is no video."""
    folder = tmp_path_factory.mktemp("session") / "videos"
    (folder / "sub").mkdir(parents=True)
    shutil.copy(CLIPS / "bottles.mp4", folder)
    shutil.copy(CLIPS / "cars.mp4", folder / "sub")
    whole = folder / "whole.mp4"
    subprocess.run(
        ["ffmpeg", "-v", "error", "-i", CLIPS / "juggling.mp4", "-c", "copy", "-movflags", "faststart", whole],
        check=True,
        timeout=60,
    )
    (folder / "cut.mp4").write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
    whole.unlink()
    (folder / "broken.mp4").write_text("this is no video")
    (folder / "readme.txt").write_text("not looked at")
    return folder


@pytest.fixture(scope="session")
def first_run(videos: Path) -> tuple[int, str]:
    """Exit code and standard error of the run that made the gallery beside the videos."""
    with contextlib.redirect_stderr(io.StringIO()) as text:
        code = cli.main(["index", str(videos), "--gallery", str(videos.parent / "gallery")])
    return code, text.getvalue()


@pytest.fixture(scope="session")
def gallery(videos: Path, first_run: tuple[int, str]) -> Path:
    """Read only."""
    return videos.parent / "gallery"


@pytest.fixture
def own(gallery: Path, videos: Path, tmp_path: Path) -> Path:
    """A folder with copies of videos/ and gallery/, the videos with their times."""
    shutil.copytree(gallery, tmp_path / "gallery")
    shutil.copytree(videos, tmp_path / "videos", copy_function=shutil.copy2)
    return tmp_path


def stop_third_wave(monkeypatch: pytest.MonkeyPatch, pipeline: ModuleType) -> list[int]:
    """Waves of one video, and Ctrl-C in the third of them. The list grows with each."""
    run, runs = pipeline.run_pipeline, []

    def stopping(*arguments: Any) -> None:
        runs.append(len(runs))
        if len(runs) == 3:
            raise KeyboardInterrupt
        run(*arguments)

    monkeypatch.setattr(pipeline, "STORED_WAVE", (1, 1 << 40))
    monkeypatch.setattr(pipeline, "run_pipeline", stopping)
    return runs


def index(*arguments: str | Path) -> None:
    with contextlib.redirect_stderr(io.StringIO()) as text:
        assert cli.main(["index", *map(str, arguments)]) == 0, text.getvalue()


@pytest.fixture(scope="session")
def library(tmp_path_factory: pytest.TempPathFactory, ffmpeg: Callable[..., None]) -> Path:
    """videos/: bottles, the same bytes under another name, 10 s of bottles re-encoded, cars; gallery/ of them; and
    other/, a gallery of a copy of the cars alone, and of a baseball player. Neither has descriptors."""
    root = tmp_path_factory.mktemp("library")
    videos, others = root / "videos", root / "others"
    videos.mkdir()
    others.mkdir()
    shutil.copy(CLIPS / "bottles.mp4", videos / "bottles.mp4")
    shutil.copy(CLIPS / "bottles.mp4", videos / "same.mp4")
    ffmpeg("-ss", 4, "-t", 10, "-i", CLIPS / "bottles.mp4", "-vf", "scale=320:-2", "-crf", 30, videos / "part.mp4")
    shutil.copy(CLIPS / "cars.mp4", videos / "cars.mp4")
    ffmpeg("-i", CLIPS / "cars.mp4", "-vf", "scale=320:-2", "-crf", 28, others / "small.mp4")
    shutil.copy(CLIPS / "cars.mp4", others / "cars.mp4")
    shutil.copy(CLIPS / "baseball.mp4", others / "baseball.mp4")
    index(videos, "--gallery", root / "gallery", "--descriptor", "none")
    index(others, "--gallery", root / "other", "--descriptor", "none")
    return root


def reindex(gallery: Path, descriptor: str) -> tuple[int, str]:
    """Exit code and standard error of ``gallery reindex --descriptor``."""
    with contextlib.redirect_stderr(io.StringIO()) as text:
        code = cli.main(["gallery", "reindex", "--descriptor", descriptor, "--gallery", str(gallery)])
    return code, text.getvalue()


@pytest.fixture(scope="session")
def ranked(library: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The library's gallery with means, made of what it stores. Read only."""
    gallery = tmp_path_factory.mktemp("ranked") / "gallery"
    shutil.copytree(library / "gallery", gallery)
    code, told = reindex(gallery, "mean")
    assert code == 0
    assert "descriptor: mean (256 dimensions)\n" in told
    return gallery


@pytest.fixture(scope="session")
def queries(tmp_path_factory: pytest.TempPathFactory, ffmpeg: Callable[..., None]) -> Path:
    """8 s of the cars, worn; black; one frame; what is no video; a picture."""
    folder = tmp_path_factory.mktemp("queries")
    ffmpeg("-ss", 3, "-t", 8, "-i", CLIPS / "cars.mp4", "-vf", "scale=240:-2", "-crf", 30, folder / "cars.mp4")
    ffmpeg("-f", "lavfi", "-i", "color=black:s=320x240:d=4", folder / "black.mp4")
    ffmpeg("-ss", 6, "-i", CLIPS / "bottles.mp4", "-frames:v", 1, folder / "one.mp4")
    ffmpeg("-ss", 6, "-i", CLIPS / "bottles.mp4", "-frames:v", 1, folder / "picture.png")
    (folder / "broken.mp4").write_text("no video")
    return folder
