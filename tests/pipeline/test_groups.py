"""cliptrace groups as a person runs it: a gallery against itself."""

from __future__ import annotations

import contextlib
import io
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

import cliptrace
from cliptrace.pipelines import cli
from cliptrace.pipelines import groups as pipeline
from cliptrace.pipelines.prism import find_prism
from cliptrace.schemas.errors import CliptraceError
from cliptrace.transforms import together
from tests.pipeline.conftest import CLIPS, index, reindex, stop_third_wave
from tests.pipeline.test_match_pipeline import match, rows_of


def groups(*arguments: str | Path | float) -> tuple[int, str]:
    with contextlib.redirect_stderr(io.StringIO()) as text:
        code = cli.main(["groups", *map(str, arguments)])
    return code, text.getvalue()


@pytest.fixture(scope="session")
def shelf(library: Path, tmp_path_factory: pytest.TempPathFactory, ffmpeg: Callable[..., None]) -> Path:
    """The library's gallery, and with it: cars once more, small, and 4 s of them."""
    root = tmp_path_factory.mktemp("shelf")
    shutil.copytree(library / "gallery", root / "gallery")
    shutil.copytree(library / "videos", root / "videos")
    more = root / "more"
    more.mkdir()
    ffmpeg("-i", CLIPS / "cars.mp4", "-vf", "scale=200:-2", "-crf", 28, more / "small.mp4")
    ffmpeg("-ss", 5, "-t", 4, "-i", CLIPS / "cars.mp4", "-vf", "scale=320:-2", "-crf", 28, more / "piece.mp4")
    index(more, "--gallery", root / "gallery")
    return root


@pytest.fixture(scope="session")
def found(shelf: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, list[dict[str, Any]]]:
    output = tmp_path_factory.mktemp("groups") / "groups.jsonl"
    code, text = groups("--gallery", shelf / "gallery", "--output", output)
    assert code == 0, text
    assert [path.name for path in output.parent.iterdir()] == ["groups.jsonl"]
    return text, rows_of(output)


def test_families_are_groups_with_one_to_keep_and_their_parts(found: tuple[str, list[dict[str, Any]]]) -> None:
    text, rows = found
    families = [(row["keep"], {member["id"] for member in row["members"]}) for row in rows]
    assert families == [
        ("bottles.mp4", {"bottles.mp4", "same.mp4"}),
        ("cars.mp4", {"cars.mp4", "small.mp4"}),
    ]
    assert {member["id"]: member["score"] for member in rows[0]["members"]} == {"bottles.mp4": 1.0, "same.mp4": 1.0}
    (part,) = rows[0]["parts"]
    assert {part["query_id"], part["ref_id"]} == {"bottles.mp4", "part.mp4"}
    assert all("piece.mp4" in (part["query_id"], part["ref_id"]) for part in rows[1]["parts"])
    for line in (
        "groups of copies:        2\n",
        "videos in groups:        4 (the largest has 2)\n",
        "pairs that share a part: 3\n",
        "failures:                0\n",
    ):
        assert line in text
    assert text.startswith("videos:                  6 in ")


def test_the_pairs_are_those_of_a_match_of_every_video(
    found: tuple[str, list[dict[str, Any]]], shelf: Path, tmp_path: Path
) -> None:
    output = tmp_path / "m.jsonl"
    options = ("--min-score", 0.8, "--output", output)
    assert match("--from-gallery", shelf / "gallery", "--gallery", shelf / "gallery", *options)[0] == 0
    pairs = {frozenset((row["query_id"], row["ref_id"])) for row in rows_of(output)}
    told = {frozenset((part["query_id"], part["ref_id"])) for row in found[1] for part in row["parts"]}
    groups_of = {member["id"]: row["group"] for row in found[1] for member in row["members"]}
    pairs.remove(frozenset(("part.mp4", "same.mp4")))  # of equal files one is compared
    for one, other in map(sorted, pairs):
        assert frozenset((one, other)) in told or groups_of[one] == groups_of[other]
    assert told <= pairs


def test_the_rule_and_the_score_are_given(shelf: Path, tmp_path: Path) -> None:
    output = tmp_path / "g.parquet"
    assert (
        groups("--gallery", shelf / "gallery", "--output", output, "--keep", "length,oldest", "--min-score", 1)[0] == 0
    )
    (row,) = pq.read_table(output).to_pylist()
    assert (row["keep"], row["count"], row["parts"]) == ("bottles.mp4", 2, [])


def test_what_was_stopped_goes_on(
    shelf: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, found: tuple[str, list[dict[str, Any]]]
) -> None:
    output, runs = tmp_path / "g.jsonl", stop_third_wave(monkeypatch, pipeline)
    code, text = groups("--gallery", shelf / "gallery", "--output", output)
    kept = "2 of 5 queries are kept; the same command with --resume goes on with them"
    assert (code, text.splitlines()[-1]) == (1, f"cliptrace: stopped; {kept}")
    code, text = groups("--gallery", shelf / "gallery", "--output", output, "--resume")
    assert (code, len(runs)) == (0, 6), text
    assert "compared before:         2\n" in text
    assert rows_of(output) == found[1]


def test_prism_finds_what_this_process_finds(
    shelf: Path, tmp_path: Path, found: tuple[str, list[dict[str, Any]]]
) -> None:
    try:
        prism = find_prism()
    except CliptraceError as error:
        pytest.skip(str(error))
    output = tmp_path / "g.jsonl"
    runner = ("--runner=PrismRunner", f"--prism_location={prism}", "--prism_log_level=error")
    code, text = groups("--gallery", shelf / "gallery", "--output", output, "--", *runner)
    assert code == 0, text
    assert rows_of(output) == found[1]


def test_a_video_of_which_not_all_pairs_are_compared_is_told(
    shelf: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(together, "_MOST", 1)
    code, text = groups("--gallery", shelf / "gallery", "--output", tmp_path / "g.jsonl")
    assert code == 0
    assert "more pairs than are compared: 1 (cars.mp4)\n" in text


def test_a_removed_video_is_in_no_group(shelf: Path, tmp_path: Path) -> None:
    shutil.copytree(shelf / "gallery", tmp_path / "gallery")
    assert cli.main(["gallery", "remove", "small.mp4", "--gallery", str(tmp_path / "gallery")]) == 0
    output = tmp_path / "g.jsonl"
    assert groups("--gallery", tmp_path / "gallery", "--output", output)[0] == 0
    assert "small.mp4" not in output.read_text()


def test_a_gallery_without_videos_has_no_groups(tmp_path: Path) -> None:
    cliptrace.Gallery.create(tmp_path / "g")
    code, text = groups("--gallery", tmp_path / "g", "--output", tmp_path / "g.jsonl")
    assert (code, (tmp_path / "g.jsonl").read_text()) == (0, "")
    assert "groups of copies:        0\n" in text


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (["--gallery", "nowhere"], "nowhere: no gallery here (no gallery.json); make one with cliptrace index"),
        (["--output", "g.csv"], "--output g.csv: the name must end in .jsonl or .parquet"),
        (
            ["--", "--template_location=/t"],
            "--template_location: groups are made when all pairs are compared; a template ends before",
        ),
    ],
)
def test_what_is_wrong_is_told(shelf: Path, tmp_path: Path, arguments: list[str], problem: str) -> None:
    given = {"--gallery": str(shelf / "gallery"), "--output": str(tmp_path / "g.jsonl")}
    rest = arguments if arguments[0] == "--" else []
    given |= {} if rest else dict([arguments])
    options = [each for pair in given.items() for each in pair]
    assert groups(*options, *rest) == (2, f"cliptrace: error: {problem}\n")


def test_a_rule_that_is_none_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        cli.main(["groups", "--gallery", "g", "--output", "o.jsonl", "--keep", "resolution,newest"])
    assert capsys.readouterr().err.endswith(
        "argument --keep: no rule is called 'newest'; there are resolution, bitrate, length, oldest\n"
    )


def test_what_a_person_has_rejected_is_no_group_and_no_match(shelf: Path, tmp_path: Path) -> None:
    """Videos of the same bytes, too."""
    gallery, output = tmp_path / "gallery", tmp_path / "g.jsonl"
    shutil.copytree(shelf / "gallery", gallery)
    with contextlib.redirect_stderr(io.StringIO()):
        for pair in (("cars.mp4", "small.mp4"), ("bottles.mp4", "same.mp4")):
            assert cli.main(["gallery", "reject", *pair, "--gallery", str(gallery)]) == 0
    code, text = groups("--gallery", gallery, "--output", output)
    assert code == 0
    assert "rejected before:         2\n" in text
    assert not [row for row in rows_of(output) if row["group"]]
    found = tmp_path / "m.jsonl"
    code, text = match("--from-gallery", gallery, "--gallery", gallery, "--output", found)
    assert code == 0
    assert "rejected before:         4 (in whole or in part)\n" in text
    pairs = {frozenset((row["query_id"], row["ref_id"])) for row in rows_of(found)}
    assert frozenset(("cars.mp4", "piece.mp4")) in pairs
    assert not pairs & {frozenset(("cars.mp4", "small.mp4")), frozenset(("bottles.mp4", "same.mp4"))}


@pytest.fixture(scope="session")
def described(shelf: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    gallery = tmp_path_factory.mktemp("described") / "gallery"
    shutil.copytree(shelf / "gallery", gallery)
    assert reindex(gallery, "parts")[0] == 0
    return gallery


def test_groups_of_near_videos_are_those_of_all(
    described: Path,
    tmp_path: Path,
    found: tuple[str, list[dict[str, Any]]],
) -> None:
    output = tmp_path / "g.jsonl"
    code, told = groups("--gallery", described, "--output", output, "--by", "descriptor")
    assert code == 0, told
    assert rows_of(output) == found[1]
    assert [path.name for path in tmp_path.iterdir()] == ["g.jsonl"]


def test_groups_by_descriptors_that_were_stopped_go_on(
    described: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    found: tuple[str, list[dict[str, Any]]],
) -> None:
    stop_third_wave(monkeypatch, pipeline)
    arguments = ("--gallery", described, "--output", tmp_path / "g.jsonl", "--by", "descriptor")
    assert groups(*arguments)[0] == 1
    assert groups(*arguments[:-2], "--resume")[1].startswith("cliptrace: error: --resume: what is kept in ")
    assert groups(*arguments, "--resume")[0] == 0
    assert rows_of(tmp_path / "g.jsonl") == found[1]
