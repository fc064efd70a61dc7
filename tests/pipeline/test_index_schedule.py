"""cliptrace index as a scheduler runs it: part of the work, a rehearsal, and the report."""

from __future__ import annotations

import datetime
import json
import os
import shutil
import stat
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from cliptrace.pipelines import cli
from cliptrace.pipelines.cli.index import since
from cliptrace.transforms.store import ledger
from tests.pipeline.gallery_reading import index, stored, without_columns

CLIPS = Path(__file__).parents[1] / "data" / "clips"
NAMES = ("cars.mp4", "coffee.mp4", "street.mp4")


@pytest.fixture
def clips(tmp_path: Path) -> Path:
    """Three clips, of which cars is of yesterday and the others are of 2020."""
    folder = tmp_path / "clips"
    folder.mkdir()
    for name in NAMES:
        shutil.copy(CLIPS / name, folder)
        changed = time.time() - 86400 if name == "cars.mp4" else datetime.datetime(2020, 1, 1).timestamp()
        os.utime(folder / name, (changed, changed))
    return folder


def report_of(path: Path) -> dict[str, Any]:
    report: dict[str, Any] = json.loads(path.read_text())
    for name in ("started", "finished"):
        assert datetime.datetime.fromisoformat(report.pop(name)).tzinfo == datetime.UTC
    assert report.pop("seconds") >= 0
    assert report.pop("version") == cli.__version__
    return report


def files_below(root: Path) -> dict[str, tuple[int, int]]:
    return {
        str(path): (status.st_size, status.st_mtime_ns)
        for path in root.rglob("*")
        if stat.S_ISREG((status := path.stat()).st_mode)
    }


def test_a_limit_leaves_the_rest_for_the_next_run(
    clips: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root, report = tmp_path / "g", tmp_path / "reports" / "run.json"
    code, text = index(capsys, clips, "--gallery", root, "--limit", "1", "--since", "2020-01-01", "--report", report)
    assert (code, set(stored(root))) == (0, {"cars.mp4"})
    assert "left for the next run: 2 (--limit)\n" in without_columns(text)
    assert report_of(report)["videos"]["left"] == 2
    code, text = index(capsys, clips, "--gallery", root, "--limit", "2")
    assert (code, set(stored(root))) == (0, set(NAMES))
    assert "left" not in text


def test_older_files_are_left_out(clips: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, text = index(capsys, clips, "--gallery", tmp_path / "g", "--since", "7d")
    assert (code, set(stored(tmp_path / "g"))) == (0, {"cars.mp4"})
    assert "older, skipped: 2 (changed before --since)\n" in without_columns(text)


def test_a_report_says_what_became_of_every_video(own: Path, capsys: pytest.CaptureFixture[str]) -> None:
    root, path = own / "gallery", own / "report.json"
    shutil.copy(CLIPS / "coffee.mp4", own / "videos")
    code, _ = index(capsys, own / "videos", "--gallery", root, "--retry-failed", "--report", path)
    assert code == 3
    run = max(attempt.run for attempt in ledger.read_attempts(str(root)))
    report = report_of(path)
    assert report.pop("keyframes") > 10
    assert report.pop("video_seconds") > 5
    assert report == {
        "command": "index",
        "gallery": str(root),
        "exit_code": 3,
        "error": None,
        "run": run,
        "videos": {
            "indexed": 1,
            "partly_decoded": 0,
            "replaced": 0,
            "failed": 1,
            "moved": 0,
            "copies": 0,
            "gone": 0,
            "out_of_reach": 0,
            "pruned": 0,
            "unchanged": 3,
            "known_failures": 0,
            "removed": 0,
            "older": 0,
            "left": 0,
            "other_files": 1,
            "in_gallery": 4,
        },
        "dead_letters": f"{root}/failures/run={run}",
    }
    assert list(Path(report["dead_letters"]).glob("*.jsonl"))


def test_a_run_that_cannot_go_on_reports_why(
    videos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "r.json"
    code, _ = index(capsys, tmp_path / "no\nthing", "--gallery", tmp_path / "g", "--report", path)
    problem = f"{tmp_path}/no thing: no such file or folder"
    assert (code, report_of(path)) == (
        2, {"command": "index", "gallery": str(tmp_path / "g"), "exit_code": 2, "error": problem}
    )  # fmt: skip
    monkeypatch.setenv("PATH", str(tmp_path))
    code, _ = index(capsys, videos, "--gallery", tmp_path / "g", "--report", path)
    assert (code, report_of(path)["exit_code"]) == (1, 1)
    assert report_of(path)["error"] == "ffmpeg is not installed: apt-get install ffmpeg"


def test_a_report_has_no_exit_code_while_the_run_goes_on(
    clips: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "r.json"
    seen: list[dict[str, Any]] = []

    def interrupted(*_: object) -> None:
        seen.append(json.loads(path.read_text()))
        raise KeyboardInterrupt

    monkeypatch.setattr("cliptrace.pipelines.index.run_pipeline", interrupted)
    assert cli.main(["index", str(clips), "--gallery", str(tmp_path / "g"), "--report", str(path)]) == 1
    assert (seen[0]["exit_code"], seen[0]["finished"]) == (None, None)
    report = report_of(path)
    assert (report["exit_code"], report["error"]) == (1, "stopped")


def test_a_report_that_cannot_be_written_ends_the_run_before_the_work(
    clips: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").touch()
    code, text = index(capsys, clips, "--gallery", tmp_path / "g", "--report", tmp_path / "file" / "r.json")
    assert (code, text) == (1, f"cliptrace: error: {tmp_path}/file/r.json: cannot be written: File exists\n")
    assert not (tmp_path / "g").exists()


# Rehearsals


def test_a_dry_run_of_a_new_gallery_makes_none(clips: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["index", str(clips), "--gallery", str(tmp_path / "g"), "--dry-run", "--limit", "2"]
    assert cli.main(arguments) == 0
    out, err = capsys.readouterr()
    assert [json.loads(line) for line in out.splitlines()] == [
        {"video_id": name, "uri": str(clips / name), "why": "new"} for name in NAMES[:2]
    ]
    assert err == (
        "would be indexed:      2 (2 new)\n"
        "left for the next run: 1 (--limit)\n"
        f"gallery:               {tmp_path}/g (would be made)\n"
    )
    assert [path.name for path in tmp_path.iterdir()] == ["clips"]


def test_a_dry_run_says_why_and_writes_nothing(own: Path, capsys: pytest.CaptureFixture[str]) -> None:
    root, report = own / "gallery", own / "report.json"
    shutil.copy(CLIPS / "coffee.mp4", own / "videos")
    shutil.copy(CLIPS / "street.mp4", own / "videos" / "bottles.mp4")
    before = files_below(root)
    options = ["--retry-failed", "--dry-run", "--report", str(report)]
    assert cli.main(["index", str(own / "videos"), "--gallery", str(root), *options]) == 0
    out, err = capsys.readouterr()
    assert {row["video_id"]: row["why"] for row in map(json.loads, out.splitlines())} == {
        "bottles.mp4": "changed", "broken.mp4": "retry", "coffee.mp4": "new",
    }  # fmt: skip
    assert "would be indexed: 3 (1 new, 1 changed, 1 retry)\nunchanged, skipped: 2\n" in without_columns(err)
    assert files_below(root) == before
    assert report_of(report)["videos"] == {
        "would_be_indexed": 3, "new": 1, "changed": 1, "retry": 1,
        "moved": 0, "copies": 0, "gone": 0, "out_of_reach": 0, "pruned": 0,
        "unchanged": 2, "known_failures": 0, "removed": 0, "older": 0, "left": 0, "other_files": 1,
    }  # fmt: skip


def test_a_dry_run_refuses_what_a_run_would(own: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, text = index(capsys, own / "videos", "--gallery", own / "gallery", "--dry-run", "--keyframes", "uniform:4")
    assert (code, text) == (
        2,
        f"cliptrace: error: {own}/gallery was built with keyframes ske:balanced, not uniform:4: "
        "leave --keyframes out, or index into another gallery\n",
    )


def test_a_reader_that_has_seen_enough_gets_no_traceback(clips: Path, tmp_path: Path) -> None:
    command = [
        sys.executable,
        "-m",
        "cliptrace.pipelines.cli",
        "index",
        clips,
        "--gallery",
        tmp_path / "g",
        "--dry-run",
    ]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout is not None
    process.stdout.close()
    assert process.stderr is not None
    text = process.stderr.read()
    assert (process.wait(60), "Traceback" in text, "BrokenPipe" in text) == (1, False, False)


def test_times_are_spans_or_moments() -> None:
    now = time.time()
    assert since("36h") == pytest.approx(now - 36 * 3600, abs=60)
    assert since("1.5d") == since("36h") or since("1.5d") == pytest.approx(now - 36 * 3600, abs=60)
    assert since("2026-01-31") == datetime.datetime(2026, 1, 31, tzinfo=datetime.UTC).timestamp()
    assert since("2026-01-31T18:00+01:00") == since("2026-01-31T17:00") == since("2026-01-31T17:00Z")


@pytest.mark.parametrize("text", ["", "soon", "7", "d", "2026-31-01", "99999999999d", "nand"])
def test_what_is_no_time(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        cli.main(["index", "v", "--gallery", "g", "--since", text])
    assert caught.value.code == 2
    assert f"argument --since: {text} is neither a span (7d, 36h, 90m) nor a date" in capsys.readouterr().err
