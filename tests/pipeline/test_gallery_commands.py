"""cliptrace gallery as a person runs it, on a gallery of real clips."""

from __future__ import annotations

import contextlib
import io
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from cliptrace.pipelines import cli
from cliptrace.pipelines import match as matching
from cliptrace.schemas.gallery import part_path
from cliptrace.transforms.store import files, ledger
from cliptrace.transforms.store.gallery import locked, read_videos
from tests.pipeline.gallery_reading import index, load, stored

CLIPS = Path(__file__).parents[1] / "data" / "clips"
CLIPTRACE = [sys.executable, "-m", "cliptrace.pipelines.cli"]


def run(capsys: pytest.CaptureFixture[str], *arguments: str | Path) -> tuple[int, str, str]:
    code = cli.main(["gallery", *map(str, arguments)])
    out, err = capsys.readouterr()
    return code, out, err


def match(gallery: Path, query: Path, output: Path, *more: str) -> set[str]:
    """Ids of the videos that the query matches."""
    with contextlib.redirect_stderr(io.StringIO()):
        assert cli.main(["match", str(query), "--gallery", str(gallery), "--output", str(output), *more]) == 0
    return {json.loads(line)["ref_id"] for line in output.read_text().splitlines()}


# Seeing what is there


def test_list(gallery: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = run(capsys, "list", "--gallery", gallery)
    assert (code, err) == (0, "")
    head, *rows = out.splitlines()
    assert head.split() == ["seconds", "keyframes", "indexed", "(UTC)", "video"]
    assert [re.sub(r"\d{4}-\d\d-\d\d \d\d:\d\d", "TIME", row).split() for row in rows] == [
        [f"{video.decoded_s:.1f}", str(video.keyframes), "TIME", video_id]
        for video_id, video in sorted(read_videos(load(gallery)).items())
    ]
    code, out, _ = run(capsys, "list", "--gallery", gallery, "--json")
    lines = [json.loads(line) for line in out.splitlines()]
    assert [line["video_id"] for line in lines] == ["bottles.mp4", "cut.mp4", "sub/cars.mp4"]
    assert set(lines[0]) == {"video_id", "uri", "seconds", "keyframes", "indexed", "metadata"}


def test_list_of_nothing_is_nothing(own: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(capsys, "list", "--gallery", own / "gallery", "--removed") == (0, "", "")


def test_show(gallery: Path, videos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    match(gallery, CLIPS / "bottles.mp4", tmp_path / "m.jsonl")
    capsys.readouterr()
    code, out, err = run(capsys, "show", "bottles.mp4", "--gallery", gallery, "--matches", tmp_path / "m.jsonl")
    assert (code, err) == (0, "")
    facts = dict(re.findall(r"^([a-z ]+): +(.*)$", out, re.MULTILINE))
    video = read_videos(load(gallery))["bottles.mp4"]
    assert facts["uri"] == str(videos / "bottles.mp4")
    assert (facts["keyframes"], facts["seconds"]) == (str(video.keyframes), f"{video.decoded_s:.3f}")
    assert facts["shard"] == f"{video.frames_file}, row group {video.row_group}"
    assert re.fullmatch(r"[\d,]+ bytes in Parquet, [\d,]+ in Milvus without its index", facts["storage"])
    assert facts["matches"] == f"1 in {tmp_path}/m.jsonl"
    assert re.search(r"^  [01]\.\d\d +\d segments +[\d.]+ s  of bottles.mp4$", out, re.MULTILINE)
    _, cut, _ = run(capsys, "show", videos / "cut.mp4", "--gallery", gallery)
    assert re.search(r"^seconds: +\d+\.\d{3} of \d+\.\d{3}$", cut, re.MULTILINE)
    _, broken, _ = run(capsys, "show", "broken.mp4", "--gallery", gallery)
    assert "stored:       nothing\n" in broken
    assert re.search(r"^last attempt: .* UTC, number 1: probe: not a video: ", broken, re.MULTILINE)


def test_stats(gallery: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(capsys, "stats", "--gallery", gallery)
    assert code == 0
    keyframes = sum(stored(gallery).values())
    for line in (
        "videos:            3",
        f"keyframes:         {keyframes}",
        "failed:            1",
        "format:            4",
    ):
        assert f"{line}\n" in out
    _, out, _ = run(capsys, "stats", "--gallery", gallery, "--json")
    stats = json.loads(out)
    assert (stats["videos"], stats["keyframes"], stats["removed"]) == (3, keyframes, 0)


def test_names_cannot_steer_a_terminal(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    name = "a\n\x1b[31m\u202e\x9b.mp4"
    (tmp_path / "v").mkdir()
    shutil.copy(CLIPS / "coffee.mp4", tmp_path / "v" / name)
    assert index(capsys, tmp_path / "v", "--gallery", tmp_path / "g")[0] == 0
    for arguments in (["list"], ["show", name], ["remove", name], ["list", "--removed"], ["reinstate", name]):
        code, out, err = run(capsys, *arguments, "--gallery", tmp_path / "g")
        assert code == 0
        assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e]", out + err)
        assert r"a\n\x1b[31m\u202e\x9b.mp4" in out + err


def test_who_reads_may_have_had_enough(gallery: Path) -> None:
    command = f"{sys.executable} -m cliptrace.pipelines.cli gallery list --json --gallery {gallery} | true"
    done = subprocess.run(["bash", "-o", "pipefail", "-c", command], capture_output=True, timeout=60)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (
            ["list", "--gallery", "{empty}"],
            2,
            "{empty}: no gallery here (no gallery.json); make one with cliptrace index",
        ),
        (["show", "nix", "--gallery", "{gallery}"], 1, "{gallery}: no video has the id, path or URI 'nix'"),
        (["remove", "nix", "--gallery", "{gallery}"], 1, "{gallery}: no video has the id, path or URI 'nix'"),
        (["reinstate", "x", "--gallery", "{gallery}"], 1, "{gallery}: no removed video has the id, path or URI 'x'"),
    ],
)
def test_what_cannot_be(
    gallery: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], code: int, message: str
) -> None:
    places = {"empty": tmp_path, "gallery": gallery}
    result = run(capsys, *(argument.format(**places) for argument in arguments))
    assert result == (code, "", f"cliptrace: error: {message.format(**places)}\n")


# Takedown


def test_a_removed_video_is_found_no_more_until_it_is_reinstated(own: Path, capsys: pytest.CaptureFixture[str]) -> None:
    root, source, output = own / "gallery", own / "videos", own / "m.jsonl"
    assert match(root, source / "bottles.mp4", output) == {"bottles.mp4"}
    capsys.readouterr()
    assert run(capsys, "remove", "bottles.mp4", "--gallery", root) == (
        0, "", f"removed: 1 (bottles.mp4)\ngallery: {root}\n",
    )  # fmt: skip
    assert match(root, source / "bottles.mp4", output) == set()
    assert set(stored(root)) == {"cut.mp4", "sub/cars.mp4"}
    code, text = index(capsys, source, "--gallery", root)
    assert code == 0
    assert "removed, kept out:       1 (bottles.mp4); to let one in again: cliptrace gallery reinstate\n" in text
    _, out, _ = run(capsys, "list", "--removed", "--gallery", root)
    assert out.splitlines()[1].endswith("  bottles.mp4")
    _, out, _ = run(capsys, "show", "bottles.mp4", "--gallery", root)
    assert re.search(r"^removed: \S+ \S+ UTC; kept out until cliptrace gallery reinstate$", out, re.MULTILINE)
    assert run(capsys, "reinstate", "bottles.mp4", "--gallery", root) == (
        0, "", "reinstated: 1 (bottles.mp4); have them back with cliptrace index\n",
    )  # fmt: skip
    assert index(capsys, source, "--gallery", root)[0] == 0
    assert match(root, source / "bottles.mp4", output) == {"bottles.mp4"}


@pytest.mark.parametrize(("engine", "code"), [("exact", 0), ("milvus", 1)])
def test_a_match_that_runs_meanwhile_does_not_answer_with_a_removed_video(
    own: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, engine: str, code: int
) -> None:
    """Where it holds the embedded store the rows must stay for now; the answer is hidden all the same."""
    run_pipeline = matching.run_pipeline

    def then_remove(*arguments: Any) -> None:
        run_pipeline(*arguments)
        assert run(capsys, "remove", "bottles.mp4", "--gallery", own / "gallery")[0] == code

    monkeypatch.setattr(matching, "run_pipeline", then_remove)
    asked = own / "gallery", own / "videos" / "bottles.mp4", own / "m.jsonl", "--engine", engine
    assert match(*asked) == set()
    assert set(stored(own / "gallery")) == {"cut.mp4", "sub/cars.mp4"} | ({"bottles.mp4"} if code else set())
    assert run(capsys, "remove", "bottles.mp4", "--gallery", own / "gallery")[0] == 0
    assert set(stored(own / "gallery")) == {"cut.mp4", "sub/cars.mp4"}


def test_a_video_that_is_removed_while_the_output_is_written_is_not_in_it(
    own: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    finish, written = matching.finish, []

    def then_remove(parts: list[str], name: str, *arguments: Any, **more: Any) -> list[dict[str, Any]]:
        rows = finish(parts, name, *arguments, **more)
        if name == "matches.jsonl":
            written.append({row["ref_id"] for row in rows})
            assert run(capsys, "remove", "bottles.mp4", "--gallery", own / "gallery")[0] == 0
        return rows

    monkeypatch.setattr(matching, "finish", then_remove)
    assert match(own / "gallery", own / "videos" / "bottles.mp4", own / "m.jsonl") == set()
    assert written == [{"bottles.mp4"}, set()]


# Verify and compact


def test_verify_tells_and_mends(own: Path, capsys: pytest.CaptureFixture[str]) -> None:
    root = own / "gallery"
    agree = "Parquet, ledger and Milvus agree\n"
    rows = {video_id: video.keyframes for video_id, video in read_videos(load(root)).items()}
    shutil.rmtree(root / "milvus.db")
    names = "".join(f"  {video_id}\n" for video_id in ledger.live(ledger.read_attempts(str(root))))
    head = f"keyframes missing in Milvus: {sum(rows.values()):,}\n{names}"
    assert run(capsys, "verify", "--gallery", root) == (1, f"{head}  with --repair: written from Parquet\n", "")
    assert run(capsys, "verify", "--repair", "--gallery", root) == (
        0, f"{head}  repaired: written from Parquet\n{agree}", "",
    )  # fmt: skip
    assert stored(root) == rows
    (path,) = files.find(str(root), part_path("frames", "*", "*"))
    Path(path).unlink()
    code, out, _ = run(capsys, "verify", "--repair", "--gallery", root)
    assert code == 3
    assert out.startswith("videos lost in Parquet: 3\n  ")
    assert out.endswith(f"  repaired: taken off the ledger, so that cliptrace index takes them in again\n{agree}")
    assert index(capsys, own / "videos", "--gallery", root)[0] == 0
    assert stored(root) == rows


def test_compact(own: Path, capsys: pytest.CaptureFixture[str]) -> None:
    root = own / "gallery"
    for name in ("coffee", "street"):
        shutil.copy(CLIPS / f"{name}.mp4", own / "videos")
        assert index(capsys, own / "videos", "--gallery", root)[0] == 0
    rows = stored(root)
    assert run(capsys, "compact", "--gallery", root) == (0, "", "files: 10 before, 4 after\n")
    assert stored(root) == rows
    assert run(capsys, "verify", "--gallery", root)[0] == 0
    code, text = index(capsys, own / "videos", "--gallery", root)
    assert code == 0
    assert "unchanged, skipped:      5\n" in text
    assert "known failures, skipped: 1 " in text


# Two writers


def test_a_second_writer_is_told_at_once(own: Path, capsys: pytest.CaptureFixture[str]) -> None:
    root = own / "gallery"
    before = {path: path.read_bytes() for path in root.rglob("*.parquet")}
    message = (
        f"cliptrace: error: {root}: another process uses this gallery; "
        "wait for it (with a Milvus server, searches need not)\n"
    )
    with locked(str(root)):
        for command in (["verify"], ["verify", "--repair"], ["compact"]):
            assert run(capsys, *command, "--gallery", root) == (1, "", message)
        assert index(capsys, own / "videos", "--gallery", root) == (1, message)
        for command in (["list"], ["stats"], ["show", "cut.mp4"]):
            assert run(capsys, *command, "--gallery", root)[0] == 0
    assert {path: path.read_bytes() for path in root.rglob("*.parquet")} == before


def test_two_first_runs_make_one_gallery(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Both find no gallery; one makes it, the other is told, and may be run again."""
    root, environment = tmp_path / "g", {**os.environ, "PYTHONPATH": str(Path(cli.__file__).parents[2])}
    clips = [CLIPS / "coffee.mp4", CLIPS / "cars.mp4"]
    commands = [[*CLIPTRACE, "index", str(clip), "--gallery", str(root)] for clip in clips]
    processes = [subprocess.Popen(c, stderr=subprocess.PIPE, text=True, env=environment) for c in commands]
    texts = [process.communicate(timeout=120)[1] for process in processes]
    codes = [process.returncode for process in processes]
    assert 0 in codes, texts
    for code, text in zip(codes, texts, strict=True):
        assert code == 0 or "another process uses this gallery" in text
    for clip in clips:
        assert index(capsys, clip, "--gallery", root)[0] == 0
    assert set(stored(root)) == {"coffee.mp4", "cars.mp4"}
    assert run(capsys, "verify", "--gallery", root)[0] == 0


@pytest.fixture
def server(tmp_path: Path) -> Iterator[str]:
    """Milvus Lite as a server of its own, for several processes of this machine."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    program = Path(sys.executable).with_name("milvus-lite")
    command = [program, "server", "--data-dir", tmp_path / "lite", "--host", "127.0.0.1", "--port", str(port)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            for _ in range(300):
                with socket.socket() as client:
                    if client.connect_ex(("127.0.0.1", port)) == 0:
                        break
                time.sleep(0.1)
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()


@pytest.mark.parametrize("embedded", [True, False])
def test_one_searches_while_another_indexes(
    embedded: bool, request: pytest.FixtureRequest, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root, folder = tmp_path / "g", tmp_path / "videos"
    folder.mkdir()
    shutil.copy(CLIPS / "bottles.mp4", folder)
    store = [] if embedded else ["--milvus", request.getfixturevalue("server")]
    environment = {**os.environ, "PYTHONPATH": str(Path(cli.__file__).parents[2])}
    command = [*CLIPTRACE, "index", str(folder), "--gallery", str(root)]
    subprocess.run([*command, *store], check=True, capture_output=True, env=environment, timeout=120)
    with locked(str(root)):  # as an indexing process holds it
        assert match(root, CLIPS / "bottles.mp4", tmp_path / "m.jsonl") == {"bottles.mp4"}
        assert "another process uses this gallery" in index(capsys, folder, "--gallery", root)[1]
    for name in ("cars", "coffee", "street"):
        shutil.copy(CLIPS / f"{name}.mp4", folder)
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=environment) as process:
        answers = 0
        while process.poll() is None or not answers:
            assert "bottles.mp4" in match(root, CLIPS / "bottles.mp4", tmp_path / "m.jsonl")
            answers += 1
        assert process.wait() == 0, process.stderr and process.stderr.read()
    assert len(match(root, CLIPS / "cars.mp4", tmp_path / "m.jsonl")) == 1  # what was acknowledged is seen
    assert run(capsys, "verify", "--gallery", root) == (0, "Parquet, ledger and Milvus agree\n", "")
    assert len(read_videos(load(root))) == 4


# Formats


def make_older(root: Path) -> None:
    """As the first format was: a ledger without generations."""
    for path in ledger.shards(str(root)):
        table = pq.read_table(path).drop_columns(["generation", "content_sample"])
        pq.write_table(table.cast(table.schema.remove_metadata()), path)
    manifest = json.loads((root / "gallery.json").read_text())
    (root / "gallery.json").write_text(json.dumps({**manifest, "format_version": 1}))


def version(root: Path) -> int:
    return int(json.loads((root / "gallery.json").read_text())["format_version"])


def test_an_older_gallery_is_read_as_it_is_and_migrated_by_the_first_to_write(
    own: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = own / "gallery"
    rows = stored(root)
    make_older(root)
    assert run(capsys, "verify", "--gallery", root)[0] == 0
    assert match(root, own / "videos" / "bottles.mp4", own / "m.jsonl") == {"bottles.mp4"}
    assert version(root) == 1
    shutil.copy(CLIPS / "coffee.mp4", own / "videos" / "bottles.mp4")
    assert index(capsys, own / "videos", "--gallery", root)[0] == 0
    assert version(root) == 4
    after = stored(root)
    assert {**after, "bottles.mp4": 0} == {**rows, "bottles.mp4": 0}
    assert run(capsys, "verify", "--gallery", root)[0] == 0
    assert run(capsys, "compact", "--gallery", root)[0] == 0
    assert run(capsys, "verify", "--gallery", root)[0] == 0
    assert stored(root) == after


@pytest.mark.parametrize("command", [["remove", "cut.mp4"], ["verify", "--repair"], ["compact"]])
def test_every_writer_migrates(own: Path, capsys: pytest.CaptureFixture[str], command: list[str]) -> None:
    root = own / "gallery"
    make_older(root)
    assert run(capsys, *command, "--gallery", root)[0] == 0
    assert version(root) == 4
    assert run(capsys, "verify", "--gallery", root)[0] == 0


def test_a_newer_gallery_is_refused_by_every_command(own: Path, capsys: pytest.CaptureFixture[str]) -> None:
    root = own / "gallery"
    manifest = json.loads((root / "gallery.json").read_text())
    (root / "gallery.json").write_text(json.dumps({**manifest, "format_version": 5}))
    message = f"cliptrace: error: {root}/gallery.json: format version 5 is newer than this cliptrace (4): upgrade it\n"
    for command in (["list"], ["show", "x"], ["stats"], ["remove", "x"], ["reinstate", "x"], ["verify"], ["compact"]):
        assert run(capsys, *command, "--gallery", root) == (1, "", message)
    assert index(capsys, own / "videos", "--gallery", root) == (1, message)
