"""A job that is written down for others to start: one job, and what follows it is part of it.

The in-process runner stands for the one that starts the job: it knows no templates, and runs at once.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from cliptrace.pipelines import cli, running
from cliptrace.transforms.store import ledger

CLIPS = Path(__file__).parents[1] / "data" / "clips"
TEMPLATE = ["--", "--template_location=gs://b/job"]


def test_the_job_of_a_search_writes_the_output(own: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (own / "out").mkdir()
    command = ["match", str(own / "videos"), "--gallery", str(own / "gallery"), "--output"]
    assert cli.main([*command, str(own / "out" / "job.jsonl"), *TEMPLATE]) == 0
    told = capsys.readouterr().err
    assert "left to the job: 4\n" in told
    assert "matches" not in told
    assert cli.main([*command, str(own / "out" / "here.jsonl")]) == 3
    job, here = ((own / "out" / name).read_text() for name in ("job.jsonl", "here.jsonl"))
    assert job == here
    assert [json.loads(line)["video_id"] for line in (own / "out" / "job.failures.jsonl").open()] == ["broken.mp4"]
    assert len(list((own / "out").iterdir())) == 4  # no parts are left


def test_a_search_without_any_match_has_an_output_too(own: Path) -> None:
    command = ["match", str(CLIPS / "baseball.mp4"), "--gallery", str(own / "gallery"), "--min-score", "1"]
    assert cli.main([*command, "--output", str(own / "none.jsonl"), *TEMPLATE]) == 0
    assert (own / "none.jsonl").read_text() == ""


def test_the_job_of_an_index_indexes(videos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    root = str(tmp_path / "gallery")
    assert cli.main(["index", str(videos / "bottles.mp4"), "--gallery", root, *TEMPLATE]) == 0
    assert "left to the job: 1\n" in capsys.readouterr().err
    assert [attempt.video_id for attempt in ledger.read_attempts(root)] == ["bottles.mp4"]


def test_a_template_is_one_job(own: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(running, "_LOCAL_WAVE", (3, 1 << 62))
    command = ["match", str(own / "videos"), "--gallery", str(own / "gallery"), "--output", str(own / "m.jsonl")]
    assert cli.main([*command, *TEMPLATE]) == 2
    assert capsys.readouterr().err.endswith(
        "cliptrace: error: 4 videos: a template starts one job, of at most 3 videos; name fewer, with --limit where "
        "there is one, and start it again for the rest\n"
    )
    assert sorted(path.name for path in own.iterdir()) == ["gallery", "videos"]
