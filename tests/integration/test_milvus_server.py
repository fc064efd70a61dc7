"""The product against a real Milvus server: indexed and matched, refused, killed, late; as with Milvus Lite."""

from __future__ import annotations

import dataclasses
import json
import re
import shutil
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import cliptrace
from benchmarks.faults.proxy import before
from benchmarks.faults.stores import differences
from cliptrace.deploy.milvus import standalone
from cliptrace.pipelines import cli
from cliptrace.schemas.errors import CliptraceError
from cliptrace.transforms.store import ledger, vectors
from cliptrace.transforms.store.vectors import VectorStore
from tests.encoding import ffmpeg
from tests.pipeline.clip_network import write_clip_network
from tests.pipeline.test_reindex import described_as
from tests.unit.transforms.store_examples import MANIFEST, features

CLIPS = Path(__file__).parents[1] / "data" / "clips"
DRIVER = """
import sys
import cliptrace.pipelines.running
from cliptrace.transforms.store import retrying
cliptrace.pipelines.running._LOCAL_WAVE = (1, 1 << 40)
retrying.PATIENCE_S = float(sys.argv.pop(1))
from cliptrace.pipelines.cli import main
sys.exit(main())
"""


def server_of(data: Path) -> standalone.Server:
    server = standalone.status(data)
    assert server is not None
    return server


def copied(folder: Path, *names: str) -> Path:
    folder.mkdir()
    for name in names:
        shutil.copy(CLIPS / name, folder)
    return folder


def edited(source: str, target: Path, *arguments: str) -> None:
    ffmpeg("-i", CLIPS / source, *arguments, target)


def index(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, str]:
    code = cli.main(["index", *map(str, arguments)])
    return code, capsys.readouterr().err


def match(queries: Path, gallery: Path, output: Path) -> list[dict[str, Any]]:
    assert cli.main(["match", str(queries), "--gallery", str(gallery), "--output", str(output)]) == 0
    return [json.loads(line) for line in output.read_text().splitlines()]


@pytest.fixture
def store(milvus: Path) -> Iterator[VectorStore]:
    """A collection of its own."""
    manifest = dataclasses.replace(MANIFEST, name=f"tests_{uuid.uuid4().hex}")
    with VectorStore.open(server_of(milvus).uri, manifest) as opened:
        yield opened
        opened.drop()


def test_two_clips_are_indexed_and_a_copy_is_found(
    milvus: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder, root = copied(tmp_path / "videos", "bottles.mp4", "cars.mp4"), tmp_path / "gallery"
    code, text = index(capsys, folder, "--gallery", root, "--milvus", server_of(milvus).uri)
    assert code == 0, text
    assert differences(str(root), {"bottles.mp4", "cars.mp4"}) == []
    edited("bottles.mp4", tmp_path / "copy.mp4", "-ss", "4", "-t", "10", "-vf", "hflip", "-crf", "28")
    (row,) = match(tmp_path / "copy.mp4", root, tmp_path / "matches.jsonl")
    assert row["ref_id"] == "bottles.mp4"
    (segment,) = row["segments"]
    for key, seconds in (("query_start", 0), ("query_end", 10), ("ref_start", 4), ("ref_end", 14)):
        assert segment[key] == pytest.approx(seconds, abs=0.6)
    assert not (root / "milvus.db").exists()


def test_clip_features_have_a_collection_that_is_searched(
    milvus: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder, root = copied(tmp_path / "videos", "bottles.mp4", "cars.mp4", "coffee.mp4"), tmp_path / "gallery"
    asked = ("--gallery", root, "--milvus", server_of(milvus).uri, "--moments", write_clip_network(tmp_path / "net"))
    code, text = index(capsys, folder, *asked)
    assert code == 0, text
    assert differences(str(root), {"bottles.mp4", "cars.mp4", "coffee.mp4"}) == []
    edited("cars.mp4", tmp_path / "part.mp4", "-ss", "3", "-t", "6", "-vf", "scale=240:-2", "-crf", "30")
    gallery = cliptrace.Gallery.open(root)
    found = gallery.match(tmp_path / "part.mp4", mode="moment", top_k=1, min_score=0.5)[0]
    assert (found.ref_id, found.mode) == ("cars.mp4", "moment")
    assert (found.segments[0].ref_start, found.segments[0].ref_end) == pytest.approx((3, 9), abs=1)
    gallery.remove("cars.mp4")
    assert differences(str(root), {"bottles.mp4", "coffee.mp4"}) == []
    assert "cars.mp4" not in {match.ref_id for match in gallery.match(tmp_path / "part.mp4", mode="moment")}


def test_descriptors_of_videos_have_a_collection_that_is_searched(
    milvus: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder, root = copied(tmp_path / "videos", "bottles.mp4", "cars.mp4", "coffee.mp4"), tmp_path / "gallery"
    uri = server_of(milvus).uri
    assert index(capsys, folder, "--gallery", root, "--milvus", uri, "--descriptor", "parts")[0] == 0
    edited("cars.mp4", tmp_path / "copy.mp4", "-vf", "scale=240:-2", "-crf", "30")
    for name in ("parts", "mean"):
        assert cli.main(["gallery", "reindex", "--descriptor", name, "--gallery", str(root)]) == 0
        assert differences(str(root), {"bottles.mp4", "cars.mp4", "coffee.mp4"}) == []
        gallery = cliptrace.Gallery.open(root)
        assert gallery.search(tmp_path / "copy.mp4").ranked[0].ref_id == "cars.mp4"
        (found,) = gallery.match(tmp_path / "copy.mp4", retrieval="video")
        assert found.ref_id == "cars.mp4"
    described_as(root, "parts")
    assert cli.main(["gallery", "verify", "--gallery", str(root), "--repair"]) == 0
    assert "videos without the video descriptor that the gallery has: 3\n" in capsys.readouterr().out
    assert differences(str(root), {"bottles.mp4", "cars.mp4", "coffee.mp4"}) == []
    gallery = cliptrace.Gallery.open(root)
    assert gallery.search(tmp_path / "copy.mp4").ranked[0].ref_id == "cars.mp4"
    gallery.remove("cars.mp4")
    assert "cars.mp4" not in {each.ref_id for each in gallery.search(tmp_path / "copy.mp4").ranked}


def test_a_row_that_the_server_refuses_costs_its_video(store: VectorStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vectors, "unfit", lambda video: "")
    broken = features("broken", 30)
    broken.embeddings[17, 3] = np.nan
    refused = store.replace([features("a", 40), broken, features("b", 50)], 1)
    assert refused == {"broken": "keyframe at 8.5 s: value 'NaN' is not a number or infinity"}
    assert store.count() == 90


def test_what_was_acknowledged_is_found(store: VectorStore) -> None:
    for number in range(5):
        video = features(f"v{number}", 20)
        assert store.replace([video], number) == {}
        strong = store.search(video.embeddings, 1, "Strong")
        assert strong.ref_ids.tolist() == [f"v{number}"] * 20
        assert strong.ref_frames.tolist() == list(range(20))
    assert store.count() == 100
    assert store.search(video.embeddings, 1).ref_ids.tolist() == ["v4"] * 20  # bounded, after a count
    store.replace([features("v4", 5, "2-2")], 9)
    store.delete_older(["v4"], 9)
    assert store.count() == 85
    store.flush()
    assert store.count() == 85


def test_one_server_a_folder_and_a_port(milvus: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    server = server_of(milvus)
    assert standalone.main(["status", "--data", str(milvus)]) == 0
    assert capsys.readouterr().out == f"{milvus}: runs at {server.uri}, process {server.pid}\n"
    with pytest.raises(CliptraceError) as caught:
        standalone.start(milvus)
    assert str(caught.value) == f"{milvus}: a server runs here already, at {server.uri}"
    other = str(tmp_path / "other")
    assert standalone.main(["start", "--data", other, "--port", str(server.port)]) == 1
    assert capsys.readouterr().err == (
        f"error: port {server.port} is taken: stop what listens there, or choose another with --port\n"
    )
    assert standalone.main(["start", "--data", "/proc/nope"]) == 1
    assert capsys.readouterr().err == "error: /proc/nope: cannot be made: No such file or directory\n"
    assert standalone.main(["stop", "--data", other]) == 3
    assert capsys.readouterr().out == f"{other}: no server runs\n"


# Faults


def start(folder: Path, root: Path, uri: str, patience_s: float) -> subprocess.Popen[str]:
    """The program with waves of one video, returned when its first video is in the ledger."""
    command = [sys.executable, "-c", DRIVER, str(patience_s), "index", str(folder), "--gallery", str(root)]
    process = subprocess.Popen(
        [*command, "--milvus", uri, "--threads", "1"], stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    deadline = time.monotonic() + 60
    while process.poll() is None and not list(root.glob("ledger/run=*/[!.]*.parquet")):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert process.poll() is None, process.communicate()
    return process


@pytest.mark.slow
def test_a_server_that_is_killed_and_comes_back_costs_nothing(
    milvus: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    names = ("coffee.mp4", "juggling.mp4", "street.mp4", "cars.mp4")
    folder, root, server = copied(tmp_path / "videos", *names), tmp_path / "gallery", server_of(milvus)
    process = start(folder, root, server.uri, patience_s=180)
    standalone.kill(milvus)
    standalone.start(milvus, server.port)
    text = process.communicate(timeout=240)[1]
    assert process.returncode == 0, text
    assert "Traceback" not in text
    assert differences(str(root), set(names)) == []
    code, text = index(capsys, folder, "--gallery", root)
    assert code == 0
    assert re.search(r"^unchanged, skipped: +4$", text, re.MULTILINE)


@pytest.mark.slow
def test_a_server_that_stays_away_ends_the_run_and_a_second_run_completes_it(
    milvus: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    names = ("coffee.mp4", "juggling.mp4", "street.mp4", "cars.mp4")
    folder, root, server = copied(tmp_path / "videos", *names), tmp_path / "gallery", server_of(milvus)
    process = start(folder, root, server.uri, patience_s=3)
    standalone.kill(milvus)
    try:
        text = process.communicate(timeout=240)[1]
    finally:
        standalone.start(milvus, server.port)
    assert process.returncode == 1, text
    assert text.splitlines()[-1].startswith(f"cliptrace: error: Milvus at {server.uri} cannot be used: ")
    assert "Traceback" not in text
    assert {attempt.status for attempt in ledger.read_attempts(str(root))} == {"indexed"}
    code, text = index(capsys, folder, "--gallery", root)
    assert code == 0, text
    assert differences(str(root), set(names)) == []


@pytest.mark.slow
def test_acknowledgements_that_come_late_count_once(
    milvus: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, root = copied(tmp_path / "videos", "bottles.mp4", "cars.mp4"), tmp_path / "gallery"
    with before(server_of(milvus).port) as proxy:
        proxy.delay_s = 0.7
        code, text = index(capsys, folder, "--gallery", root, "--milvus", proxy.uri)
        assert code == 0, text
        assert proxy.held_back > 5
        assert differences(str(root), {"bottles.mp4", "cars.mp4"}) == []


@pytest.mark.slow
def test_acknowledgements_that_come_too_late_are_asked_for_again(
    store: VectorStore, milvus: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with before(server_of(milvus).port) as proxy, VectorStore.open(proxy.uri, store._manifest) as late:
        monkeypatch.setattr(vectors, "CALL_S", 2.0)
        upsert, calls = late._client.upsert, []
        monkeypatch.setattr(late._client, "upsert", lambda *args, **more: calls.append(args) or upsert(*args, **more))
        proxy.delay_s = 3.0
        threading.Timer(5.0, lambda: setattr(proxy, "delay_s", 0.0)).start()
        assert late.replace([features("a", 30), features("b", 20)], 1) == {}
    assert len(calls) >= 2
    assert store.count() == 50


@pytest.mark.slow
def test_the_server_and_milvus_lite_give_the_same_matches(
    milvus: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    queries = tmp_path / "queries"
    queries.mkdir()
    edited("bottles.mp4", queries / "mirrored.mp4", "-ss", "4", "-t", "8", "-vf", "hflip")
    edited("cars.mp4", queries / "cropped.mp4", "-vf", "crop=iw*0.8:ih*0.8", "-crf", "30")
    edited("street.mp4", queries / "small.mp4", "-t", "6", "-vf", "scale=160:-2")
    shutil.copy(CLIPS / "baseball.mp4", queries / "stranger.mp4")
    names = [path.name for path in sorted(CLIPS.glob("*.mp4")) if path.name != "baseball.mp4"]
    folder = copied(tmp_path / "videos", *names)
    found = []
    for name, options in (("lite", ()), ("server", ("--milvus", server_of(milvus).uri))):
        root = tmp_path / name
        code, text = index(capsys, folder, "--gallery", root, *options)
        assert code == 0, text
        assert differences(str(root), set(names)) == []
        found.append(
            sorted(match(queries, root, tmp_path / f"{name}.jsonl"), key=lambda row: (row["query_id"], row["ref_id"]))
        )
    lite, server = found
    assert {(row["query_id"], row["ref_id"]) for row in lite} >= {
        ("mirrored.mp4", "bottles.mp4"), ("cropped.mp4", "cars.mp4"), ("small.mp4", "street.mp4"),
    }  # fmt: skip
    assert server == lite
