"""Kinds of index on a real Milvus server: made, refused, changed, and searched."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from pymilvus import MilvusClient

from benchmarks.faults.stores import differences
from benchmarks.speed import index_kinds, query_latency, server
from cliptrace.deploy.milvus import standalone
from cliptrace.pipelines import cli
from cliptrace.schemas.errors import CliptraceError
from cliptrace.transforms.store import indexing
from cliptrace.transforms.store.gallery import Gallery

CLIPS = Path(__file__).parents[1] / "data" / "clips"


def run(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, str]:
    code = cli.main([*map(str, arguments)])
    return code, capsys.readouterr().err


def collections(uri: str) -> dict[str, str]:
    """Kind of index of each collection of the server."""
    client = MilvusClient(uri)
    try:
        return {name: client.describe_index(name, "embedding")["index_type"] for name in client.list_collections()}
    finally:
        client.close()


def test_an_index_is_chosen_refused_and_changed(
    milvus: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    running = standalone.status(milvus)
    assert running is not None
    uri, root, others = running.uri, tmp_path / "gallery", set(collections(running.uri))
    (tmp_path / "videos").mkdir()
    for name in ("bottles.mp4", "cars.mp4"):
        shutil.copy(CLIPS / name, tmp_path / "videos")

    def own() -> list[str]:
        """Kinds of the indexes of keyframes and of descriptors."""
        return sorted(kind for name, kind in collections(uri).items() if name not in others)

    def matched() -> set[str]:
        output = tmp_path / "matches.jsonl"
        assert run(capsys, "match", CLIPS / "bottles.mp4", "--gallery", root, "--output", output)[0] == 0
        return {json.loads(line)["ref_id"] for line in output.read_text().splitlines()}

    asked = ("index", tmp_path / "videos", "--gallery", root, "--milvus", uri)
    refused = f"Milvus at {uri} does not have it: invalid index type: "
    assert run(capsys, *asked, "--index", "AISAQ") == (
        2,
        f"cliptrace: error: --index AISAQ: {refused}AISAQ\n",
    )
    assert not (root / "gallery.json").exists()
    assert own() == []
    assert run(capsys, *asked, "--index", "IVF_SQ8")[0] == 0
    assert (own(), matched()) == (["IVF_SQ8"] * 2, {"bottles.mp4"})
    code, text = run(capsys, *asked, "--index", "SCANN")
    assert (code, text) == (
        2,
        f"cliptrace: error: {root} has the index IVF_SQ8, not SCANN: leave --index out, or change it with cliptrace "
        "gallery reindex --index\n",
    )
    reindex = ("gallery", "reindex", "--gallery", root, "--index")
    assert run(capsys, *reindex, "HNSW_SQ") == (2, f"cliptrace: error: --index HNSW_SQ: {refused}HNSW_SQ\n")
    assert run(capsys, *reindex, "IVF_SQ8") == (
        2,
        f"cliptrace: error: {root} is built with this index already\n",
    )

    def fails(*given: Any) -> None:
        raise CliptraceError("a shard is lost")

    with monkeypatch.context() as patched:
        patched.setattr(indexing, "rewrite", fails)
        assert run(capsys, *reindex, "FLAT") == (1, "cliptrace: error: a shard is lost\n")
    assert (own(), matched()) == (["IVF_SQ8"] * 2, {"bottles.mp4"})
    for kind in ("SCANN", "HNSW"):
        code, text = run(capsys, *reindex, kind)
        assert code == 0
        assert ["index:", kind] in [line.split() for line in text.splitlines()]
        assert (own(), matched()) == ([kind] * 2, {"bottles.mp4"})
        assert differences(str(root), {"bottles.mp4", "cars.mp4"}) == []
    gallery = Gallery.load(str(root))
    assert gallery is not None
    with gallery.vectors() as vectors:
        vectors.drop()


@pytest.mark.slow
def test_the_bench_of_kinds(milvus: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Segments of so few rows are looked through, whatever the index; now and then frames of a few videos fill all
    places of an answer."""
    running = standalone.status(milvus)
    assert running is not None
    asked = ["--keyframes", "500", "--queries", "2", "--milvus", running.uri, "--output", str(tmp_path)]
    assert index_kinds.QUESTION.main(asked) == 0
    kinds = json.loads((tmp_path / "index_kinds.json").read_text())["kinds"]
    assert {kind for kind, row in kinds.items() if "refused" in row} == {"HNSW_SQ", "IVF_RABITQ", "AISAQ", "GPU_CAGRA"}
    (recall,) = {row["recall"] for row in kinds.values() if "recall" in row}
    assert recall >= 0.95
    assert "Not of this server: HNSW_SQ, AISAQ, IVF_RABITQ, GPU_CAGRA." in capsys.readouterr().out


@pytest.mark.slow
def test_the_bench_of_queries(milvus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    running = standalone.status(milvus)
    assert running is not None
    uri = running.uri
    monkeypatch.setattr(query_latency, "server", lambda: server.server(uri))
    monkeypatch.setattr(server, "_QUIET_S", 3.0)
    asked = ["--sizes", "300", "1500", "--queries", "2", "--server", "--output", str(tmp_path)]
    assert query_latency.QUESTION.main(asked) == 0
    sizes = json.loads((tmp_path / "query_latency.json").read_text())["sizes"]
    assert [row["engines"][query_latency.SERVER]["recall_at_1"] for row in sizes] == [1.0, 1.0]
