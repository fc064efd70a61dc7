"""cliptrace index --moments and match --mode moment, as a person runs them: which seconds show the same happening."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import apache_beam as beam
import cv2
import numpy as np
import pyarrow.parquet as pq
import pytest
from apache_beam.runners.portability.fn_api_runner import FnApiRunner
from apache_beam.testing.util import assert_that, equal_to

import cliptrace
from cliptrace.pipelines.prism import find_prism
from cliptrace.schemas.errors import CliptraceError, UsageError
from cliptrace.transforms.store.clips import read_windows
from tests.pipeline.clip_network import DIMENSION, write_clip_network
from tests.pipeline.conftest import CLIPS, index
from tests.pipeline.gallery_reading import load
from tests.pipeline.test_match_pipeline import match, rows_of
from tests.pipeline.test_video_search import run

PATTERNS = {"bars": "smptebars", "test": "testsrc2", "fractal": "mandelbrot", "rgb": "rgbtestsrc"}


@pytest.fixture(scope="session")
def network(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The config of a clip network."""
    return write_clip_network(tmp_path_factory.mktemp("network"))


@pytest.fixture(scope="session")
def happenings(tmp_path_factory: pytest.TempPathFactory, ffmpeg: Callable[..., None], network: Path) -> Path:
    """videos/: three.mp4, of bars, test and fractal, 8, 6 and 8 s; rgb.mp4, and fractal.mp4, which is the same again in
    another size. queries/: 5 s of test in another size; what is no video; a picture. gallery/ of the videos."""
    root = tmp_path_factory.mktemp("happenings")
    videos, queries = root / "videos", root / "queries"
    videos.mkdir()
    queries.mkdir()
    parts = [("-f", "lavfi", "-t", s, "-i", f"{PATTERNS[n]}=s=320x240:r=25") for n, s in (("bars", 8), ("test", 6))]
    fractal = ("-f", "lavfi", "-t", 8, "-i", "mandelbrot=s=320x240:r=25")
    ffmpeg(*parts[0], *parts[1], *fractal, "-filter_complex", "concat=n=3", videos / "three.mp4")
    ffmpeg("-f", "lavfi", "-t", 9, "-i", "rgbtestsrc=s=320x240:r=25", videos / "rgb.mp4")
    ffmpeg("-ss", 14, "-i", videos / "three.mp4", "-vf", "scale=200:150", "-crf", 28, videos / "fractal.mp4")
    ffmpeg("-f", "lavfi", "-t", 5, "-i", "testsrc2=s=240x180:r=20", "-crf", 30, queries / "test.mp4")
    (queries / "broken.mp4").write_text("no video")
    ffmpeg("-f", "lavfi", "-i", "testsrc2=s=240x180", "-frames:v", 1, root / "picture.png")
    index(videos, "--gallery", root / "gallery", "--moments", network)
    return root


def moments(root: Path, output: Path, *arguments: str | Path) -> tuple[int, str]:
    """Exit code and standard error; of the queries unless the arguments name some."""
    return match(*arguments, "--gallery", root / "gallery", "--mode", "moment", "--output", output)


def spans(row: dict[str, Any]) -> list[tuple[float, float]]:
    return [(segment["ref_start"], segment["ref_end"]) for segment in row["segments"]]


def test_clip_features_are_stored_and_told(happenings: Path, network: Path) -> None:
    stored = json.loads((happenings / "gallery" / "gallery.json").read_text())["moments"]
    assert {name: stored[name] for name in ("name", "dimension", "step_s")} == {
        "name": str(network),
        "dimension": DIMENSION,
        "step_s": 0.5,
    }
    windows = read_windows(load(happenings / "gallery"))
    counts = {video_id: len(windows.of(number)) for video_id, number in windows.places().items()}
    assert counts == {"fractal.mp4": 3, "rgb.mp4": 4, "three.mp4": 10}
    said = run("gallery", "stats", "--gallery", happenings / "gallery")[1]
    digest = stored["sha256"][:12]
    assert f"clip features:     {network} (sha256 {digest}…, {DIMENSION} dimensions, 0.5 s)\n" in said
    assert run("gallery", "verify", "--gallery", happenings / "gallery")[0] == 0


def test_the_seconds_that_show_the_same_are_told_in_the_same_form(happenings: Path, tmp_path: Path) -> None:
    code, told = moments(happenings, tmp_path / "m.jsonl", happenings / "queries", "--min-score", "0.9")
    assert code == 3
    (row,) = rows_of(tmp_path / "m.jsonl")
    assert row == {
        "query_uri": str(happenings / "queries" / "test.mp4"),
        "query_id": "test.mp4",
        "ref_uri": str(happenings / "videos" / "three.mp4"),
        "ref_id": "three.mp4",
        "score": row["segments"][0]["score"],
        "segments": [
            {
                "query_start": 0.0,
                "query_end": 5.0,
                "ref_start": 8.0,
                "ref_end": 13.0,
                "score": pytest.approx(0.98, abs=0.02),
                "reversed": False,
                "speed": None,
            }
        ],
        "exact": False,
        "truncated": False,
        "stopped_s": 0.0,
        "query_share": 1.0,
        "ref_share": pytest.approx(5 / 22, abs=1e-3),
        "below_min_score": False,
        "mode": "moment",
    }
    (letter,) = rows_of(tmp_path / "m.failures.jsonl")
    assert (letter["video_id"], letter["stage"]) == ("broken.mp4", "decode")
    assert "videos:                  1\n" in told
    assert "matches:                 1\n" in told
    assert "queries without a match: 0\n" in told


def test_what_no_video_shows_is_an_empty_answer_that_says_so(happenings: Path, tmp_path: Path) -> None:
    code, told = moments(happenings, tmp_path / "m.jsonl", CLIPS / "cars.mp4", "--min-score", "0.95")
    assert (code, rows_of(tmp_path / "m.jsonl")) == (0, [])
    assert "queries without a match: 1 (cars.mp4)\n" in told


def test_a_query_longer_than_all_videos_is_answered(happenings: Path, tmp_path: Path, ffmpeg: Any) -> None:
    ffmpeg("-stream_loop", 5, "-i", happenings / "videos" / "rgb.mp4", "-c", "copy", tmp_path / "long.mp4")
    code, told = moments(happenings, tmp_path / "m.jsonl", tmp_path / "long.mp4")
    assert (code, rows_of(tmp_path / "m.jsonl")) == (0, [])
    assert "queries without a match: 1 (long.mp4)\n" in told


def test_a_picture_shows_nothing_that_happens(happenings: Path, tmp_path: Path) -> None:
    assert moments(happenings, tmp_path / "m.jsonl", happenings / "picture.png")[0] == 3
    (letter,) = rows_of(tmp_path / "m.failures.jsonl")
    assert letter["message"] == "a picture, in which nothing happens: --mode moment takes videos"


def test_stored_videos_ask_without_being_decoded(happenings: Path, tmp_path: Path) -> None:
    """Also where their files are gone; pictures are then made of stored keyframes."""
    root = tmp_path / "moved"
    shutil.copytree(happenings / "gallery", root / "gallery")
    moved = happenings / "elsewhere"
    (happenings / "videos").rename(moved)
    try:
        asked = ("--from-gallery", root / "gallery", "--min-score", "0.9", "--maps", tmp_path / "maps")
        code, told = moments(root, tmp_path / "m.jsonl", *asked)
    finally:
        moved.rename(happenings / "videos")
    assert code == 0, told
    found = {(row["query_id"], row["ref_id"]): spans(row)[0] for row in rows_of(tmp_path / "m.jsonl")}
    assert ("fractal.mp4", "three.mp4") in found
    assert found["fractal.mp4", "three.mp4"] == pytest.approx((14, 22), abs=0.5)
    assert not any(query == ref for query, ref in found)
    names = sorted(path.name.rpartition("__")[0] for path in (tmp_path / "maps").iterdir())
    assert names == sorted("__".join(pair) for pair in found)


def test_pictures_show_query_and_moment(happenings: Path, tmp_path: Path) -> None:
    asked = (happenings / "queries" / "test.mp4", "--min-score", "0.9", "--maps", tmp_path / "maps")
    assert moments(happenings, tmp_path / "m.jsonl", *asked)[0] == 0
    (path,) = (tmp_path / "maps").iterdir()
    assert path.name.startswith("test.mp4__three.mp4__")
    picture = cv2.imread(str(path))
    above, below = picture[18:146], picture[18 + 168 : 146 + 168]
    assert picture.shape == (2 * 168, 8 * (171 + 4) + 4, 3)
    assert above.std() > 50
    assert abs(above.astype(int) - below.astype(int)).mean() < 25


def test_each_stream_of_a_file_may_ask(happenings: Path, tmp_path: Path, ffmpeg: Callable[..., None]) -> None:
    both = tmp_path / "both.mkv"
    ffmpeg(
        "-i",
        happenings / "queries" / "test.mp4",
        "-t",
        4,
        "-i",
        happenings / "videos" / "rgb.mp4",
        *("-map", 0, "-map", 1),
        both,
    )
    code, told = moments(happenings, tmp_path / "m.jsonl", both, "--min-score", "0.9")
    assert code == 0, told
    assert "other video streams, left out: those of 1 (both.mkv); take them in with --streams all\n" in told
    code, told = moments(happenings, tmp_path / "m.jsonl", both, "--min-score", "0.9", "--streams", "all")
    assert code == 0, told
    found = {
        row["query_id"]: (row["ref_id"], row["segments"][0]["query_stream"]) for row in rows_of(tmp_path / "m.jsonl")
    }
    assert found == {"both.mkv": ("three.mp4", 0), "both.mkv#1": ("rgb.mp4", 1)}


def test_a_stored_stream_is_the_one_that_is_drawn(
    happenings: Path, tmp_path: Path, network: Path, ffmpeg: Callable[..., None]
) -> None:
    both = tmp_path / "both.mkv"
    inputs = ("-i", happenings / "queries" / "test.mp4", "-t", 4, "-i", happenings / "videos" / "rgb.mp4")
    ffmpeg(*inputs, *("-map", 0, "-map", 1), both)
    index(both, "--gallery", tmp_path / "g", "--moments", network, "--streams", "all")
    asked = ("--from-gallery", tmp_path / "g", "--min-score", "0.9", "--maps", tmp_path / "maps")
    assert moments(happenings, tmp_path / "m.jsonl", *asked)[0] == 0
    (path,) = (tmp_path / "maps").glob("both.mkv_1__rgb.mp4__*")
    picture = cv2.imread(str(path))
    above, below = picture[18:146], picture[18 + 168 : 146 + 168]
    assert abs(above.astype(int) - below.astype(int)).mean() < 25


def test_a_table_has_the_mode_too(happenings: Path, tmp_path: Path) -> None:
    assert moments(happenings, tmp_path / "m.parquet", happenings / "queries" / "test.mp4")[0] == 0
    assert set(pq.read_table(tmp_path / "m.parquet")["mode"].to_pylist()) == {"moment"}


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (("--aligner", "tn"), "--aligner is about copies: leave it out with --mode moment"),
        (("--top-m", "3"), "--top-m is about copies: leave it out with --mode moment"),
        (("--no-stop-list",), "--no-stop-list is about copies: leave it out with --mode moment"),
        (("--views", "all"), "--views is about copies: leave it out with --mode moment"),
        (("--keyframes", "uniform:2"), "--keyframes is about copies: leave it out with --mode moment"),
        (("--retrieval", "video"), "--retrieval is about copies: leave it out with --mode moment"),
        (
            ("--engine", "milvus"),
            "--engine milvus: the embedded store has no clip features: leave it out with --mode moment",
        ),
    ],
)
def test_what_makes_no_sense_is_refused(happenings: Path, tmp_path: Path, options: tuple[str, ...], told: str) -> None:
    asked = (happenings / "queries", *options)
    assert moments(happenings, tmp_path / "m.jsonl", *asked) == (2, f"cliptrace: error: {told}\n")


def test_a_locator_is_for_moments(happenings: Path, tmp_path: Path) -> None:
    asked = (happenings / "queries", "--gallery", happenings / "gallery", "--output", tmp_path / "m.jsonl")
    assert match(*asked, "--locator", "frames") == (
        2,
        "cliptrace: error: --locator is about moments: it goes with --mode moment\n",
    )


def test_a_gallery_without_moments_says_what_to_do(
    gallery: Path, happenings: Path, network: Path, tmp_path: Path
) -> None:
    asked = ("--gallery", gallery, "--mode", "moment", "--output", tmp_path / "m.jsonl")
    assert match(happenings / "queries", *asked) == (
        2,
        f"cliptrace: error: {gallery}: stores no clip features, by which moments are found: index its videos with "
        "--moments into a new gallery\n",
    )
    code, _, told = run("index", happenings / "videos", "--gallery", gallery, "--moments", network)
    assert (code, told) == (
        2,
        f"cliptrace: error: {gallery} was built without moments: leave --moments out, or index its videos with it into "
        "a new gallery\n",
    )


def test_other_clip_features_are_refused_by_name(happenings: Path, tmp_path: Path, network: Path) -> None:
    gallery, other = happenings / "gallery", write_clip_network(tmp_path / "other", mean=0.4)
    built, asked = (json.loads(path.read_text()) for path in (gallery / "gallery.json", other))
    code, _, told = run("index", happenings / "videos", "--gallery", gallery, "--moments", other)
    assert code == 2
    assert told.startswith(
        f"cliptrace: error: {gallery} was built with moments {network} (sha256 {built['moments']['sha256'][:12]}…, "
        f"{DIMENSION} dimensions, 0.5 s), not {other} (sha256 "
    )
    assert told.endswith(
        f"…, {asked['dimension']} dimensions, 0.5 s): leave --moments out, or index into another gallery\n"
    )
    index(happenings / "videos" / "rgb.mp4", "--gallery", tmp_path / "g", "--moments", other)
    code, told = moments(happenings, tmp_path / "m.jsonl", "--from-gallery", tmp_path / "g")
    assert code == 2
    assert told.startswith(f"cliptrace: error: {tmp_path}/g has clip features {other} (sha256 ")
    assert told.endswith("index the videos of one into a new gallery with the --moments of the other\n")


def test_the_networks_files_may_move_but_not_change(happenings: Path, tmp_path: Path, network: Path) -> None:
    elsewhere = write_clip_network(tmp_path / "elsewhere")
    shutil.copytree(happenings / "gallery", tmp_path / "gallery")
    index(happenings / "videos", "--gallery", tmp_path / "gallery", "--moments", elsewhere)
    manifest = tmp_path / "gallery" / "gallery.json"
    manifest.write_text(manifest.read_text().replace(str(network), str(elsewhere)))
    write_clip_network(tmp_path / "elsewhere", mean=0.4)
    code, told = moments(tmp_path, tmp_path / "m.jsonl", happenings / "queries")
    assert code == 1
    assert told.startswith(f"cliptrace: error: {tmp_path}/gallery was built with moments {elsewhere} (sha256 ")
    assert told.endswith("use the version that built it, or index into another gallery\n")


def test_a_network_that_has_moved_is_named_once(happenings: Path, tmp_path: Path) -> None:
    there, gallery = write_clip_network(tmp_path / "there"), tmp_path / "gallery"
    rgb = happenings / "videos" / "rgb.mp4"
    index(rgb, "--gallery", gallery, "--moments", there)
    (tmp_path / "there").rename(tmp_path / "elsewhere")
    gone = (
        f"cliptrace: error: {there}: gone, and it describes the clip features of {gallery}: where it has moved, "
        f"name it with cliptrace index SOURCE --moments FILE --gallery {gallery}\n"
    )
    assert moments(tmp_path, tmp_path / "m.jsonl", rgb) == (1, gone)
    assert run("index", rgb, "--gallery", gallery) == (1, "", gone)
    assert run("search", rgb, "--gallery", gallery)[0] == 0
    opened = cliptrace.Gallery.open(gallery)
    assert opened.features().moments == load(gallery).manifest.moments
    assert opened.matching().top_k is None
    index(rgb, "--gallery", gallery, "--moments", tmp_path / "elsewhere" / "colours.json")
    assert json.loads((gallery / "gallery.json").read_text())["moments"]["name"] == str(
        tmp_path / "elsewhere" / "colours.json"
    )
    assert moments(tmp_path, tmp_path / "m.jsonl", rgb)[0] == 0
    index(rgb, "--gallery", gallery)


def test_a_gallery_with_moments_needs_all_frames(happenings: Path) -> None:
    network = load(happenings / "gallery").manifest.moments.name
    code, _, told = run("gallery", "reindex", "--keyframes", "express", "--gallery", happenings / "gallery")
    assert (code, told) == (
        2,
        f"cliptrace: error: --keyframes express: decodes no frames from which clip features ({network}) could be "
        "computed: choose other keyframes, or a gallery without moments\n",
    )
    assert not (happenings / "gallery" / "builds").exists()


def test_another_network_is_told_before_there_is_a_build(happenings: Path, tmp_path: Path) -> None:
    network, gallery = write_clip_network(tmp_path / "network"), tmp_path / "gallery"
    index(happenings / "videos" / "rgb.mp4", "--gallery", gallery, "--moments", network)
    built = load(gallery).manifest.moments
    write_clip_network(tmp_path / "network", mean=0.4)
    code, _, told = run("gallery", "reindex", "--keyframes", "uniform:1", "--gallery", gallery)
    assert code == 1
    assert told.startswith(
        f"cliptrace: error: {gallery} was built with moments {built}, but this cliptrace has {network} "
    )
    assert told.endswith(": use the version that built it, or index into another gallery\n")
    assert not (gallery / "builds").exists()


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("nothing", "unknown clip features 'nothing': use lite0_motion, or a path to a .json or .toml file"),
        ("gone.json", "gone.json: cannot read the description of clip features: No such file or directory"),
    ],
)
def test_what_is_no_clip_network_is_told_before_there_is_a_gallery(tmp_path: Path, name: str, told: str) -> None:
    asked = ("index", CLIPS / "cars.mp4", "--gallery", tmp_path / "g", "--moments", name)
    assert run(*asked) == (2, "", f"cliptrace: error: {told}\n")
    assert not (tmp_path / "g").exists()


def test_steps_must_fill_a_tile(tmp_path: Path) -> None:
    uneven = write_clip_network(tmp_path, step_s=0.625)
    asked = ("index", CLIPS / "cars.mp4", "--gallery", tmp_path / "g", "--moments", uneven)
    assert run(*asked) == (
        2,
        "",
        f"cliptrace: error: {uneven}: clip features of 0.625 s: 72 s must be a whole number of them\n",
    )


def test_a_removed_video_is_named_no_more_and_another_build_has_moments_too(happenings: Path, tmp_path: Path) -> None:
    shutil.copytree(happenings / "gallery", tmp_path / "gallery")
    assert run("gallery", "reindex", "--keyframes", "uniform:1", "--gallery", tmp_path / "gallery")[0] == 0
    asked = (happenings / "queries" / "test.mp4", "--min-score", "0.9")
    assert moments(tmp_path, tmp_path / "m.jsonl", *asked)[0] == 0
    assert [(row["ref_id"], spans(row)) for row in rows_of(tmp_path / "m.jsonl")] == [("three.mp4", [(8.0, 13.0)])]
    assert run("gallery", "remove", "three.mp4", "--gallery", tmp_path / "gallery")[0] == 0
    assert moments(tmp_path, tmp_path / "m.jsonl", *asked)[0] == 0
    assert rows_of(tmp_path / "m.jsonl") == []


def test_features_that_are_there_already_are_taken_by_the_name_of_the_file(happenings: Path, tmp_path: Path) -> None:
    features = tmp_path / "features"
    features.mkdir()
    a, b, c, d = np.eye(4, dtype=np.float32)
    for name, shown in {"three": [a] * 8 + [b] * 6 + [c] * 8, "fractal": [c] * 4, "test": [b] * 9}.items():
        np.save(features / f"v_{name}.npy", np.stack(shown) + 0.01 * d)
    described = tmp_path / "ready.json"
    described.write_text(json.dumps({"name": "ready", "features": "features", "dimension": 4}))
    gallery = tmp_path / "gallery"
    asked = "--gallery", gallery, "--keyframes", "express", f"--moments={described}"  # nobody needs the other frames
    assert run("index", happenings / "videos", *asked)[0] == 3
    (letter,) = [row for file in gallery.glob("failures/*/*.jsonl") for row in rows_of(file)]
    assert letter["message"] == f"{features}: no features of video 'rgb'"
    asked = "--gallery", gallery, "--mode", "moment", "--min-score", "0.9", "--output", tmp_path / "m.jsonl"
    assert match(happenings / "queries", *asked)[0] == 3  # broken.mp4
    (found,) = rows_of(tmp_path / "m.jsonl")
    assert (found["query_id"], found["ref_id"]) == ("test.mp4", "three.mp4")
    (start, end), *_ = spans(found)
    assert start == pytest.approx(8, abs=0.6)
    assert 10 < end < 14.6  # the query's five seconds are one feature, of which three may do


def test_the_transforms_make_a_pipeline_of_ones_own(happenings: Path, tmp_path: Path) -> None:
    gallery, query = cliptrace.Gallery.open(happenings / "gallery"), str(happenings / "queries" / "test.mp4")

    def spans_of(match: cliptrace.Match) -> list[tuple[float, ...]]:
        return [(each.ref_start, each.ref_end, round(each.score, 4)) for each in match.segments]

    expected = [(match.ref_id, spans_of(match)) for match in gallery.match(query, mode="moment")]
    assert expected
    with beam.Pipeline(FnApiRunner()) as pipeline:
        queries = pipeline | cliptrace.ReadVideos(query) | cliptrace.ExtractClips(gallery.clip_features())
        found = queries.good | cliptrace.FindMoments(gallery.store, gallery.finding_moments())
        matches = found.good | beam.Filter(lambda each: isinstance(each, cliptrace.Match))
        assert_that(matches | beam.Map(lambda match: (match.ref_id, spans_of(match))), equal_to(expected))
    with pytest.raises(cliptrace.UsageError, match="stores no clip features, by which moments are found"):
        cliptrace.Gallery.create(tmp_path / "none").finding_moments()


def test_the_same_in_python(happenings: Path, tmp_path: Path, network: Path) -> None:
    gallery = cliptrace.Gallery.open(happenings / "gallery")
    (found,) = gallery.match(str(happenings / "queries" / "test.mp4"), mode="moment", locator="frames", min_score=0.9)
    assert (found.mode, found.ref_id) == ("moment", "three.mp4")
    assert (found.segments[0].ref_start, found.segments[0].ref_end) == (8, 13)
    own = cliptrace.Gallery.create(tmp_path / "g", moments=str(network))
    own.index(str(happenings / "videos" / "rgb.mp4"))
    assert len(own.match(gallery, mode="moment", top_k=1)) <= 3
    with pytest.raises(UsageError, match="oracle: must be one of anchor_free, graph, frames, or anchor_free:FOLDER"):
        gallery.match(str(happenings / "queries"), mode="moment", locator="oracle")


def test_prism_finds_what_this_process_finds(happenings: Path, tmp_path: Path) -> None:
    try:
        prism = find_prism()
    except CliptraceError as error:
        pytest.skip(str(error))
    asked = (happenings / "queries" / "test.mp4",)
    assert moments(happenings, tmp_path / "here.jsonl", *asked)[0] == 0
    runner = ("--runner=PrismRunner", f"--prism_location={prism}", "--prism_log_level=error")
    code, told = match(
        *asked,
        *("--gallery", happenings / "gallery", "--mode", "moment", "--output", tmp_path / "there.jsonl"),
        *("--", *runner),
    )
    assert code == 0, told
    assert rows_of(tmp_path / "there.jsonl") == rows_of(tmp_path / "here.jsonl")
