"""cliptrace dedup --once as a person runs it: copies, parts, strangers and broken files that come together."""

from __future__ import annotations

import contextlib
import io
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cliptrace.pipelines import cli

CLIPS = Path(__file__).parents[1] / "data" / "clips"


@pytest.fixture(scope="session")
def uploads(tmp_path_factory: pytest.TempPathFactory, ffmpeg: Callable[..., None]) -> Path:
    folder = tmp_path_factory.mktemp("uploads")
    for name in ("bottles", "juggling", "street"):
        shutil.copy(CLIPS / f"{name}.mp4", folder)
    shutil.copy(CLIPS / "bottles.mp4", folder / "bottles-again.mp4")
    ffmpeg("-i", CLIPS / "juggling.mp4", "-vf", "scale=240:-2", "-crf", 32, folder / "juggling-small.mp4")
    ffmpeg("-i", CLIPS / "street.mp4", "-vf", "hue=s=0", folder / "street-grey.mp4")
    (folder / "broken.mp4").write_text("no video")
    (folder / "empty.mp4").write_text("")
    return folder


def dedup(*arguments: str | Path) -> tuple[int, str]:
    with contextlib.redirect_stderr(io.StringIO()) as text:
        code = cli.main(["dedup", *map(str, arguments)])
    return code, text.getvalue()


def lines(output: Path, kind: str = "verdicts") -> list[dict[str, Any]]:
    shards = sorted(output.glob(f"{kind}-*.jsonl"))
    return [json.loads(line) for shard in shards for line in shard.read_text().splitlines()]


def said(output: Path) -> dict[str, str]:
    return {line["video_id"]: line["canonical_id"] for line in lines(output)}


def groups(output: Path) -> set[frozenset[str]]:
    final = said(output)
    return {frozenset(v for v in final if final[v] == canonical) for canonical in final.values()}


@pytest.fixture(scope="session")
def first_dedup(uploads: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[int, str, Path]:
    root = tmp_path_factory.mktemp("dedup")
    code, text = dedup(
        "--watch", uploads, "--gallery", root / "gallery", "--output", root / "out", "--once", "--poll", "0.5"
    )
    return code, text, root


def test_each_group_has_one_canonical(first_dedup: tuple[int, str, Path]) -> None:
    code, text, root = first_dedup
    assert code == 3
    assert groups(root / "out") == {
        frozenset({"bottles.mp4", "bottles-again.mp4"}),
        frozenset({"juggling.mp4", "juggling-small.mp4"}),
        frozenset({"street.mp4", "street-grey.mp4"}),
    }
    assert "canonical:      3\nduplicates:     3\n" in text


@pytest.fixture(scope="session")
def pieces(tmp_path_factory: pytest.TempPathFactory, ffmpeg: Callable[..., None]) -> Path:
    """Five seconds of street, and a video that shows them between those of others."""
    folder = tmp_path_factory.mktemp("pieces")
    ffmpeg("-ss", 3, "-t", 5, "-i", CLIPS / "street.mp4", folder / "street-clip.mp4")
    inputs = ("-t", 8, "-i", CLIPS / "coffee.mp4", "-i", folder / "street-clip.mp4", "-t", 8, "-i", CLIPS / "cars.mp4")
    parts = "".join(f"[{number}:v]scale=320:240,setsar=1,fps=25[{number}];" for number in range(3))
    ffmpeg(*inputs, "-filter_complex", f"{parts}[0][1][2]concat=n=3", "-an", folder / "compilation.mp4")
    return folder


def judged_in_turn(root: Path, *uploads: Path) -> dict[str, dict[str, Any]]:
    """The last event of each; all are judged before the next comes."""
    (root / "in").mkdir(parents=True)
    for upload in uploads:
        shutil.copy(upload, root / "in")
        options = ("--gallery", root / "g", "--output", root / "o", "--once", "--poll", "0.1")
        assert dedup("--watch", root / "in", *options)[0] == 0
    return {line["video_id"]: line for line in lines(root / "o")}


def ends(segment: dict[str, Any]) -> list[float]:
    return [segment[name] for name in ("query_start", "query_end", "ref_start", "ref_end")]


def test_a_clip_out_of_a_film_is_its_duplicate_with_its_seconds(pieces: Path, tmp_path: Path) -> None:
    final = judged_in_turn(tmp_path, CLIPS / "street.mp4", pieces / "street-clip.mp4")
    assert final["street.mp4"]["verdict"] == "canonical"
    clip = final["street-clip.mp4"]
    assert (clip["verdict"], clip["canonical_id"], clip["whole"]) == ("duplicate_of", "street.mp4", False)
    (segment,) = clip["segments"]
    assert ends(segment) == pytest.approx([0, 5, 3, 8], abs=0.7)


def test_what_contains_a_clip_is_no_duplicate_of_it(pieces: Path, tmp_path: Path) -> None:
    final = judged_in_turn(
        tmp_path, pieces / "street-clip.mp4", CLIPS / "street.mp4", pieces / "compilation.mp4", CLIPS / "cars.mp4"
    )
    assert {video: (line["verdict"], line["canonical_id"]) for video, line in final.items()} == {
        "street-clip.mp4": ("canonical", "street-clip.mp4"),
        "street.mp4": ("overlaps", "street.mp4"),
        "compilation.mp4": ("overlaps", "compilation.mp4"),
        "cars.mp4": ("overlaps", "cars.mp4"),
    }
    seconds = {overlap["matched_id"]: overlap for overlap in final["compilation.mp4"]["overlaps"]}
    assert seconds.keys() == {"street-clip.mp4", "street.mp4"}
    assert ends(seconds["street.mp4"]["segments"][0]) == pytest.approx([8, 13, 3, 8], abs=0.7)
    assert seconds["street-clip.mp4"]["other_share"] > 0.8
    assert ends(final["street.mp4"]["segments"][0]) == pytest.approx([3, 8, 0, 5], abs=0.7)
    # Stored keyframes of both are compared, which are up to 1.5 s apart here.
    assert ends(final["cars.mp4"]["segments"][0]) == pytest.approx([0, 8, 13, 21], abs=1.2)


def test_what_cannot_be_used_is_one_dead_letter_each(first_dedup: tuple[int, str, Path]) -> None:
    failures = {line["video_id"]: line["message"] for line in lines(first_dedup[2] / "out", "failures")}
    assert failures["empty.mp4"] == "file is empty (0 bytes)"
    assert failures["broken.mp4"].startswith("not a video: ")
    assert len(lines(first_dedup[2] / "out", "failures")) == len(failures) == 2


def test_a_second_run_says_nothing_new_and_a_later_upload_is_judged(
    first_dedup: tuple[int, str, Path], uploads: Path, tmp_path: Path
) -> None:
    root = tmp_path / "copy"
    shutil.copytree(first_dedup[2], root)
    shutil.copytree(uploads, tmp_path / "in")
    options = ("--watch", tmp_path / "in", "--gallery", root / "gallery", "--output", root / "out", "--once")
    before = said(root / "out")
    for path in uploads.iterdir():
        shutil.copystat(path, tmp_path / "in" / path.name)
    code, _ = dedup(*options, "--poll", "0.5")
    assert (code, said(root / "out")) == (0, before)
    shutil.copy(CLIPS / "juggling.mp4", tmp_path / "in" / "juggling-late.mp4")
    shutil.copy(CLIPS / "coffee.mp4", tmp_path / "in" / "coffee.mp4")
    code, text = dedup(*options, "--poll", "0.5")
    assert code == 0
    assert "videos:         2\n" in text
    final = said(root / "out")
    assert final["juggling-late.mp4"] == final["juggling.mp4"]
    assert final["coffee.mp4"] == "coffee.mp4"


def test_a_file_that_is_still_being_written_is_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    watched = tmp_path / "in"
    watched.mkdir()
    growing = watched / "growing.mp4"
    growing.write_bytes((CLIPS / "coffee.mp4").read_bytes()[:5000])
    monkeypatch.setattr("cliptrace.pipelines.dedup.time.sleep", lambda _: growing.open("ab").write(b"more"))
    code, text = dedup("--watch", watched, "--gallery", tmp_path / "g", "--output", tmp_path / "o", "--once")
    assert code == 0
    assert "still growing, left: 1\n" in text
    assert lines(tmp_path / "o") == lines(tmp_path / "o", "failures") == []


def test_a_thousand_empty_files_are_a_thousand_dead_letters(tmp_path: Path) -> None:
    watched = tmp_path / "in"
    watched.mkdir()
    for number in range(1000):
        (watched / f"{number:04}.mp4").touch()
    shutil.copy(CLIPS / "coffee.mp4", watched)
    code, _ = dedup(
        "--watch", watched, "--gallery", tmp_path / "g", "--output", tmp_path / "o", "--once", "--poll", "0.5"
    )
    assert code == 3
    assert said(tmp_path / "o") == {"coffee.mp4": "coffee.mp4"}
    failures = lines(tmp_path / "o", "failures")
    assert len({failure["video_id"] for failure in failures}) == len(failures) == 1000
    assert {failure["message"] for failure in failures} == {"file is empty (0 bytes)"}


def test_what_the_gallery_has_is_canonical(gallery: Path, uploads: Path, tmp_path: Path) -> None:
    shutil.copytree(gallery, tmp_path / "g")
    options = ("--gallery", tmp_path / "g", "--output", tmp_path / "o", "--once", "--poll", "0.5")
    code, _ = dedup("--watch", uploads / "bottles-*.mp4", *options)
    assert code == 0
    (line,) = lines(tmp_path / "o")
    assert (line["verdict"], line["canonical_id"]) == ("duplicate_of", "bottles.mp4")
    assert line["score"] > 0.9


def test_a_policy_is_kept_to(uploads: Path, tmp_path: Path) -> None:
    policy = tmp_path / "policy.toml"
    policy.write_text('not_a_match = [["juggling.mp4", "juggling-small.mp4"]]\n')
    options = ("--gallery", tmp_path / "g", "--output", tmp_path / "o", "--once", "--poll", "0.5")
    code, _ = dedup("--watch", uploads / "juggling*.mp4", "--policy", policy, *options)
    assert code == 0
    assert said(tmp_path / "o") == {name: name for name in ("juggling.mp4", "juggling-small.mp4")}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--policy", "none.toml"), "none.toml: cannot be read: No such file or directory"),
        (("--webhook", "ftp://x"), "--webhook: must be http://… or https://…"),
        (("--poll", "0"), "0 is not a number from 0.1 to 3600"),
    ],
)
def test_wrong_usage_is_told_before_the_work(tmp_path: Path, arguments: tuple[str, str], message: str) -> None:
    with contextlib.redirect_stderr(io.StringIO()) as text, contextlib.suppress(SystemExit):
        options = [
            "--watch",
            str(tmp_path),
            "--gallery",
            str(tmp_path / "g"),
            "--output",
            str(tmp_path / "o"),
            "--once",
        ]
        assert cli.main(["dedup", *options, *arguments]) == 2
    assert message in text.getvalue()
    assert not (tmp_path / "g").exists()
