"""The bench of queries: its table, and its server, which is left out where there is none and waited for where it is."""

from __future__ import annotations

import contextlib
import dataclasses
import json
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pymilvus
import pytest

from benchmarks.harness.entries import ENTRIES, fallen
from benchmarks.speed import query_latency, server, tables
from cliptrace.models.backbones.pooling import unit
from cliptrace.schemas.errors import CliptraceError
from cliptrace.transforms.store.gallery import Gallery
from tests.unit.transforms.store_examples import MANIFEST


def answered(total_ms: float, **more: float) -> dict[str, Any]:
    steps = (*tables.STEPS, "per keyframe")
    milliseconds = {step: {"p50": total_ms if step == "total" else 1.0, "p95": 2 * total_ms} for step in steps}
    return {"open_ms": 400.0, "recall_at_1": 1.0, "milliseconds": milliseconds, **more}


RESULT = {
    "data": {"base_keyframes": 900, "queries": 5, "backbone": "copy_lite0", "server": "2.3.5"},
    "sizes": [
        {
            "keyframes": 100_082,
            "videos": 807,
            "engines": {
                "exact": answered(200.0),
                "milvus": answered(900.0),
                "milvus server": answered(100.0, load_s=41.6),
            },
        },
        {
            "keyframes": 1_000_140,
            "videos": 7964,
            "engines": {"exact": answered(900.0), "milvus server": answered(125.0, load_s=1234.5)},
        },
    ],
}


def test_the_server_is_in_the_table_with_its_growth_and_embedded_milvus_while_it_was_asked() -> None:
    steps, opening = tables.query_latency(RESULT)
    assert [(row[0], row[2], row[-1]) for row in steps.rows] == [
        ("100,082", "exact", ""),
        ("100,082", "milvus", ""),
        ("100,082", "milvus server", ""),
        ("1,000,140", "exact", "4.50"),
        ("1,000,140", "milvus server", "1.25"),
    ]
    assert "a server (2.3.5) with HNSW" in steps.title
    assert [row[-1] for row in opening.rows] == ["", "", "42", "", "1,234"]
    (entry,) = (entry for entry in ENTRIES if entry.name == "query_latency")
    assert list(fallen(entry, RESULT)) == []


def test_the_table_of_a_run_without_a_server_does_not_speak_of_one() -> None:
    sizes = [{**row, "engines": {"exact": row["engines"]["exact"]}} for row in RESULT["sizes"]]
    steps, _ = tables.query_latency({"data": {"queries": 5, "backbone": "copy_lite0"}, "sizes": sizes})
    assert "copy_lite0; exact is `--engine exact`. Queries have" in steps.title


@pytest.fixture
def base(monkeypatch: pytest.MonkeyPatch) -> np.ndarray:
    """In place of the footage's keyframes."""
    rows = unit(np.random.default_rng(1).standard_normal((400, 256), np.float32))
    monkeypatch.setattr(query_latency, "real_embeddings", lambda: rows)
    return rows


def test_a_server_that_does_not_start_is_left_out(
    base: np.ndarray, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    @contextlib.contextmanager
    def missing() -> Iterator[str]:
        raise CliptraceError("the package milvus is not installed")
        yield

    monkeypatch.setattr(query_latency, "server", missing)
    asked = ["--sizes", "300", "500", "--queries", "2", "--server", "--output", str(tmp_path)]
    assert query_latency.QUESTION.main(asked) == 0
    result = json.loads((tmp_path / "query_latency.json").read_text(encoding="utf-8"))
    assert [list(row["engines"]) for row in result["sizes"]] == [["exact", "milvus"]] * 2
    assert "server" not in result["data"]
    assert "milvus server: left out: the package milvus is not installed\n" in capsys.readouterr().err


def test_the_server_gets_the_same_keyframes_and_queries(
    base: np.ndarray, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given: dict[str, list[np.ndarray]] = {"exact": [], query_latency.SERVER: []}

    def answers(engine: str) -> Any:
        def take_down(gallery: Gallery, size: int, added: list[Any], asked: list[Any]) -> dict[str, Any]:
            given[engine] += [video.embeddings for video in (*added, *(query for query, _ in asked))]
            return {engine: answered(float(size))}

        return take_down

    monkeypatch.setattr(query_latency, "without_server", answers("exact"))
    monkeypatch.setattr(query_latency, "of_server", answers(query_latency.SERVER))
    monkeypatch.setattr(query_latency, "server", lambda: contextlib.nullcontext("http://localhost:1"))
    asked = ["--sizes", "300", "500", "--queries", "2", "--server", "--output", str(tmp_path)]
    assert query_latency.QUESTION.main(asked) == 0
    result = json.loads((tmp_path / "query_latency.json").read_text(encoding="utf-8"))
    assert [set(row["engines"]) for row in result["sizes"]] == [given.keys()] * 2
    without, with_server = given.values()
    assert len(without) > 4
    for one, other in zip(without, with_server, strict=True):
        np.testing.assert_array_equal(one, other)


def test_a_server_is_at_rest_when_its_segments_stay_the_same(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    seen = [{1: 100}, {1: 100, 2: 30}, {3: 130}]  # rows of segments, as the server loads and merges them
    clock = SimpleNamespace(now=0.0, monotonic=lambda: clock.now, sleep=lambda s: setattr(clock, "now", clock.now + s))

    class Client:
        def __init__(self, uri: str) -> None: ...

        def list_loaded_segments(self, collection: str) -> list[Any]:
            segments = seen[min(int(clock.now // 40), 2)]
            return [SimpleNamespace(segment_id=each, num_rows=rows) for each, rows in segments.items()]

        def describe_index(self, collection: str, name: str) -> dict[str, int]:
            return {"pending_index_rows": int(clock.now < 100)}

        def close(self) -> None: ...

    monkeypatch.setattr(server, "time", clock)
    monkeypatch.setattr(pymilvus, "MilvusClient", Client)
    monkeypatch.setattr(Gallery, "vectors", lambda self: contextlib.nullcontext(SimpleNamespace(count=lambda: 130)))
    gallery = Gallery(str(tmp_path), dataclasses.replace(MANIFEST, milvus="http://localhost:1"))
    server.settle(gallery)
    assert 159 <= clock.now <= 161
    seen[2] = {3: 129}
    with pytest.raises(CliptraceError, match="merges and indexes 130 keyframes without end"):
        server.settle(gallery)
