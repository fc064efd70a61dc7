"""cliptrace index as a person runs it: once, again, with changed files, after a kill, and against what may go wrong."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import numpy as np
import pytest

from cliptrace.pipelines import cli
from cliptrace.schemas.gallery import part_path
from cliptrace.transforms.store import files, ledger
from cliptrace.transforms.store.gallery import FrameReader, read_videos
from tests.pipeline.gallery_reading import index, load, stored

GOOD = {"bottles.mp4", "cut.mp4", "sub/cars.mp4"}
CLIPS = Path(__file__).parents[1] / "data" / "clips"


def no_decoding(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError("a video was looked into")

    monkeypatch.setattr("cliptrace.transforms.features.Begin.__call__", refuse)
    monkeypatch.setattr("cliptrace.pipelines.index.run_pipeline", refuse)


# The first run and the next


def test_the_first_run_tells_what_it_did(first_run: tuple[int, str], gallery: Path) -> None:
    code, text = first_run
    assert code == 3
    lines = dict(re.findall(r"^([a-z ,]+): +(.*)$", text, re.MULTILINE))
    lines.pop("index", None)  # progress, on a slow machine
    run_id = ledger.read_attempts(str(gallery))[0].run
    assert lines == {
        "videos": "3",
        "hours of video": lines["hours of video"],
        "failures": "1",
        "keyframes": f"{sum(stored(gallery).values()):,}",
        "partly decoded": "1 (cut.mp4)",
        "other files, ignored": "1 (.txt 1)",
        "gallery": f"{gallery} (3 videos)",
        "failures in": f"{gallery}/failures/run={run_id}",
    }
    assert re.fullmatch(r"0:00:\d\d in \d+\.\d s, \d+\.\d × real time", lines["hours of video"])


def test_what_the_first_run_stored(first_run: object, gallery: Path, videos: Path) -> None:
    assert set(stored(gallery)) == GOOD
    (path,) = files.find(str(gallery), part_path("videos", "*", "*"))
    rows = {row["video_id"]: row for row in files.read_table(path).to_pylist()}
    assert {video_id: row["partial"] for video_id, row in rows.items()} == {
        "bottles.mp4": False, "cut.mp4": True, "sub/cars.mp4": False,
    }  # fmt: skip
    assert rows["cut.mp4"]["warning"]
    assert rows["cut.mp4"]["decoded_s"] < rows["cut.mp4"]["duration_s"]
    assert rows["bottles.mp4"]["uri"] == str(videos / "bottles.mp4")
    opened = load(gallery)
    for video_id, video in read_videos(opened).items():
        times, embeddings = FrameReader(opened).read(video)
        assert len(times) == rows[video_id]["keyframes"]
        assert np.all(np.diff(times) > 0)
        np.testing.assert_allclose(np.linalg.norm(embeddings, axis=1), 1, atol=1e-3)


def test_the_broken_one_is_a_dead_letter(gallery: Path, videos: Path) -> None:
    (path,) = gallery.glob("failures/run=*/*.jsonl")
    (line,) = path.read_text().splitlines()
    letter = json.loads(line)
    assert letter.pop("time") > 1e9
    assert letter.pop("fingerprint").startswith("16-")
    assert letter.pop("message").startswith("not a video: ")
    assert letter == {
        "uri": str(videos / "broken.mp4"), "video_id": "broken.mp4", "stage": "probe",
        "error": "MediaError", "attempt": 1,
    }  # fmt: skip


def test_a_second_run_does_no_work(
    own: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    no_decoding(monkeypatch)
    # The copied folder has the same files with the same times.
    before = sorted(str(path) for path in (own / "gallery").rglob("*") if "milvus" not in str(path))
    code, text = index(capsys, own / "videos", "--gallery", own / "gallery")
    assert code == 0
    assert "unchanged, skipped:      3\n" in text
    assert "known failures, skipped: 1 (retry them with --retry-failed)\n" in text
    assert sorted(str(path) for path in (own / "gallery").rglob("*") if "milvus" not in str(path)) == before


def test_a_changed_file_is_indexed_anew_and_its_old_rows_are_gone(
    own: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = own / "gallery"
    before = stored(root)
    old = read_videos(load(root))["sub/cars.mp4"]
    shutil.copy(CLIPS / "coffee.mp4", own / "videos" / "bottles.mp4")
    assert index(capsys, own / "videos", "--gallery", root)[0] == 0
    after = stored(root)
    assert set(after) == GOOD
    assert {**after, "bottles.mp4": 0} == {**before, "bottles.mp4": 0}
    assert read_videos(load(root))["sub/cars.mp4"] == old
    attempts = [a for a in ledger.read_attempts(str(root)) if a.video_id == "bottles.mp4"]
    assert len(attempts) == 2
    assert len({attempt.content_sha256 for attempt in attempts}) == 2


def test_a_file_may_change_twice(own: Path, capsys: pytest.CaptureFixture[str]) -> None:
    root, clip = own / "g", own / "videos" / "sub" / "cars.mp4"
    for name in ("cars", "coffee", "street", "cars"):
        shutil.copy(CLIPS / f"{name}.mp4", clip)
        assert index(capsys, clip.parent, "--gallery", root)[0] == 0
    assert set(stored(root)) == {"cars.mp4"}


def test_another_file_of_the_same_name_is_counted(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    root, first, second = tmp_path / "g", tmp_path / "1" / "clip.mp4", tmp_path / "2" / "clip.mp4"

    def told(file: Path, name: str) -> bool:
        file.parent.mkdir(exist_ok=True)
        shutil.copy(CLIPS / name, file)
        code, text = index(capsys, file.parent, "--gallery", root)
        assert code == 0
        assert ("replaced" in text) == ("replaced by other files: 1 (clip.mp4)\n" in text)
        return "replaced" in text

    assert not told(first, "cars.mp4")
    assert not told(second, "cars.mp4")  # the same content elsewhere
    assert not told(second, "coffee.mp4")  # the same file, changed
    assert told(first, "street.mp4")


def test_ignored_files_are_listed_when_asked_for(
    videos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["index", str(videos), "--gallery", str(tmp_path / "g"), "--dry-run", "--verbose"]
    assert cli.main(arguments) == 0
    assert capsys.readouterr().err.startswith(f"ignored: {videos}/readme.txt\n")


def test_lost_embeddings_end_the_run_before_the_work(
    own: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    no_decoding(monkeypatch)
    root = own / "gallery"
    shutil.rmtree(root / "milvus.db")
    shutil.copy(CLIPS / "coffee.mp4", own / "videos")
    rows = sum(video.keyframes for video in read_videos(load(root)).values())
    assert index(capsys, own / "videos", "--gallery", root) == (
        1,
        f"cliptrace: error: {root}/milvus.db: {rows} of {rows} embeddings are missing; "
        f"mend it with cliptrace gallery verify --repair --gallery {root}\n",
    )


def test_known_failures_are_tried_again_when_asked_or_when_mended(
    own: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = own / "gallery"
    code, text = index(capsys, own / "videos", "--gallery", root, "--retry-failed")
    assert code == 3
    assert re.search(r"^failures: +1$", text, re.MULTILINE)
    state = ledger.latest(ledger.read_attempts(str(root)))["broken.mp4"]
    assert (state.status, state.attempt) == ("failed", 2)
    shutil.copy(CLIPS / "coffee.mp4", own / "videos" / "broken.mp4")
    code, _ = index(capsys, own / "videos", "--gallery", root)
    assert code == 0
    assert set(stored(root)) == {*GOOD, "broken.mp4"}


def test_other_models_than_the_gallerys_are_refused(own: Path, capsys: pytest.CaptureFixture[str]) -> None:
    root, source = own / "gallery", own / "videos"
    config = json.loads((root / "gallery.json").read_text())["backbone"]
    config["pooling"], config["name"], digest = "mac", "other", f"{config['sha256'][:12]}…"
    (own / "other.json").write_text(json.dumps(config))
    code, text = index(capsys, source, "--gallery", root, "--backbone", own / "other.json")
    assert code == 2
    assert text == (
        f"cliptrace: error: {root} was built with backbone copy_lite0 "
        f"(sha256 {digest}, gem, 256 dimensions), not other (sha256 {digest}, mac, 256 dimensions): "
        "leave --backbone out, or index into another gallery\n"
    )
    code, text = index(capsys, source, "--gallery", root, "--keyframes", "uniform:4")
    assert code == 2
    assert text == (
        f"cliptrace: error: {root} was built with keyframes ske:balanced, not uniform:4: "
        "leave --keyframes out, or index into another gallery\n"
    )
    code, text = index(capsys, source, "--gallery", root, "--milvus", "http://localhost:1")
    assert (code, text) == (
        2,
        f"cliptrace: error: {root} was built with milvus the embedded store, not http://localhost:1: "
        "leave --milvus out, or index into another gallery\n",
    )
