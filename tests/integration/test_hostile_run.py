"""One run of the program among hostile names and real secrets: what it prints, writes and sends."""

from __future__ import annotations

import base64
import bz2
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import apache_beam as beam
import pytest
from apache_beam.runners.portability.fn_api_runner import FnApiRunner

from cliptrace.pipelines.index import IndexOptions, build, open_or_create
from cliptrace.pipelines.models import feature_config
from cliptrace.schemas.errors import CliptraceError
from cliptrace.schemas.records import VideoSource
from cliptrace.transforms.aligning import AlignCandidates
from cliptrace.transforms.exact import FindExactCopies
from cliptrace.transforms.matching import FindCandidates, Found, MatchConfig
from cliptrace.transforms.store.live import SharedVideos
from cliptrace.transforms.store.vectors import TOKEN_VARIABLE, VectorStore

CLIPS = Path(__file__).parents[1] / "data" / "clips"
SECRETS = {
    TOKEN_VARIABLE: "canary-token-1",
    "AWS_SECRET_ACCESS_KEY": "canary-key-2",
    "AWS_SESSION_TOKEN": "canary-session-3",
    "AZURE_STORAGE_CONNECTION_STRING": "canary-azure-4",
}
HOSTILE = "\x1b]0;owned\x07\x1b[2J\r\u202e"


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, int, bytes]:
    """A folder with videos, gallery and outputs; the exit code of cliptrace match, and what that and index printed.

    Names act on a terminal, ids climb out of folders, a column holds a formula, one file is broken and one half.
    """
    root = tmp_path_factory.mktemp("hostile") / "run"
    videos = root / "videos"
    videos.mkdir(parents=True)
    shutil.copy(CLIPS / "cars.mp4", videos / "cars.mp4")
    shutil.copy(CLIPS / "coffee.mp4", videos / "-i coffee.mp4")
    (videos / f"broken{HOSTILE}.mp4").write_text("this is no video")
    half = videos / f"half{HOSTILE}.mp4"
    faststart = ["-c", "copy", "-movflags", "faststart"]
    subprocess.run(["ffmpeg", "-v", "error", "-i", CLIPS / "juggling.mp4", *faststart, f"file:{half}"], check=True)
    half.write_bytes(half.read_bytes()[: half.stat().st_size // 2])
    rows = [
        {"id": "../../../escaped", "uri": "cars.mp4", "note": "=cmd|' /C calc'!A0"},
        {"id": "-rf", "uri": "-i coffee.mp4"},
        {"id": f"broken{HOSTILE}", "uri": f"broken{HOSTILE}.mp4"},
        {"id": f"half{HOSTILE}", "uri": f"half{HOSTILE}.mp4"},
    ]
    (videos / "all.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    commands = (
        ["index", videos / "all.jsonl", "--report", root / "report.json"],
        ["match", videos / "cars.mp4", "--output", root / "m.jsonl", "--maps", root / "maps"],
    )
    printed = b""
    for command in commands:
        done = subprocess.run(
            [sys.executable, "-m", "cliptrace.pipelines.cli", *command, "--gallery", root / "gallery"],
            capture_output=True,
            env={**os.environ, **SECRETS},
            check=False,
            timeout=300,
        )
        printed += done.stdout + done.stderr
    return root, done.returncode, printed


def test_the_run_did_its_work(run: tuple[Path, int, bytes]) -> None:
    root, code, _ = run
    videos = json.loads((root / "report.json").read_text())["videos"]
    assert (videos["indexed"], videos["partly_decoded"], videos["failed"]) == (3, 1, 1)
    assert code == 0
    assert "../../../escaped" in {json.loads(line)["ref_id"] for line in (root / "m.jsonl").read_text().splitlines()}


def test_nothing_that_is_printed_acts_on_a_terminal(run: tuple[Path, int, bytes]) -> None:
    text = run[2].decode()
    assert r"half\x1b]0;owned\x07\x1b[2J" in text  # it was named
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]", text)


def test_lines_for_programs_are_ascii(run: tuple[Path, int, bytes]) -> None:
    root, _, _ = run
    written = [root / "report.json", root / "m.jsonl", *(root / "gallery").glob("failures/run=*/*.jsonl")]
    assert len(written) == 3
    for path in written:
        assert re.fullmatch(rb"[\n\x20-\x7e]*", path.read_bytes())


def test_no_id_leaves_its_folder(run: tuple[Path, int, bytes]) -> None:
    root, _, _ = run
    assert sorted(path.name for path in root.iterdir()) == ["gallery", "m.jsonl", "maps", "report.json", "videos"]
    assert [path.name for path in root.parent.iterdir()] == ["run"]
    assert not list(root.parent.parent.glob("escaped*"))
    assert list((root / "maps").glob("*.png"))


def test_no_secret_is_printed_or_stored(run: tuple[Path, int, bytes]) -> None:
    root, _, printed = run
    assert b"canary" not in printed
    stored = [path for path in root.rglob("*") if path.is_file()]
    assert len(stored) > 10
    assert [path for path in stored if b"canary" in path.read_bytes()] == []


def job_graph(root: Path, extra: str = "") -> bytes:
    """What a runner gets of an index and a search, with the code that Beam packs into it unpacked."""
    gallery = open_or_create(IndexOptions(sources=(), gallery=str(root), milvus="http://localhost:1"))
    config, pipeline = feature_config(gallery, "cpu", 1), beam.Pipeline(FnApiRunner())
    build(pipeline, [VideoSource("v", "/v")], gallery, config, "R")
    queries = pipeline | "Queries" >> beam.Create([None]) | "Extra" >> beam.Map(lambda _, text: text, extra)
    queries | FindExactCopies(gallery, config, SharedVideos(gallery))
    found = queries | FindCandidates(gallery, MatchConfig(), config.backbone)
    found.good | beam.FlatMap(Found.pairs) | AlignCandidates(gallery, MatchConfig(), 1, SharedVideos(gallery))
    return unpacked(pipeline.to_runner_api().SerializeToString())


def unpacked(graph: bytes) -> bytes:
    packed = re.findall(rb"QlpoOTFBWSZT[A-Za-z0-9+/]+=*", graph)  # the head of bzip2, in base64
    return graph + b"".join(unpacked(bz2.decompress(base64.b64decode(each))) for each in packed)


def test_no_secret_is_in_a_job_graph(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in SECRETS.items():
        monkeypatch.setenv(name, value)
    graph = job_graph(tmp_path / "g")
    assert b"http://localhost:1" in graph  # the stages are in it, with all that they hold
    assert b"canary" not in graph
    assert b"canary" in job_graph(tmp_path / "g", extra="canary")


def test_no_secret_is_in_an_error_of_the_store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(TOKEN_VARIABLE, SECRETS[TOKEN_VARIABLE])
    monkeypatch.setattr("cliptrace.transforms.store.vectors._CONNECT_S", 0.5)
    monkeypatch.setattr("cliptrace.transforms.store.vectors._CONNECT_WAITS_S", ())
    gallery = open_or_create(IndexOptions(sources=(), gallery=str(tmp_path / "g"), milvus="http://localhost:1"))
    with pytest.raises(CliptraceError) as caught, VectorStore.open("http://localhost:1", gallery.manifest):
        pass
    assert "canary" not in str(caught.value)
    assert "canary" not in (tmp_path / "g" / "gallery.json").read_text()
