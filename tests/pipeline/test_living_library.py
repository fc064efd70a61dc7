"""A library that lives: folders are renamed, files touched, copied and deleted, and cliptrace index follows."""

from __future__ import annotations

import json
import os
import re
import shutil
from pathlib import Path

import pytest

from cliptrace.pipelines import cli
from cliptrace.transforms.store.gallery import read_videos
from tests.pipeline.gallery_reading import index, load, stored, without_columns


@pytest.fixture
def lib(own: Path, capsys: pytest.CaptureFixture[str]) -> Path:
    """A library of one's own, of which the gallery beside it knows the places."""
    session = Path(read_videos(load(own / "gallery"))["bottles.mp4"].uri).parent
    assert run(capsys, "relocate", session, own / "videos", "--gallery", own / "gallery")[0] == 0
    return own / "videos"


def run(capsys: pytest.CaptureFixture[str], *arguments: str | Path) -> tuple[int, str, dict[str, str]]:
    """Exit code, standard output and what the summary says of cliptrace gallery."""
    code = cli.main(["gallery", *map(str, arguments)])
    out, err = capsys.readouterr()
    return code, out, summary(err)


def summary(text: str) -> dict[str, str]:
    return dict(re.findall(r"^([a-z ,]+): (.*)$", without_columns(text), re.MULTILINE))


def update(capsys: pytest.CaptureFixture[str], lib: Path, *options: str | Path) -> dict[str, str]:
    """What the summary of a run that embeds nothing says."""
    code, text = index(capsys, lib, "--gallery", lib.parent / "gallery", *options)
    said = summary(text)
    assert (code, said.pop("keyframes")) == (0, "0"), text
    return {
        name: said[name]
        for name in ("moved", "same content as known", "gone", "gone, taken out", "out of reach")
        if name in said
    }


def places(lib: Path) -> dict[str, str]:
    """Where the videos are, below the folder above the library."""
    videos = read_videos(load(lib.parent / "gallery"))
    return {video_id: os.path.relpath(video.uri, lib.parent) for video_id, video in sorted(videos.items())}


def test_relocate(lib: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert places(lib) == {v: f"videos/{v}" for v in ("bottles.mp4", "cut.mp4", "sub/cars.mp4")}
    lib.rename(lib.parent / "media")
    (lib.parent / "media" / "cut.mp4").unlink()
    gallery = lib.parent / "gallery"
    code, _, said = run(capsys, "relocate", lib, lib.parent / "media", "--gallery", gallery)
    assert (code, said["moved"]) == (3, "2 (bottles.mp4, sub/cars.mp4)")
    assert said["not there, left as they were"] == "1 (cut.mp4)"
    assert run(capsys, "verify", "--gallery", gallery)[0] == 0
    assert update(capsys, lib.parent / "media") == {}


def test_renamed_folders_touched_files_and_copies(lib: Path, capsys: pytest.CaptureFixture[str]) -> None:
    gallery, rows = lib.parent / "gallery", stored(lib.parent / "gallery")
    lib = lib.rename(lib.parent / "media")
    assert update(capsys, lib) == {"moved": "3 (bottles.mp4, cut.mp4, sub/cars.mp4)"}
    (lib / "sub").rename(lib / "roads")
    os.utime(lib / "bottles.mp4", (1, 1))
    shutil.copy(lib / "cut.mp4", lib / "roads" / "again.mp4")
    code, out, err = rehearsed(capsys, lib)
    assert (code, out) == (0, [])
    assert (err["moved"], err["same content as known"]) == ("1 (sub/cars.mp4)", "1 (roads/again.mp4)")
    assert update(capsys, lib, "--report", lib.parent / "report.json") == {
        "moved": "1 (sub/cars.mp4)",
        "same content as known": "1 (roads/again.mp4)",
    }
    counted = json.loads((lib.parent / "report.json").read_text())["videos"]
    counts = {name: counted[name] for name in ("indexed", "moved", "copies", "gone", "pruned", "unchanged")}
    assert counts == {"indexed": 0, "moved": 1, "copies": 1, "gone": 0, "pruned": 0, "unchanged": 2}
    assert places(lib) == {
        "bottles.mp4": "media/bottles.mp4",
        "cut.mp4": "media/cut.mp4",
        "roads/again.mp4": "media/roads/again.mp4",
        "sub/cars.mp4": "media/roads/cars.mp4",
    }
    assert stored(gallery) == {**rows, "roads/again.mp4": rows["cut.mp4"]}
    assert update(capsys, lib) == {}
    _, shown, _ = run(capsys, "show", lib / "roads" / "cars.mp4", "--gallery", gallery)
    assert summary(shown)["video"] == "sub/cars.mp4"
    assert run(capsys, "verify", "--gallery", gallery)[0] == 0
    assert run(capsys, "compact", "--gallery", gallery)[0] == 0
    assert run(capsys, "verify", "--gallery", gallery)[0] == 0
    output = lib.parent / "m.jsonl"
    assert cli.main(["match", str(lib / "roads"), "--gallery", str(gallery), "--output", str(output)]) == 0
    named = {json.loads(line)["ref_uri"] for line in output.read_text().splitlines()}
    assert named == {f"{lib}/cut.mp4", f"{lib}/roads/again.mp4", f"{lib}/roads/cars.mp4"}


def rehearsed(capsys: pytest.CaptureFixture[str], lib: Path, *options: str) -> tuple[int, list[str], dict[str, str]]:
    code = cli.main(["index", str(lib), "--gallery", str(lib.parent / "gallery"), "--dry-run", *options])
    out, err = capsys.readouterr()
    return code, out.splitlines(), summary(err)


def test_deleted_files_are_told_and_taken_out_when_asked(lib: Path, capsys: pytest.CaptureFixture[str]) -> None:
    gallery = lib.parent / "gallery"
    shutil.rmtree(lib / "sub")
    assert update(capsys, lib) == {"gone": "1 (sub/cars.mp4); take them out with --prune"}
    assert run(capsys, "prune", lib, "--dry-run", "--gallery", gallery)[:2] == (0, "sub/cars.mp4\n")
    assert rehearsed(capsys, lib, "--prune")[2]["gone, to be taken out"] == "1 (sub/cars.mp4)"
    assert len(stored(gallery)) == 3
    (lib / "sub").mkdir()
    assert update(capsys, lib, "--prune") == {
        "out of reach": "1 (sub/cars.mp4); their folder is empty or cannot be read: is its disk mounted?"
    }
    assert len(stored(gallery)) == 3
    (lib / "sub").rmdir()
    assert update(capsys, lib, "--prune") == {"gone, taken out": "1 (sub/cars.mp4)"}
    assert list(stored(gallery)) == ["bottles.mp4", "cut.mp4"]
    assert run(capsys, "verify", "--gallery", gallery)[0] == 0
    (lib / "cut.mp4").unlink()
    assert run(capsys, "prune", lib, "--gallery", gallery)[2]["gone, taken out"] == "1 (cut.mp4)"
    assert list(stored(gallery)) == ["bottles.mp4"]


def test_what_is_not_there_at_all_is_never_pruned(lib: Path, capsys: pytest.CaptureFixture[str]) -> None:
    gallery = lib.parent / "gallery"
    lib.rename(lib.parent / "unmounted")
    for arguments in (["index", str(lib), "--prune"], ["gallery", "prune", str(lib)]):
        code = cli.main([*arguments, "--gallery", str(gallery)])
        assert (code, capsys.readouterr().err.startswith(f"cliptrace: error: {lib}: no such f")) == (2, True)
    lib.mkdir()
    for arguments in (["index", str(lib), "--prune"], ["gallery", "prune", str(lib)]):
        assert cli.main([*arguments, "--gallery", str(gallery)]) == 2
    lib.rmdir()
    file = lib.parent / "unmounted" / "bottles.mp4"
    capsys.readouterr()
    assert cli.main(["index", str(file), "--prune", "--gallery", str(gallery)]) == 2
    assert capsys.readouterr().err == (
        "cliptrace: error: --prune takes out what is gone from a folder, and no SOURCE is one\n"
    )
    assert len(stored(gallery)) == 3
