"""match --retrieval: descriptors of whole videos name what frames are then compared with."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

import cliptrace
from tests.pipeline.conftest import reindex
from tests.pipeline.test_groups import groups
from tests.pipeline.test_match_pipeline import match, rows_of


def matches(ranked: Path, tmp_path: Path, retrieval: str, *arguments: str | Path) -> list[dict[str, Any]]:
    output = tmp_path / f"{retrieval}.jsonl"
    code, told = match(*arguments, "--gallery", ranked, "--retrieval", retrieval, "--output", output)
    assert code == 0, told
    return rows_of(output)


def test_whichever_way_a_copy_is_found_it_is_aligned_the_same(
    ranked: Path,
    queries: Path,
    library: Path,
    tmp_path: Path,
) -> None:
    asked = (queries / "cars.mp4", queries / "black.mp4", library / "videos" / "part.mp4")
    by_frame, by_video, both = (matches(ranked, tmp_path, name, *asked) for name in ("frame", "video", "both"))
    assert {(row["query_id"], row["ref_id"]) for row in by_frame} == {
        ("cars.mp4", "cars.mp4"),
        ("part.mp4", "bottles.mp4"),
        ("part.mp4", "part.mp4"),
        ("part.mp4", "same.mp4"),
    }
    assert by_frame == both
    for one, other in zip(by_frame, by_video, strict=True):
        assert (one["query_id"], one["ref_id"]) == (other["query_id"], other["ref_id"])
        for row, again in zip(one["segments"], other["segments"], strict=True):
            for name in ("query_start", "query_end", "ref_start", "ref_end"):
                assert row[name] == pytest.approx(again[name], abs=0.5)


def test_the_nearest_videos_alone_are_compared(ranked: Path, library: Path, tmp_path: Path) -> None:
    rows = matches(ranked, tmp_path, "video", library / "videos" / "cars.mp4", "--top-k", 1, "--views", "mirror")
    assert [row["ref_id"] for row in rows] == ["cars.mp4"]


def test_stored_videos_ask_with_the_descriptors_that_they_have(
    ranked: Path,
    library: Path,
    tmp_path: Path,
) -> None:
    by_frame, by_video = (matches(ranked, tmp_path, name, "--from-gallery", ranked) for name in ("frame", "video"))
    assert [(row["query_id"], row["ref_id"]) for row in by_video] == [
        (row["query_id"], row["ref_id"]) for row in by_frame
    ]
    since = ("--from-gallery", ranked, "--since", "2026-01-01")
    assert matches(ranked, tmp_path, "video", *since) == by_video
    assert matches(ranked, tmp_path, "both", "--from-gallery", ranked, "--since", "0m") == []
    shutil.copytree(library / "other", tmp_path / "other")
    asked = ("--from-gallery", tmp_path / "other", "--gallery", ranked, "--retrieval", "video")
    problem = f"but {ranked} has mean (256 dimensions): make one of them anew with the other's, with cliptrace gallery"
    assert match(*asked, "--output", tmp_path / "m.jsonl") == (
        2,
        f"cliptrace: error: {tmp_path}/other has descriptor none, {problem} reindex --descriptor\n",
    )
    assert reindex(tmp_path / "other", "mean")[0] == 0
    found = matches(ranked, tmp_path, "video", "--from-gallery", tmp_path / "other")
    assert {(row["query_id"], row["ref_id"]) for row in found} == {("small.mp4", "cars.mp4")}


def test_without_descriptors_frames_alone_can_be_asked(library: Path, tmp_path: Path) -> None:
    problem = (
        f"cliptrace: error: {library}/gallery: its videos have no descriptors: make them with cliptrace gallery "
        "reindex --descriptor NAME\n"
    )
    gallery = ("--gallery", library / "gallery", "--output", tmp_path / "o.jsonl")
    assert match(library / "videos", *gallery, "--retrieval", "both") == (2, problem)
    assert groups(*gallery, "--by", "descriptor") == (2, problem)


def test_in_python(ranked: Path, queries: Path) -> None:
    (found,) = cliptrace.Gallery.open(ranked).match(queries / "cars.mp4", retrieval="video")
    assert found.ref_id == "cars.mp4"
