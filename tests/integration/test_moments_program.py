"""Moments as a person asks for them: the program in a shell, footage that is edited, and files that are gone since."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from tests.encoding import ffmpeg
from tests.pipeline.clip_network import write_clip_network

CLIPS = Path(__file__).parents[1] / "data" / "clips"


def cliptrace(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-P", "-m", "cliptrace.pipelines.cli", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=300)


def test_a_happening_is_found_in_a_longer_video(tmp_path: Path) -> None:
    """8 s of juggling in between other things, asked for by 5 s of them, smaller, and by a file that is none."""
    videos, queries = tmp_path / "videos", tmp_path / "queries"
    videos.mkdir()
    queries.mkdir()
    shown = [("-ss", at, "-t", 8, "-i", CLIPS / f"{name}.mp4") for name, at in (("cars", 2), ("juggling", 1))]
    again = ("-ss", 2, "-t", 6, "-i", CLIPS / "coffee.mp4")
    same = "scale=320:240,setsar=1,fps=25"
    graph = f"[0:v]{same}[a];[1:v]{same}[b];[2:v]{same}[c];[a][b][c]concat=n=3"
    ffmpeg(*shown[0], *shown[1], *again, "-filter_complex", graph, "-an", videos / "long.mp4")
    ffmpeg("-i", CLIPS / "bottles.mp4", "-c", "copy", videos / "bottles.mp4")
    ffmpeg(
        "-ss", 3, "-t", 5, "-i", CLIPS / "juggling.mp4", "-vf", "scale=240:180", "-an", "-crf", 30, queries / "q.mp4"
    )
    (queries / "broken.mp4").write_text("no video")
    network, gallery = write_clip_network(tmp_path / "network"), tmp_path / "gallery"

    indexed = cliptrace("index", videos, "--gallery", gallery, "--moments", network)
    assert indexed.returncode == 0, indexed.stderr

    output = tmp_path / "moments.jsonl"
    asked = (
        "match",
        queries,
        "--gallery",
        gallery,
        "--mode",
        "moment",
        "--output",
        output,
        "--maps",
        tmp_path / "maps",
        "--min-score",
        "0.5",
    )
    found = cliptrace(*asked)
    assert found.returncode == 3, found.stderr
    best, *_ = (json.loads(line) for line in output.read_text().splitlines())
    assert (best["query_id"], best["ref_id"], best["mode"]) == ("q.mp4", "long.mp4", "moment")
    start, end = (best["segments"][0][name] for name in ("ref_start", "ref_end"))
    assert abs(start - 10) <= 1
    assert abs(end - 15) <= 1
    (letter,) = (json.loads(line) for line in (tmp_path / "moments.failures.jsonl").read_text().splitlines())
    assert letter["video_id"] == "broken.mp4"
    assert any(path.name.startswith("q.mp4__long.mp4__") for path in (tmp_path / "maps").iterdir())

    again = ("index", videos, "--gallery", gallery)
    assert "unchanged, skipped: 2\n" in cliptrace(*again).stderr
    assert cliptrace("gallery", "compact", "--gallery", gallery).returncode == 0
    assert cliptrace("gallery", "verify", "--gallery", gallery).returncode == 0
    first = output.read_text()
    (videos / "long.mp4").unlink()
    assert cliptrace(*asked).returncode == 3
    assert output.read_text() == first
