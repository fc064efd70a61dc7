"""cliptrace match --from-gallery: a gallery's stored keyframes as queries, nothing decoded."""

from __future__ import annotations

import contextlib
import datetime
import io
import json
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import cliptrace
from cliptrace.pipelines import cli
from cliptrace.pipelines import match as pipeline
from cliptrace.pipelines.prism import find_prism
from cliptrace.schemas.errors import CliptraceError
from tests.pipeline.conftest import index, stop_third_wave
from tests.pipeline.test_match_pipeline import match, rows_of

CLIPS = Path(__file__).parents[1] / "data" / "clips"
TOLERANCE_S = 1.75
"""Two keyframes of ske:balanced are no farther from one another."""


def pairs(rows: list[dict[str, Any]]) -> set[tuple[str, str]]:
    return {(row["query_id"], row["ref_id"]) for row in rows}


@pytest.fixture(scope="session")
def found(library: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, list[dict[str, Any]]]:
    """Standard error and rows of the gallery against itself."""
    output = tmp_path_factory.mktemp("found") / "m.jsonl"
    code, text = match("--from-gallery", library / "gallery", "--gallery", library / "gallery", "--output", output)
    assert code == 0, text
    return text, rows_of(output)


def test_a_gallery_is_asked_with_itself_and_nothing_is_found_in_itself(
    found: tuple[str, list[dict[str, Any]]], library: Path
) -> None:
    text, rows = found
    family = ("bottles.mp4", "part.mp4", "same.mp4")
    assert pairs(rows) == {(one, other) for one in family for other in family if one != other}
    exact = {(row["query_id"], row["ref_id"]) for row in rows if row["exact"]}
    assert exact == {("bottles.mp4", "same.mp4"), ("same.mp4", "bottles.mp4")}
    (row,) = (row for row in rows if (row["query_id"], row["ref_id"]) == ("part.mp4", "bottles.mp4"))
    assert (row["query_uri"], row["ref_uri"]) == tuple(str(library / "videos" / n) for n in ("part.mp4", "bottles.mp4"))
    segment = max(row["segments"], key=lambda each: each["score"])
    for key, seconds in (("query_start", 0), ("query_end", 10), ("ref_start", 4), ("ref_end", 14)):
        assert segment[key] == pytest.approx(seconds, abs=TOLERANCE_S)
    assert "queries without a match: 1 (cars.mp4)\n" in text
    assert "videos:                  4\n" in text


def test_no_file_is_opened(library: Path, tmp_path: Path, found: tuple[str, list[dict[str, Any]]]) -> None:
    """The videos are gone from the disk, and the answer is the same."""
    shutil.copytree(library / "gallery", tmp_path / "gallery")
    moved = library / "elsewhere"
    (library / "videos").rename(moved)
    try:
        output = tmp_path / "m.jsonl"
        assert (
            match("--from-gallery", tmp_path / "gallery", "--gallery", tmp_path / "gallery", "--output", output)[0] == 0
        )
    finally:
        moved.rename(library / "videos")
    assert rows_of(output) == found[1]


def test_decoding_again_finds_the_same_pairs(
    found: tuple[str, list[dict[str, Any]]], library: Path, tmp_path: Path
) -> None:
    output = tmp_path / "m.jsonl"
    code, text = match(library / "videos", "--gallery", library / "gallery", "--output", output)
    assert code == 0, text
    decoded = [row for row in rows_of(output) if row["query_id"] != row["ref_id"]]
    assert pairs(decoded) == pairs(found[1])
    stored = {(row["query_id"], row["ref_id"]): row for row in found[1]}
    for row in decoded:
        other = stored[row["query_id"], row["ref_id"]]
        for key in ("query_start", "query_end", "ref_start", "ref_end"):
            assert row["segments"][0][key] == pytest.approx(other["segments"][0][key], abs=TOLERANCE_S)


def test_two_galleries_and_what_is_in_both(library: Path, tmp_path: Path) -> None:
    """Of cars.mp4 both have the same bytes under the same id: it is the same video."""
    output, names = tmp_path / "m.jsonl", tmp_path / "none.jsonl"
    asked = ("--from-gallery", library / "other", "--gallery", library / "gallery", "--output", output)
    code, text = match(*asked, "--unmatched", names, "--maps", tmp_path / "maps")
    assert code == 0, text
    assert pairs(rows_of(output)) == {("small.mp4", "cars.mp4")}
    assert [row["id"] for row in rows_of(names)] == ["baseball.mp4", "cars.mp4"]
    (picture,) = (tmp_path / "maps").iterdir()
    assert picture.name.startswith("small.mp4__cars.mp4__")


def test_since_tells_only_pairs_with_something_new(library: Path, tmp_path: Path, ffmpeg: Callable[..., None]) -> None:
    root, videos, output = tmp_path / "gallery", tmp_path / "videos", tmp_path / "m.jsonl"
    shutil.copytree(library / "gallery", root)
    asked = ("--from-gallery", root, "--gallery", root, "--output", output)
    then = datetime.datetime.now(datetime.UTC)
    assert match(*asked, "--since", then.isoformat())[0] == 0
    assert rows_of(output) == []
    time.sleep(0.01)
    videos.mkdir()
    ffmpeg("-ss", 2, "-t", 8, "-i", CLIPS / "bottles.mp4", "-vf", "scale=300:-2", "-crf", 30, videos / "new.mp4")
    shutil.copy(CLIPS / "bottles.mp4", videos / "again.mp4")
    index(videos, "--gallery", root)
    assert match(*asked, "--since", then.isoformat())[0] == 0
    old = ("bottles.mp4", "part.mp4", "same.mp4")
    wanted = {(new, other) for new in ("new.mp4", "again.mp4") for other in (*old, "new.mp4", "again.mp4")}
    wanted |= {(other, new) for new, other in wanted}
    assert pairs(rows_of(output)) == {pair for pair in wanted if pair[0] != pair[1]}
    assert match(*asked)[0] == 0
    everything = {(row["query_id"], row["ref_id"]): row for row in rows_of(output)}
    assert match(*asked, "--since", "2000-01-01")[0] == 0
    assert {(row["query_id"], row["ref_id"]): row for row in rows_of(output)} == everything


@pytest.mark.parametrize("since", [(), ("--since", "9999d")])
def test_what_was_stopped_goes_on(
    library: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    found: tuple[str, list[dict[str, Any]]],
    since: tuple[str, ...],
) -> None:
    """With a span, too, which is another moment each time."""
    output, runs = tmp_path / "m.jsonl", stop_third_wave(monkeypatch, pipeline)
    asked = ("--from-gallery", library / "gallery", "--gallery", library / "gallery", "--output", output, *since)
    code, text = match(*asked)
    kept = "2 of 4 queries are kept; the same command with --resume goes on with them"
    assert (code, text.splitlines()[-1]) == (1, f"cliptrace: stopped; {kept}")
    code, text = match(*asked, "--resume")
    assert (code, len(runs)) == (0, 5)
    assert "searched before:         2\n" in text
    assert sorted(map(json.dumps, rows_of(output))) == sorted(map(json.dumps, found[1]))


def test_a_removed_query_is_named_no_more(library: Path, tmp_path: Path) -> None:
    shutil.copytree(library / "other", tmp_path / "other")
    assert cli.main(["gallery", "remove", "small.mp4", "--gallery", str(tmp_path / "other")]) == 0
    output = tmp_path / "m.jsonl"
    assert match("--from-gallery", tmp_path / "other", "--gallery", library / "gallery", "--output", output)[0] == 0
    assert rows_of(output) == []


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        ([], "no queries: name videos, or a gallery of videos with --from-gallery DIR"),
        (["a.mp4", "--since", "7d"], "--since is about when videos were indexed: it goes with --from-gallery"),
        (
            ["a.mp4", "--from-gallery", "G"],
            "a.mp4: --from-gallery asks with the videos of a gallery: leave out one of both",
        ),
        (
            ["--from-gallery", "G", "--views", "mirror"],
            "--views is about how queries are decoded, and --from-gallery decodes none",
        ),
        (
            ["--from-gallery", "G", "--keyframes", "uniform:2"],
            "--keyframes is about how queries are decoded, and --from-gallery decodes none",
        ),
        (
            ["--from-gallery", "G", "--streams", "all"],
            "--streams is about how queries are decoded, and --from-gallery decodes none",
        ),
        (
            ["--from-gallery", "G", "--since", "7d", "--engine", "milvus"],
            "--since needs --engine exact, which can search a part of a gallery on a local disk",
        ),
        (
            ["--from-gallery", "nowhere"],
            "--from-gallery nowhere: no gallery here (no gallery.json); make one with cliptrace index",
        ),
    ],
)
def test_what_does_not_go_together_is_told(library: Path, tmp_path: Path, arguments: list[str], problem: str) -> None:
    given = [str(library / "gallery") if each == "G" else each for each in arguments]
    output = tmp_path / "m.jsonl"
    assert match(*given, "--gallery", library / "gallery", "--output", output) == (2, f"cliptrace: error: {problem}\n")
    assert list(tmp_path.iterdir()) == []


def test_galleries_of_other_backbones_cannot_be_compared(library: Path, tmp_path: Path) -> None:
    with contextlib.redirect_stderr(io.StringIO()):
        cliptrace.Gallery.create(tmp_path / "g", backbone="efficientnet_lite0")
    code, text = match(
        "--from-gallery", tmp_path / "g", "--gallery", library / "gallery", "--output", tmp_path / "m.jsonl"
    )
    assert code == 2
    assert text.startswith(f"cliptrace: error: {tmp_path}/g was built with backbone efficientnet_lite0 (sha256 ")
    assert f"dimensions), but {library}/gallery with copy_lite0 (sha256 " in text
    assert text.endswith(": make one of them anew with the other's, with cliptrace gallery reindex\n")


def test_a_gallery_asks_another_in_python(library: Path) -> None:
    one, other = cliptrace.Gallery.open(library / "other"), cliptrace.Gallery.open(library / "gallery")
    assert [(each.query_id, each.ref_id) for each in other.match(one)] == [("small.mp4", "cars.mp4")]
    tomorrow = datetime.datetime.now() + datetime.timedelta(days=1)
    assert len(other.match(one, since=tomorrow)) == 0


def test_prism_finds_what_this_process_finds(
    library: Path, tmp_path: Path, found: tuple[str, list[dict[str, Any]]]
) -> None:
    try:
        prism = find_prism()
    except CliptraceError as error:
        pytest.skip(str(error))
    output = tmp_path / "m.jsonl"
    asked = ("--from-gallery", library / "gallery", "--gallery", library / "gallery", "--output", output)
    runner = ("--runner=PrismRunner", f"--prism_location={prism}", "--prism_log_level=error")
    code, text = match(*asked, "--", *runner)
    assert code == 0, text
    assert rows_of(output) == found[1]
