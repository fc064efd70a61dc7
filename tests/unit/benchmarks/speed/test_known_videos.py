"""The bench of runs without work: it really has none, on local files and in the bucket that answers slowly."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from apache_beam.io.filesystems import FileSystems

from benchmarks.speed import known_videos, slow_bucket


def test_every_video_is_known(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["--sizes", "200", "--bucket", "40", "--output", str(tmp_path)]
    assert known_videos.QUESTION.main(arguments) == 0
    result = json.loads((tmp_path / "known_videos.json").read_text(encoding="utf-8"))
    assert [(row["videos"], row["in"], row["skipped"]) for row in result["rows"]] == [
        (200, "files", 200),
        (40, "bucket", 40),
    ]
    assert all(row["peak_mb"] > 10 and row["seconds"] > 0 for row in result["rows"])
    assert "a bucket, 20 ms a request" in capsys.readouterr().out


def test_the_bucket_takes_its_time_and_lists_by_prefix(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    requests: list[float] = []
    monkeypatch.setattr(slow_bucket.time, "sleep", requests.append)
    monkeypatch.setattr(slow_bucket, "PAGE", 2)
    for name in ("a/1", "a/2", "a/b/3", "c/4"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(name)
    (listed,) = FileSystems.match([f"slow:/{tmp_path}/a/**"])
    assert sorted(each.path for each in listed.metadata_list) == [f"slow:/{tmp_path}/a/{n}" for n in ("1", "2", "b/3")]
    assert len(requests) == 2  # two pages
    with FileSystems.open(f"slow:/{tmp_path}/c/4") as file:
        assert file.read() == b"c/4"
    assert FileSystems.exists(f"slow:/{tmp_path}/c/4")
    assert not FileSystems.exists(f"slow:/{tmp_path}/c/5")
    assert len(requests) == 5
