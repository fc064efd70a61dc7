"""The bench of all pairs: the copies that it makes are met, and a search of every video finds no other pair."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from benchmarks.search import groups
from cliptrace.models.backbones.pooling import unit


def test_the_copies_are_met(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    base = unit(np.random.default_rng(0).normal(size=(300, 256)).astype(np.float32))
    monkeypatch.setattr(groups, "real_embeddings", lambda: base)
    monkeypatch.setattr(groups, "VIDEO_KEYFRAMES", (10, 20))
    monkeypatch.setattr(groups, "COPIED", 5)
    assert groups.QUESTION.main(["--sizes", "300", "--searched", "30", "--output", str(tmp_path)]) == 0
    (row,) = json.loads((tmp_path / "groups.json").read_text(encoding="utf-8"))["sizes"]
    assert (row["recall"], row["searched"]["unlike"]) == (1.0, 0)
    assert row["pairs"] >= 3
    assert "copies met" in capsys.readouterr().out
