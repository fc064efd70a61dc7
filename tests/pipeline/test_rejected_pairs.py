"""A pair that a person has rejected stays away, whatever becomes of the gallery, until that is taken back."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import cliptrace
from cliptrace.pipelines import cli
from cliptrace.schemas.errors import UsageError
from tests.pipeline.gallery_reading import index, without_columns

CLIPS = Path(__file__).parents[1] / "data" / "clips"


@pytest.fixture(scope="module")
def query(tmp_path_factory: pytest.TempPathFactory, ffmpeg: Callable[..., None]) -> Path:
    """4 to 10 s of bottles, then 5 to 11 s of cars, re-encoded."""
    path = tmp_path_factory.mktemp("asked") / "copy.mp4"
    inputs = ("-ss", 4, "-t", 6, "-i", CLIPS / "bottles.mp4", "-ss", 5, "-t", 6, "-i", CLIPS / "cars.mp4")
    parts = "".join(f"[{number}:v]scale=320:240,setsar=1,fps=25[{number}];" for number in range(2))
    ffmpeg(*inputs, "-filter_complex", f"{parts}[0][1]concat=n=2", "-an", "-crf", 28, path)
    return path


def rows(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def match(capsys: pytest.CaptureFixture[str], query: Path, gallery: Path, *more: str) -> tuple[list[str], str]:
    """Ids of the videos that the query matches, sorted, and the summary."""
    output = gallery.parent / "matches.jsonl"
    assert cli.main(["match", str(query), "--gallery", str(gallery), "--output", str(output), *more]) == 0
    return sorted(row["ref_id"] for row in rows(output)), without_columns(capsys.readouterr().err)


def run(capsys: pytest.CaptureFixture[str], *arguments: str | Path) -> tuple[str, str]:
    assert cli.main(["gallery", *map(str, arguments)]) == 0
    out, err = capsys.readouterr()
    return out, err


def test_a_rejected_pair_stays_away_until_it_is_taken_back(
    own: Path, query: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    gallery, videos = own / "gallery", own / "videos"
    both = ["bottles.mp4", "sub/cars.mp4"]
    found, text = match(capsys, query, gallery)
    assert (found, "rejected before" in text) == (both, False)
    told = ("--note", "our own trailer", "--gallery", gallery)
    assert run(capsys, "reject", query, "bottles.mp4", *told) == ("", f"rejected: {query} and bottles.mp4\n")

    def stays_away() -> None:
        found, text = match(capsys, query, gallery)
        assert found == ["sub/cars.mp4"]
        assert "rejected before: 1 (in whole or in part)\n" in text

    stays_away()
    shutil.copy(CLIPS / "coffee.mp4", videos)
    assert index(capsys, videos, "--gallery", gallery)[0] == 0
    run(capsys, "compact", "--gallery", gallery)
    stays_away()
    videos = videos.rename(own / "moved")
    assert "moved: " in without_columns(index(capsys, videos, "--gallery", gallery)[1])
    gallery = gallery.rename(own / "elsewhere")
    query = Path(shutil.copy(query, own / "called otherwise.mp4"))
    stays_away()
    run(capsys, "reindex", "--keyframes", "uniform:2", "--without-failed", "--gallery", gallery)
    stays_away()
    out, _ = run(capsys, "rejected", "--gallery", gallery)
    head, line = out.splitlines()
    assert head == "rejected (UTC)    videos, and seconds where it is not all"
    assert sorted(line.split("  ")[1:]) == ["bottles.mp4", "copy.mp4", "our own trailer"]
    run(capsys, "accept", "bottles.mp4", query, "--gallery", gallery)
    found, text = match(capsys, query, gallery)
    assert (found, "rejected before" in text) == (both, False)
    assert run(capsys, "rejected", "--gallery", gallery) == ("", "")


def test_a_review_of_matches_rejects_pairs_and_segments(
    own: Path, query: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    gallery, output = own / "gallery", own / "matches.jsonl"
    match(capsys, query, gallery)
    reviewed = {row["ref_id"]: row for row in rows(output)}
    reviewed["bottles.mp4"]["segments"][0]["decision"] = "reject"
    (own / "review.jsonl").write_text("\n".join(map(json.dumps, reviewed.values())))
    _, text = run(capsys, "decide", own / "review.jsonl", "--gallery", gallery)
    assert without_columns(text) == f"rejected: 1\naccepted: 0\nlines without a decision: 1\ngallery: {gallery}\n"
    found, text = match(capsys, query, gallery, "--top-m", "3")
    assert "bottles.mp4" not in found  # it had no other segment
    assert "rejected before: 1 (in whole or in part)\n" in text
    out, _ = run(capsys, "rejected", "--json", "--gallery", gallery)
    (decision,) = map(json.loads, out.splitlines())
    (segment,) = decision["segments"]
    told = [
        reviewed["bottles.mp4"]["segments"][0][f"{side}_{edge}"]
        for side in ("query", "ref")
        for edge in ("start", "end")
    ]
    told = told if decision["first"]["video_id"] == "copy.mp4" else told[2:] + told[:2]
    assert list(segment.values()) == told
    reviewed["bottles.mp4"]["segments"][0]["decision"] = "accept"
    (own / "review.jsonl").write_text("\n".join(map(json.dumps, reviewed.values())))
    _, text = run(capsys, "decide", own / "review.jsonl", "--gallery", gallery)
    assert "accepted: 1, 1 of which had been rejected\n" in without_columns(text)
    assert "bottles.mp4" in match(capsys, query, gallery)[0]


def test_a_segment_elsewhere_stays_found(own: Path, query: Path, capsys: pytest.CaptureFixture[str]) -> None:
    gallery = own / "gallery"
    run(capsys, "reject", query, "bottles.mp4", "--segment", "0-1:12-13", "--gallery", gallery)
    found, text = match(capsys, query, gallery)
    assert (found, "rejected before" in text) == (["bottles.mp4", "sub/cars.mp4"], False)
    out, _ = run(capsys, "rejected", "--gallery", gallery)
    assert "0-1:12-13" in out or "12-13:0-1" in out


def test_an_exact_copy_may_be_rejected_too(own: Path, capsys: pytest.CaptureFixture[str]) -> None:
    gallery, same = own / "gallery", own / "same.mp4"
    shutil.copy(CLIPS / "bottles.mp4", same)
    assert match(capsys, same, gallery)[0] == ["bottles.mp4"]
    run(capsys, "reject", same, "bottles.mp4", "--gallery", gallery)
    found, text = match(capsys, same, gallery)
    assert found == []
    assert "rejected before: 1 (in whole or in part)\n" in text


def test_a_pair_of_which_one_is_unknown_is_refused(own: Path, capsys: pytest.CaptureFixture[str]) -> None:
    root = own / "gallery"
    assert cli.main(["gallery", "reject", "bottles.mp4", "nix.mp4", "--gallery", str(root)]) == 2
    assert capsys.readouterr().err == (
        f"cliptrace: error: nix.mp4: no video of {root} has this id, path or URI, "
        "and as a file it cannot be read: No such file or directory\n"
    )
    with pytest.raises(SystemExit):
        cli.main(["gallery", "reject", "a", "b", "--segment", "5-2:0-1", "--gallery", str(root)])
    assert capsys.readouterr().err.endswith("--segment: 5-2:0-1: must be seconds of A and of B, as 12.5-20:100-107.5\n")


def test_in_python(own: Path, query: Path) -> None:
    gallery = cliptrace.Gallery.open(own / "gallery")
    found = next(each for each in gallery.match(query) if each.ref_id == "bottles.mp4")
    gallery.reject(found.query_uri, found.ref_id, segment=found.segments[0])
    (decision,) = gallery.rejected()
    assert isinstance(decision, cliptrace.Decision)
    left = gallery.match(query)
    assert [each.ref_id for each in left] == ["sub/cars.mp4"]
    assert [searched.rejected for searched in left.report.searched] == [1]
    gallery.accept(found.ref_id, found.query_uri)
    assert gallery.rejected() == []
    with pytest.raises(UsageError, match=r"were not rejected$"):
        gallery.accept(found.ref_id, found.query_uri)


def test_dedup_makes_no_duplicates_of_rejected_pairs(
    tmp_path: Path, ffmpeg: Callable[..., None], capsys: pytest.CaptureFixture[str]
) -> None:
    gallery, uploads = tmp_path / "g", tmp_path / "uploads"
    uploads.mkdir()
    shutil.copy(CLIPS / "bottles.mp4", uploads)
    ffmpeg("-i", CLIPS / "bottles.mp4", "-vf", "scale=240:-2", "-crf", 30, tmp_path / "small.mp4")
    assert index(capsys, CLIPS / "cars.mp4", CLIPS / "bottles.mp4", "--gallery", gallery)[0] == 0
    run(capsys, "reject", tmp_path / "small.mp4", "bottles.mp4", "--gallery", gallery)
    copy = shutil.copy(CLIPS / "cars.mp4", tmp_path / "copy.mp4")
    run(capsys, "reject", "cars.mp4", copy, "--gallery", gallery)
    (tmp_path / "small.mp4").rename(uploads / "small.mp4")
    ffmpeg("-i", CLIPS / "bottles.mp4", "-vf", "scale=280:-2", "-crf", 24, uploads / "smaller.mp4")
    (uploads / "bottles.mp4").unlink()
    for name in ("cars-1.mp4", "cars-2.mp4"):
        shutil.copy(CLIPS / "cars.mp4", uploads / name)
    options = ("--gallery", str(gallery), "--output", str(tmp_path / "out"), "--once", "--poll", "0.1")
    assert cli.main(["dedup", "--watch", str(uploads), *options]) == 0
    (shard,) = (tmp_path / "out").glob("pairs-*.jsonl")
    linked = {frozenset((row["video_id"], link["other_id"])) for row in rows(shard) for link in row["links"]}
    assert frozenset(("small.mp4", "bottles.mp4")) not in linked
    assert frozenset(("smaller.mp4", "bottles.mp4")) in linked
    (shard,) = (tmp_path / "out").glob("verdicts-*.jsonl")
    said = {row["video_id"]: row["canonical_id"] for row in rows(shard)}
    assert {name: said[name] for name in ("cars-1.mp4", "cars-2.mp4")} == {
        "cars-1.mp4": "cars-1.mp4",
        "cars-2.mp4": "cars-2.mp4",
    }
