"""The bench of kernels: all answer alike, and what is wrong or missing is told."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import pytest

from benchmarks.search import kernels
from benchmarks.search.contestants import KERNELS, NEEDS, grouped
from cliptrace.models.backbones.pooling import unit
from cliptrace.transforms.store.exact.rows import MappedRows

OURS = [name for name in KERNELS if NEEDS.get(name) != "faiss"]
FAISS = [name for name in KERNELS if name not in OURS]


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    base = unit(np.random.default_rng(0).normal(size=(300, 64)).astype(np.float32))
    monkeypatch.setattr(kernels, "real_embeddings", lambda: base)


def recalls(folder: Path, names: list[str]) -> dict[str, float]:
    asked = ["--sizes", "6000", "--repeats", "2", "--output", str(folder), "--kernels", *names]
    assert kernels.QUESTION.main(asked) == 0
    (row,) = json.loads((folder / "kernels.json").read_text(encoding="utf-8"))["sizes"]
    assert row["videos"] > 40
    return {name: figures["recall"] for name, figures in row["kernels"].items()}


@pytest.mark.usefixtures("drawn")
def test_exact_kernels_find_every_nearest_video(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = recalls(tmp_path, OURS)
    assert found.pop("numpy float16") > 0.99
    assert found == {"numpy float32": 1.0, "int8 + exact second look": 1.0, "onnxruntime float32": 1.0}
    assert "bytes a keyframe" in capsys.readouterr().out


@pytest.mark.usefixtures("drawn")
def test_faiss_finds_most(tmp_path: Path) -> None:
    pytest.importorskip("faiss")
    assert min(recalls(tmp_path, FAISS).values()) > 0.9


@pytest.mark.parametrize("name", KERNELS)
def test_a_video_is_as_near_as_its_nearest_row(name: str) -> None:
    if name in NEEDS:
        pytest.importorskip(NEEDS[name])
    values = unit(np.array([[9, 1, 0], [0, 9, 1], [9, 0, 9], [1, 0, 9], [1, 9, 9]], np.float32))
    starts, counts = np.array([0, 2, 4]), np.array([2, 2, 1])
    gallery = MappedRows(values, np.array(["a", "b", "c"]), starts, counts)
    found = KERNELS[name](gallery).nearest(np.eye(3, dtype=np.float32))
    assert found[:, :3].tolist() == [[0, 1, 2], [0, 2, 1], [1, 2, 0]]


def test_rows_are_grouped_in_their_order() -> None:
    owners = np.array([0, 0, 1, 2, 2])
    (found,) = grouped(np.array([[4, 1, 3, 0, -1]]), owners)
    assert found.tolist() == [2, 0, *[-1] * 18]


def test_what_was_not_found_and_what_is_not_near_count_against_recall() -> None:
    truth = np.linspace(1, 0, 25, dtype=np.float32)[None]
    assert kernels.recall(np.arange(20)[None], truth) == 1.0
    assert kernels.recall(np.array([[*range(18), 20, -1]]), truth) == 0.9


def test_without_faiss_it_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "faiss", None)
    assert kernels.QUESTION.main(["--output", str(tmp_path)]) == 2
    assert capsys.readouterr().err == "error: faiss is not installed: pip install '.[bench]'\n"
