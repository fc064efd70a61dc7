"""Videos on a filesystem that is not local: listed, staged, indexed."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from cliptrace.pipelines import cli
from cliptrace.transforms.store import ledger
from tests.unit.transforms import memory_files

CLIPS = Path(__file__).parents[1] / "data" / "clips"


def test_remote_videos_are_staged_and_indexed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    memory_files.FILES.clear()
    memory_files.FILES |= {
        "mem://b/v/cars.mp4": (CLIPS / "cars.mp4").read_bytes(),
        "mem://b/v/s/broken.mp4": b"no video",
        "mem://b/m.csv": b"id,uri\nagain,v/cars.mp4\ngone,v/gone.mp4\n",
    }
    root = str(tmp_path / "g")
    try:
        assert cli.main(["index", "mem://b/v", "mem://b/m.csv", "--gallery", root]) == 3
        state = {a.video_id: (a.status, a.uri, a.message) for a in ledger.read_attempts(root)}
        assert cli.main(["index", "mem://b/v", "mem://b/m.csv", "--gallery", root]) == 0
    finally:
        memory_files.FILES.clear()
    assert "known failures, skipped: 2 " in capsys.readouterr().err
    assert state["cars.mp4"] == ("indexed", "mem://b/v/cars.mp4", "")
    assert state["again"] == ("indexed", "mem://b/v/cars.mp4", "")
    assert state["s/broken.mp4"][0] == state["gone"][0] == "failed"
    assert state["s/broken.mp4"][2].startswith("not a video")
    assert state["gone"][2] == "cannot be fetched: No such object"


def test_a_manifest_reaches_no_server(tmp_path: Path) -> None:
    """Addresses that are no filesystem of Beam's are dead letters, not requests in this machine's name."""
    with socket.create_server(("127.0.0.1", 0)) as canary:
        canary.settimeout(0.2)
        address = f"127.0.0.1:{canary.getsockname()[1]}"
        uris = [f"{scheme}://{address}/meta-data" for scheme in ("http", "https", "ftp", "rtmp", "tcp", "concat")]
        (tmp_path / "m.txt").write_text("".join(f"{uri}\n" for uri in uris))
        assert cli.main(["index", str(tmp_path / "m.txt"), "--gallery", str(tmp_path / "g")]) == 3
        with pytest.raises(TimeoutError):
            canary.accept()
    attempts = ledger.read_attempts(str(tmp_path / "g"))
    assert {attempt.video_id: attempt.error for attempt in attempts} == dict.fromkeys(uris, "MediaError")
    assert all(attempt.message.startswith("cannot be fetched: ") for attempt in attempts)
