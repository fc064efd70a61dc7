"""Videos as a whole: cliptrace index --descriptor, gallery reindex --descriptor and search, as a person runs them."""

from __future__ import annotations

import contextlib
import io
import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import cliptrace
from cliptrace.models.video_descriptors.mean import Mean
from cliptrace.pipelines import cli
from cliptrace.transforms.store.descriptors import read_descriptors
from tests.pipeline.conftest import CLIPS, index, reindex
from tests.pipeline.gallery_reading import load
from tests.pipeline.test_match_pipeline import rows_of


def run(*arguments: str | Path) -> tuple[int, str, str]:
    """Exit code, standard output and standard error."""
    with contextlib.redirect_stderr(io.StringIO()) as told, contextlib.redirect_stdout(io.StringIO()) as said:
        code = cli.main(list(map(str, arguments)))
    return code, said.getvalue(), told.getvalue()


def vectors(gallery: Path) -> dict[str, Any]:
    found = read_descriptors(load(gallery))
    return {video_id: found.of(number) for video_id, number in found.places().items()}


def test_a_gallery_is_made_with_descriptors_and_older_ones_get_the_same(
    library: Path, ranked: Path, tmp_path: Path
) -> None:
    index(library / "videos" / "part.mp4", "--gallery", tmp_path / "g", "--descriptor", "mean")
    manifest = json.loads((tmp_path / "g" / "gallery.json").read_text())
    assert manifest["descriptor"] == {"name": "mean", "sha256": "", "dimension": 256}
    np.testing.assert_allclose(vectors(tmp_path / "g")["part.mp4"], vectors(ranked)["part.mp4"], atol=2e-3)
    shutil.copy(CLIPS / "coffee.mp4", tmp_path)
    index(tmp_path / "coffee.mp4", "--gallery", tmp_path / "g")  # the gallery's own
    assert set(vectors(tmp_path / "g")) == {"part.mp4", "coffee.mp4"}
    code, _, told = run("index", tmp_path, "--gallery", tmp_path / "g", "--descriptor", "parts")
    assert (code, told) == (
        2,
        f"cliptrace: error: {tmp_path}/g was built with descriptor mean, not parts: leave --descriptor out, or change "
        "it with cliptrace gallery reindex --descriptor\n",
    )
    assert "video descriptor:" in run("gallery", "stats", "--gallery", tmp_path / "g")[1]


def test_nothing_is_decoded_for_another_one(ranked: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.copytree(ranked, tmp_path / "g")
    monkeypatch.setattr("cliptrace.transforms.features.Begin.__call__", None)
    assert reindex(tmp_path / "g", "parts")[0] == 0
    assert {name: len(rows) for name, rows in vectors(tmp_path / "g").items()} == {
        "bottles.mp4": 2,
        "cars.mp4": 2,
        "part.mp4": 1,
        "same.mp4": 2,
    }
    before = (ranked / "gallery.json").read_text()
    assert reindex(tmp_path / "g", "mean")[0] == 0
    assert (tmp_path / "g" / "gallery.json").read_text() == before
    assert reindex(tmp_path / "g", "none")[0] == 0
    assert "descriptor" not in (tmp_path / "g" / "gallery.json").read_text()
    code, _, told = run("search", tmp_path, "--gallery", tmp_path / "g")
    assert (code, told) == (
        2,
        f"cliptrace: error: {tmp_path}/g: its videos have no descriptors: make them with cliptrace gallery reindex "
        "--descriptor NAME\n",
    )


def test_what_stored_keyframes_do_not_give_is_told(ranked: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made_of_regions = {"parts": lambda *_: Mean(256, "parts", needs_regions=True)}
    monkeypatch.setattr("cliptrace.models.video_descriptors.VIDEO_DESCRIPTORS", made_of_regions)
    assert reindex(ranked, "parts") == (
        2,
        f"cliptrace: error: {ranked}: descriptor parts is made of regions of frames, which nobody stores: "
        "cliptrace index the videos into another gallery with --descriptor parts\n",
    )
    assert run("gallery", "reindex", "--descriptor", "mean", "--keyframes", "uniform:2", "--gallery", ranked)[2] == (
        "cliptrace: error: --descriptor makes descriptors of what is stored: leave the other models out, or change "
        "them first\n"
    )


def test_another_descriptor_of_the_same_name_is_refused(
    ranked: Path, queries: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = {"mean": lambda *_: Mean(256, sha256="ab" * 32)}
    monkeypatch.setattr("cliptrace.models.video_descriptors.VIDEO_DESCRIPTORS", other)
    assert run("search", queries / "cars.mp4", "--gallery", ranked)[2] == (
        f"cliptrace: error: {ranked} was built with descriptor mean (256 dimensions), but this cliptrace has mean "
        "(sha256 abababababab…, 256 dimensions): use the version that built it, or make the descriptors anew of what "
        "is stored with cliptrace gallery reindex --descriptor mean\n"
    )


def test_videos_are_ranked_on_standard_output(ranked: Path, queries: Path) -> None:
    code, said, told = run("search", queries, queries / "picture.png", "--gallery", ranked, "--top", 3)
    assert code == 3
    rows = [json.loads(line) for line in said.splitlines()]
    assert list(rows[0]) == ["query_id", "query_uri", "ref_id", "ref_uri", "similarity", "rank"]
    answers = {
        query: [(row["ref_id"], row["rank"]) for row in rows if row["query_id"] == query]
        for query in ("cars.mp4", "one.mp4", "picture.png", "black.mp4")
    }
    assert answers["cars.mp4"][0] == ("cars.mp4", 1)
    assert {name for name, _ in answers["one.mp4"]} == {"bottles.mp4", "part.mp4", "same.mp4"}
    assert [rank for _, rank in answers["one.mp4"]] == [1, 2, 3]
    assert answers["picture.png"] == answers["one.mp4"]
    assert answers["black.mp4"] == []
    best = next(row for row in rows if row["query_id"] == "cars.mp4")
    assert best["similarity"] > 0.8
    assert best["ref_uri"].endswith("/videos/cars.mp4")
    assert f"failed: {queries}/broken.mp4: probe: not a video: " in told
    for line in ("videos:               4\n", "failures:             1\n", "queries like nothing: 1 (black.mp4)\n"):
        assert line in told


def test_into_a_file_with_dead_letters_beside_it(ranked: Path, queries: Path, tmp_path: Path) -> None:
    output = tmp_path / "ranked.jsonl"
    code, said, told = run("search", queries, "--gallery", ranked, "--top", 1, "--output", output)
    assert (code, said) == (3, "")
    assert [row["ref_id"] for row in rows_of(output) if row["query_id"] == "cars.mp4"] == ["cars.mp4"]
    (letter,) = rows_of(tmp_path / "ranked.failures.jsonl")
    assert (letter["video_id"], letter["stage"]) == ("broken.mp4", "probe")
    assert f"failures in:          {tmp_path}/ranked.failures.jsonl\n" in told
    assert run("search", queries / "cars.mp4", "--gallery", ranked, "--output", output)[0] == 0
    assert not (tmp_path / "ranked.failures.jsonl").exists()
    assert run("search", queries, "--gallery", ranked, "--output", tmp_path / "ranked.csv")[2] == (
        f"cliptrace: error: --output {tmp_path}/ranked.csv: the name must end in .jsonl\n"
    )
    assert run("search", queries, "--gallery", tmp_path)[2] == (
        f"cliptrace: error: {tmp_path}: no gallery here (no gallery.json); make one with cliptrace index\n"
    )


def test_removed_and_rejected_videos_are_not_named(ranked: Path, library: Path, tmp_path: Path) -> None:
    shutil.copytree(ranked, tmp_path / "g")
    query = library / "videos" / "part.mp4"

    def answers() -> list[str]:
        return [each.ref_id for each in cliptrace.Gallery.open(tmp_path / "g").search(query).ranked]

    assert answers()[:3] == ["part.mp4", "bottles.mp4", "same.mp4"]
    assert run("gallery", "remove", "same.mp4", "--gallery", tmp_path / "g")[0] == 0
    assert answers()[:2] == ["part.mp4", "bottles.mp4"]
    assert run("gallery", "reject", "part.mp4", "bottles.mp4", "--gallery", tmp_path / "g")[0] == 0
    assert answers()[0] == "part.mp4"
    assert not {"same.mp4", "bottles.mp4"} & set(answers())


def test_in_python(clip_gallery: cliptrace.Gallery, queries: Path) -> None:
    report = clip_gallery.search([queries / "cars.mp4", queries / "broken.mp4"], top=1)
    (found,) = report.ranked
    assert (found.query_id, found.ref_id, found.rank) == ("cars.mp4", "cars.mp4", 1)
    assert [failure.video_id for failure in report.failures] == ["broken.mp4"]


@pytest.fixture
def clip_gallery(tmp_path: Path) -> cliptrace.Gallery:
    gallery = cliptrace.Gallery.create(tmp_path / "g", descriptor="parts")
    assert gallery.index(CLIPS / "cars.mp4").indexed == 1
    return gallery
