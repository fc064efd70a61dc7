"""cliptrace match as a person runs it: edited copies, strangers and broken files among the queries."""

from __future__ import annotations

import contextlib
import io
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest

from cliptrace.models.backbones.background import Background
from cliptrace.models.backbones.pooling import unit
from cliptrace.models.backbones.registry import config_to_json, load_config
from cliptrace.models.weights import WEIGHTS, sha256_of
from cliptrace.pipelines import cli
from cliptrace.pipelines import match as pipeline
from cliptrace.schemas.errors import MediaError
from cliptrace.schemas.gallery import part_path
from cliptrace.transforms.store import files
from cliptrace.transforms.store.gallery import read_videos
from tests.pipeline.gallery_reading import load

CLIPS = Path(__file__).parents[1] / "data" / "clips"
TOLERANCE_S = 0.6


@pytest.fixture(scope="session")
def queries(tmp_path_factory: pytest.TempPathFactory, ffmpeg: Callable[..., None]) -> Path:
    """A manifest: 4 to 14 s of bottles, mirrored; a clip that the gallery does not have; a file that is no video."""
    folder = tmp_path_factory.mktemp("queries")
    ffmpeg("-ss", 4, "-t", 10, "-i", CLIPS / "bottles.mp4", "-vf", "hflip", "-crf", 28, folder / "copy.mp4")
    shutil.copy(CLIPS / "baseball.mp4", folder / "stranger.mp4")
    (folder / "broken.mp4").write_text("no video")
    (folder / "queries.csv").write_text("id,uri,case\ncopy,copy.mp4,17\nstranger,stranger.mp4,\nbroken,broken.mp4,\n")
    return folder / "queries.csv"


def match(*arguments: str | int | Path) -> tuple[int, str]:
    with contextlib.redirect_stderr(io.StringIO()) as text:
        code = cli.main(["match", *map(str, arguments)])
    return code, text.getvalue()


@pytest.fixture(scope="session")
def found(gallery: Path, queries: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[int, str, Path]:
    """Exit code, standard error and output of one match, the output in a folder that was not there."""
    output = tmp_path_factory.mktemp("found") / "new" / "matches.jsonl"
    code, text = match(queries, "--gallery", gallery, "--output", output)
    return code, text, output


def rows_of(output: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in output.read_text().splitlines()]


def test_a_trimmed_and_mirrored_copy_is_found_where_it_is(
    found: tuple[int, str, Path], videos: Path, queries: Path
) -> None:
    (row,) = rows_of(found[2])
    names = ["query_uri", "query_id", "ref_uri", "ref_id", "score", "segments", "exact", "truncated", "stopped_s"]
    assert list(row) == [*names, "query_share", "ref_share", "below_min_score", "mode", "query_metadata"]
    assert row["query_share"] == pytest.approx(1.0, abs=0.06)
    assert row["ref_share"] == pytest.approx(10 / 18, abs=0.06)
    assert (row["exact"], row["truncated"], row["stopped_s"]) == (False, False, 0.0)
    assert (row["query_id"], row["ref_id"]) == ("copy", "bottles.mp4")
    assert row["query_uri"] == str(queries.parent / "copy.mp4")
    assert row["ref_uri"] == str(videos / "bottles.mp4")
    assert row["query_metadata"] == {"case": "17"}
    (segment,) = row["segments"]
    assert list(segment) == ["query_start", "query_end", "ref_start", "ref_end", "score", "reversed", "speed"]
    for key, seconds in (("query_start", 0), ("query_end", 10), ("ref_start", 4), ("ref_end", 14)):
        assert segment[key] == pytest.approx(seconds, abs=TOLERANCE_S)
    assert 0.2 <= segment["score"] <= 1
    assert row["score"] == segment["score"]
    assert segment["reversed"] is False


@pytest.mark.parametrize(("views", "edit"), [("mirror", "hflip"), ("turns", "transpose=1")])
def test_a_view_finds_what_was_mirrored_or_turned(
    gallery: Path, tmp_path: Path, ffmpeg: Callable[..., None], views: str, edit: str
) -> None:
    copy, output = tmp_path / "copy.mp4", tmp_path / "m.jsonl"
    ffmpeg("-ss", 4, "-t", 10, "-i", CLIPS / "bottles.mp4", "-vf", edit, "-crf", 28, copy)
    scores = []
    for name in ("none", views):
        options = ("--views", name, "--aligner", "tn")  # whose scores are similarities
        assert match(copy, "--gallery", gallery, "--output", output, *options)[0] == 0
        rows = rows_of(output)
        scores.append(max((row["score"] for row in rows if row["ref_id"] == "bottles.mp4"), default=0.0))
    assert scores[1] > scores[0] + 0.05
    segment = rows[0]["segments"][0]
    assert rows[0]["ref_id"] == "bottles.mp4"
    for key, seconds in (("query_start", 0), ("query_end", 10), ("ref_start", 4), ("ref_end", 14)):
        assert segment[key] == pytest.approx(seconds, abs=TOLERANCE_S)


def test_queries_may_have_more_keyframes_and_every_match_a_picture(
    gallery: Path, queries: Path, tmp_path: Path
) -> None:
    output, maps = tmp_path / "m.jsonl", tmp_path / "maps"
    options = ("--keyframes", "uniform:8", "--maps", maps, "--output", output)
    code, text = match(queries.parent / "copy.mp4", "--gallery", gallery, *options)
    assert code == 0, text
    (row,) = rows_of(output)
    (segment,) = row["segments"]
    for key, seconds in (("query_start", 0), ("query_end", 10), ("ref_start", 4), ("ref_end", 14)):
        assert segment[key] == pytest.approx(seconds, abs=TOLERANCE_S)
    (picture,) = maps.iterdir()
    assert picture.name.startswith("copy.mp4__bottles.mp4__")
    assert picture.read_bytes().startswith(b"\x89PNG")


def test_the_learned_aligner_tells_the_speed(gallery: Path, queries: Path, tmp_path: Path) -> None:
    output = tmp_path / "m.jsonl"
    code, text = match(queries.parent / "copy.mp4", "--gallery", gallery, "--aligner", "spd", "--output", output)
    assert code == 0, text
    (row,) = rows_of(output)
    segment = row["segments"][0]
    assert (row["ref_id"], segment["reversed"]) == ("bottles.mp4", False)
    assert segment["speed"] == pytest.approx(1.0, rel=0.3)


def test_equal_bytes_are_a_match_whatever_comes_of_decoding(
    gallery: Path, videos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copy(videos / "bottles.mp4", tmp_path / "same.mp4")
    output = tmp_path / "m.jsonl"
    assert match(tmp_path / "same.mp4", "--gallery", gallery, "--output", output)[0] == 0
    (row,) = rows_of(output)
    assert (row["query_id"], row["ref_id"], row["score"], row["exact"]) == ("same.mp4", "bottles.mp4", 1.0, True)
    end = read_videos(load(gallery))["bottles.mp4"].decoded_s
    whole = {"query_start": 0.0, "query_end": end, "ref_start": 0.0, "ref_end": end, "score": 1.0}
    assert row["segments"] == [{**whole, "reversed": False, "speed": 1.0}]

    def broken(*_: object) -> None:
        raise MediaError("cannot be decoded today")

    monkeypatch.setattr("cliptrace.transforms.features.extract_range", broken)
    assert match(tmp_path / "same.mp4", "--gallery", gallery, "--output", output)[0] == 3
    assert rows_of(output) == [row]


def test_a_list_that_top_k_cuts_is_told(gallery: Path, tmp_path: Path, ffmpeg: Callable[..., None]) -> None:
    clips = [part for name in ("bottles", "cars") for part in ("-t", 5, "-i", CLIPS / f"{name}.mp4")]
    join = "[0:v]scale=256:144,setsar=1,fps=25[a];[1:v]scale=256:144,setsar=1,fps=25[b];[a][b]concat=n=2"
    ffmpeg(*clips, "-filter_complex", join, "-an", tmp_path / "both.mp4")
    line = "more candidates than --top-k: 1 (both.mp4)\n"
    for options, rows, truncated in (((), 2, False), (("--top-k", 2), 2, False), (("--top-k", 1), 1, True)):
        code, text = match(tmp_path / "both.mp4", "--gallery", gallery, "--output", tmp_path / "m.jsonl", *options)
        assert code == 0
        assert [row["truncated"] for row in rows_of(tmp_path / "m.jsonl")] == [truncated] * rows
        assert (line in text) == truncated


def test_a_background_is_recorded_with_the_gallery_and_normalises_scores(
    tmp_path: Path, ffmpeg: Callable[..., None]
) -> None:
    clip, query, output = CLIPS / "bottles.mp4", tmp_path / "query.mp4", tmp_path / "m.jsonl"
    ffmpeg("-i", clip, "-c", "copy", "-metadata", "title=other bytes", query)
    footage = np.random.default_rng(0).normal(size=(20, 512)).astype(np.float32)
    content = Background(unit(footage)).to_bytes()
    (tmp_path / "b.safetensors").write_bytes(content)
    shipped = load_config("efficientnet_lite0")
    files_of = {key: str(WEIGHTS / getattr(shipped, key)) for key in ("path", "graph", "whitening")}
    named = {"name": "mine", "background": "b.safetensors", "background_sha256": sha256_of(content)}
    (tmp_path / "plain.json").write_text(json.dumps(config_to_json(shipped) | files_of | {"name": "mine"}))
    (tmp_path / "mine.json").write_text(json.dumps(config_to_json(shipped) | files_of | named))

    scores = []
    for name in ("plain", "mine"):
        gallery = tmp_path / name
        with contextlib.redirect_stderr(io.StringIO()):
            assert cli.main(["index", str(clip), "--gallery", str(gallery), "--backbone", f"{gallery}.json"]) == 0
        assert match(query, "--gallery", gallery, "--output", output)[0] == 0
        scores.append(rows_of(output)[0]["score"])
    recorded = json.loads((tmp_path / "mine" / "gallery.json").read_text())["backbone"]
    assert recorded["background"] == str(tmp_path / "b.safetensors")
    assert recorded["background_sha256"] == sha256_of(content)
    assert 0.2 < scores[1] < scores[0] - 0.02

    (tmp_path / "b.safetensors").write_bytes(b"changed")
    problem = (
        f"cliptrace: error: {tmp_path}/b.safetensors: SHA-256 is {sha256_of(b'changed')}, expected "
        f"{sha256_of(content)}: the file is incomplete or was changed\n"
    )
    assert match(clip, "--gallery", tmp_path / "mine", "--output", output) == (1, problem)
    with contextlib.redirect_stderr(io.StringIO()) as text:
        arguments = ["index", str(clip), "--gallery", str(tmp_path / "new"), "--backbone", f"{tmp_path}/mine.json"]
        assert cli.main(arguments) == 1
    assert (text.getvalue(), (tmp_path / "new").exists()) == (problem, False)


def test_the_shortest_queries_have_an_answer(gallery: Path, tmp_path: Path, ffmpeg: Callable[..., None]) -> None:
    """A segment takes more than a moment: one frame is decoded, and matches nothing."""
    ffmpeg("-ss", 4, "-i", CLIPS / "bottles.mp4", "-frames:v", 1, tmp_path / "frame.mp4")
    ffmpeg("-ss", 4, "-t", 0.4, "-i", CLIPS / "bottles.mp4", tmp_path / "moment.mp4")
    ffmpeg("-ss", 4, "-t", 0.9, "-i", CLIPS / "bottles.mp4", tmp_path / "below_a_second.mp4")
    output = tmp_path / "m.jsonl"
    code, text = match(tmp_path, "--gallery", gallery, "--output", output)
    assert code == 0, text
    assert "videos:                  3\n" in text
    assert {row["query_id"] for row in rows_of(output)} <= {"below_a_second.mp4"}
    for row in rows_of(output):
        (segment,) = row["segments"]
        assert 0 <= segment["query_start"] < segment["query_end"] <= 1.0


@pytest.mark.parametrize("name", ["shot.png", "shot.jpg", "shot.webp"])
def test_a_picture_is_found_at_its_second(
    gallery: Path, tmp_path: Path, ffmpeg: Callable[..., None], name: str
) -> None:
    picture, output = tmp_path / name, tmp_path / "m.jsonl"
    ffmpeg("-ss", 12, "-i", CLIPS / "bottles.mp4", "-frames:v", 1, "-vf", "scale=320:-2", picture)
    code, text = match(picture, "--gallery", gallery, "--output", output)
    assert code == 0, text
    (row,) = rows_of(output)
    assert (row["ref_id"], row["query_share"]) == ("bottles.mp4", 1.0)
    segment = row["segments"][0]
    assert (segment["query_start"], segment["query_end"]) == (0.0, 0.0)
    assert segment["ref_start"] - TOLERANCE_S <= 12 <= segment["ref_end"] + TOLERANCE_S
    assert segment["ref_end"] - segment["ref_start"] < 4


def test_a_picture_is_nothing_to_index(tmp_path: Path, ffmpeg: Callable[..., None]) -> None:
    ffmpeg("-ss", 12, "-i", CLIPS / "bottles.mp4", "-frames:v", 1, tmp_path / "shot.png")
    with contextlib.redirect_stderr(io.StringIO()):
        assert cli.main(["index", str(tmp_path / "shot.png"), "--gallery", str(tmp_path / "g")]) == 3
    (letters,) = files.find(str(tmp_path / "g"), "failures/*/*")
    (letter,) = rows_of(Path(letters))
    assert letter["message"] == "a picture, not a video: only cliptrace match takes one, as a query"


@pytest.mark.parametrize("views", ["insets", "found"])
def test_a_picture_in_a_picture_of_the_gallery_is_found_by_its_views(
    tmp_path: Path, ffmpeg: Callable[..., None], views: str
) -> None:
    """A gallery remembers the views that it was made with; unless it is said, these are the insets that are found."""
    asked = () if views == "found" else ("--stored-views", views)
    folder, root, output = tmp_path / "v", tmp_path / "g", tmp_path / "m.jsonl"
    folder.mkdir()
    inset = "[0]scale=640:480,setsar=1[a];[1]scale=256:-2,setsar=1[b];[a][b]overlay=W-w-16:16:shortest=1"
    clips = ("-t", 8, "-i", CLIPS / "cars.mp4", "-ss", 1, "-t", 8, "-i", CLIPS / "baseball.mp4")
    ffmpeg(*clips, "-filter_complex", inset, "-an", folder / "reaction.mp4")
    ffmpeg("-ss", 1, "-t", 8, "-i", CLIPS / "baseball.mp4", "-an", tmp_path / "query.mp4")
    with contextlib.redirect_stderr(io.StringIO()) as text:
        assert cli.main(["index", str(folder), "--gallery", str(root), *asked]) == 0
        assert cli.main(["index", str(folder), "--gallery", str(root)]) == 0
        assert cli.main(["index", str(folder), "--gallery", str(root), "--stored-views", "none"]) == 2
    assert text.getvalue().endswith(
        f"cliptrace: error: {root} was built with stored-views {views}, not none: leave --stored-views out, or "
        "index into another gallery\n"
    )
    assert match(tmp_path / "query.mp4", "--gallery", root, "--output", output)[0] == 0
    (row,) = rows_of(output)
    assert row["ref_id"] == "reaction.mp4"
    for key, seconds in (("query_start", 0), ("query_end", 8), ("ref_start", 0), ("ref_end", 8)):
        assert row["segments"][0][key] == pytest.approx(seconds, abs=TOLERANCE_S)
    assert cli.main(["gallery", "verify", "--gallery", str(root)]) == 0


def test_a_video_of_one_frame_is_indexed(tmp_path: Path, ffmpeg: Callable[..., None]) -> None:
    ffmpeg("-ss", 4, "-i", CLIPS / "bottles.mp4", "-frames:v", 1, tmp_path / "frame.mp4")
    with contextlib.redirect_stderr(io.StringIO()) as text:
        assert cli.main(["index", str(tmp_path / "frame.mp4"), "--gallery", str(tmp_path / "g")]) == 0
    assert "keyframes:" in text.getvalue()
    (video,) = read_videos(load(tmp_path / "g")).values()
    assert video.keyframes == 1
    assert match(CLIPS / "bottles.mp4", "--gallery", tmp_path / "g", "--output", tmp_path / "m.jsonl")[0] == 0
    assert rows_of(tmp_path / "m.jsonl") == []


def test_the_summary_counts_every_query(found: tuple[int, str, Path]) -> None:
    code, text, output = found
    assert code == 3
    for line in (
        "videos:                  2\n",
        "failures:                1\n",
        "matches:                 1\n",
        "queries without a match: 1 (stranger)\n",
        f"output:                  {output}\n",
        f"failures in:             {output.with_suffix('.failures.jsonl')}\n",
    ):
        assert line in text


def test_a_broken_query_is_one_dead_letter(found: tuple[int, str, Path], queries: Path) -> None:
    (letter,) = rows_of(found[2].with_suffix(".failures.jsonl"))
    assert (letter["video_id"], letter["stage"], letter["error"]) == ("broken", "probe", "MediaError")
    assert letter["uri"] == str(queries.parent / "broken.mp4")
    assert sorted(path.name for path in found[2].parent.iterdir()) == ["matches.failures.jsonl", "matches.jsonl"]


def test_a_query_that_was_partly_decoded_is_named(gallery: Path, videos: Path, tmp_path: Path) -> None:
    code, text = match(videos / "cut.mp4", "--gallery", gallery, "--output", tmp_path / "m.jsonl")
    assert code == 0
    assert "partly decoded:          1 (cut.mp4)\n" in text
    assert [path.name for path in tmp_path.iterdir()] == ["m.jsonl"]


def test_queries_without_a_match_are_written_as_a_manifest(gallery: Path, queries: Path, tmp_path: Path) -> None:
    output, names = tmp_path / "m.jsonl", tmp_path / "none.jsonl"
    assert match(queries, "--gallery", gallery, "--output", output, "--unmatched", names)[0] == 3
    assert rows_of(names) == [{"id": "stranger", "uri": str(queries.parent / "stranger.mp4")}]
    assert match(queries, "--gallery", gallery, "--output", output, "--unmatched", "none.csv") == (
        2,
        "cliptrace: error: --unmatched none.csv: the name must end in .jsonl\n",
    )
    assert match(queries, "--gallery", gallery, "--output", output, "--unmatched", output) == (
        2,
        f"cliptrace: error: --unmatched {output}: matches or failures are written there; name another file\n",
    )


def test_the_nearest_are_told_even_below_the_bar_and_marked(gallery: Path, queries: Path, tmp_path: Path) -> None:
    output, names = tmp_path / "m.jsonl", tmp_path / "none.jsonl"
    options = ("--output", output, "--top-m", 2, "--unmatched", names)
    code, text = match(queries, "--gallery", gallery, *options)
    assert code == 3
    rows = rows_of(output)
    assert [(row["query_id"], row["below_min_score"]) for row in rows] == [
        ("copy", False), ("copy", True), ("stranger", True), ("stranger", True),
    ]  # fmt: skip
    assert rows[0]["ref_id"] == "bottles.mp4"
    assert all(len(row["segments"]) == 1 and row["score"] < rows[0]["score"] for row in rows[1:])
    assert "matches:                    1\n" in text
    assert "nearest, below --min-score: 3\n" in text
    assert [row["id"] for row in rows_of(names)] == ["stranger"]


def test_a_stopped_search_goes_on_where_it_was(
    gallery: Path, queries: Path, found: tuple[int, str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    output = tmp_path / "m.jsonl"
    run, runs = pipeline.run_pipeline, []

    def stopping(*arguments: Any) -> None:
        runs.append(len(runs))
        if len(runs) == stop_at:
            raise KeyboardInterrupt
        run(*arguments)

    monkeypatch.setattr(pipeline, "_LOCAL_WAVE", (1, 1 << 40))
    monkeypatch.setattr(pipeline, "run_pipeline", stopping)
    asked = (queries, "--gallery", gallery, "--output", output)
    stop_at = 1
    assert match(*asked) == (1, "cliptrace: stopped; nothing is kept\n")
    assert list(tmp_path.iterdir()) == []
    runs, stop_at = [], 3
    kept = "2 of 3 queries are kept; the same command with --resume goes on with them"
    code, text = match(*asked)
    assert (code, text.splitlines()[-1]) == (1, f"cliptrace: stopped; {kept}")
    assert [path.name for path in tmp_path.iterdir()] == ["m.jsonl.parts"]
    assert match(*asked, "--min-score", 0.9, "--resume")[0] == 2
    runs, stop_at = [], 0
    code, text = match(*asked, "--resume")
    assert (code, len(runs)) == (3, 1)
    assert "searched before:         2\n" in text
    assert sorted(path.name for path in tmp_path.iterdir()) == ["m.failures.jsonl", "m.jsonl"]
    assert rows_of(output) == rows_of(found[2])


def test_parquet_says_the_same_as_json_lines(
    found: tuple[int, str, Path], gallery: Path, queries: Path, tmp_path: Path
) -> None:
    output = tmp_path / "matches.parquet"
    assert match(queries, "--gallery", gallery, "--output", output)[0] == 3
    rows = pq.read_table(output).to_pylist()
    for row in rows:
        assert row.pop("ref_metadata") == []
        row["query_metadata"] = dict(row["query_metadata"])
        for segment in row["segments"]:  # whose files have one video stream
            assert (segment.pop("query_stream"), segment.pop("ref_stream")) == (None, None)
    assert rows == rows_of(found[2])


def test_the_matches_can_be_evaluated(
    found: tuple[int, str, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    truth = tmp_path / "truth.csv"
    truth.write_text("query_id,ref_id,query_start,query_end,ref_start,ref_end\ncopy,bottles.mp4,0,10,4,14\n")
    assert cli.main(["evaluate", "--truth", str(truth), "--matches", str(found[2])]) == 0
    out = capsys.readouterr().out
    assert "VCDB:                F1 1.0000, precision 1.0000, recall 1.0000\n" in out
    assert "pairs:               1 true, 1 predicted, 1 found\n" in out


def test_good_queries_leave_no_failures_file(gallery: Path, queries: Path, tmp_path: Path) -> None:
    stale = tmp_path / "m.failures.jsonl"
    stale.write_text("{}\n")
    code, text = match(queries.parent / "stranger.mp4", "--gallery", gallery, "--output", tmp_path / "m.jsonl")
    assert code == 0
    assert "failures in" not in text
    assert [path.name for path in tmp_path.iterdir()] == ["m.jsonl"]
    assert (tmp_path / "m.jsonl").read_bytes() == b""


def test_a_removed_shard_is_named(gallery: Path, queries: Path, tmp_path: Path) -> None:
    shutil.copytree(gallery, tmp_path / "g")
    (path,) = files.find(str(tmp_path / "g"), part_path("frames", "*", "*"))
    Path(path).unlink()
    code, text = match(queries.parent / "copy.mp4", "--gallery", tmp_path / "g", "--output", tmp_path / "m.jsonl")
    name = path.removeprefix(f"{tmp_path}/g/")
    assert (code, text) == (1, f"cliptrace: error: {name}: cannot be read: No such file or directory\n")
    assert [path.name for path in tmp_path.iterdir()] == ["g"]


def test_a_removed_vector_store_is_told(gallery: Path, queries: Path, tmp_path: Path) -> None:
    shutil.copytree(gallery, tmp_path / "g", ignore=shutil.ignore_patterns("milvus.db*"))
    rows = sum(video.keyframes for video in read_videos(load(gallery)).values())
    asked = (queries.parent / "copy.mp4", "--gallery", tmp_path / "g", "--output", tmp_path / "m.jsonl")
    assert match(*asked, "--engine", "exact")[0] == 0  # which asks Parquet
    code, text = match(*asked, "--engine", "milvus")
    assert (code, text) == (
        1,
        f"cliptrace: error: {tmp_path}/g/milvus.db: {rows} of {rows} embeddings are missing; "
        f"mend it with cliptrace gallery verify --repair --gallery {tmp_path}/g\n",
    )


def test_both_engines_find_the_same(gallery: Path, queries: Path, tmp_path: Path) -> None:
    rows = []
    for engine in ("exact", "milvus"):
        output = tmp_path / f"{engine}.jsonl"
        assert match(queries, "--gallery", gallery, "--output", output, "--engine", engine)[0] == 3
        rows.append(sorted(rows_of(output), key=lambda row: (row["query_id"], row["ref_id"])))
    for one, other in zip(*rows, strict=True):
        assert one["segments"] == other["segments"]
        assert (one["query_id"], one["ref_id"]) == (other["query_id"], other["ref_id"])


@pytest.mark.parametrize(
    ("output", "code", "message"),
    [
        ("matches.json", 2, "--output {output}: the name must end in .jsonl or .parquet"),
        ("readme.md/m.jsonl", 1, "{output}.parts: cannot be written: Not a directory"),
    ],
)
def test_outputs_that_cannot_be(
    gallery: Path, queries: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, output: str, code: int, message: str
) -> None:
    monkeypatch.setattr("cliptrace.pipelines.match.run_pipeline", None)
    (tmp_path / "readme.md").touch()
    path = tmp_path / output
    assert match(queries, "--gallery", gallery, "--output", path) == (
        code, f"cliptrace: error: {message.format(output=path)}\n",
    )  # fmt: skip


def test_a_folder_without_a_gallery(queries: Path, tmp_path: Path) -> None:
    assert match(queries, "--gallery", tmp_path, "--output", tmp_path / "m.jsonl") == (
        2,
        f"cliptrace: error: {tmp_path}: no gallery here (no gallery.json); make one with cliptrace index\n",
    )
