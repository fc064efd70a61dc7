"""Benches of several seeds as one."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from benchmarks.alignment.methods import END_TO_END_GRID
from benchmarks.alignment.pairs import Bench, Pair, merged
from benchmarks.alignment.thresholds import QUESTION
from cliptrace.models.metrics.report import Truth
from cliptrace.schemas.records import Segment


def bench(found: float) -> Bench:
    times = np.arange(2.0)
    segments = {("q", "r"): (Segment(0.0, 1.0, 0.0, 1.0, 1.0),)}
    pair = Pair("q", "r", 1.0, np.full((2, 2), found, np.float32), times, times, np.empty(0))
    return Bench((pair,), Truth(segments))


def test_a_video_that_two_seeds_have_is_two_videos() -> None:
    one, two = bench(0.1), bench(0.2)
    both = merged({1: one, 2: two})
    assert [(pair.query_id, pair.ref_id) for pair in both.pairs] == [("1 q", "1 r"), ("2 q", "2 r")]
    assert [pair.similarity[0, 0] for pair in both.pairs] == [np.float32(0.1), np.float32(0.2)]
    (known,) = one.truth.segments.values()
    assert both.truth == Truth({("1 q", "1 r"): known, ("2 q", "2 r"): known})


@pytest.mark.slow
def test_the_command_chooses_settings_no_worse_than_those_that_ship(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("CLIPTRACE_FOOTAGE", raising=False)

    arguments = ["--backbone", "efficientnet_lite0", "--seeds", "1", "2", "--queries", "6", "--output", str(tmp_path)]
    assert QUESTION.main(arguments) == 0

    rows = json.loads((tmp_path / "thresholds.json").read_text(encoding="utf-8"))["rows"]
    assert rows["chosen"]["vcsl_f1"] >= rows["as shipped"]["vcsl_f1"] > 0.3
    assert set(rows["chosen"]) == {"vcsl_f1", "min_score", *END_TO_END_GRID}
    assert "validation splits of seeds 1, 2" in capsys.readouterr().out
