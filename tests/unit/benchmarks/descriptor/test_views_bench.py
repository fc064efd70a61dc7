"""The bench of query-side views as a person runs it, on the clips of the repository."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks.descriptor.views import CHOICES, QUESTION


@pytest.mark.slow
def test_the_command_measures_every_choice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("CLIPTRACE_FOOTAGE", raising=False)

    assert QUESTION.main(["--seeds", "1", "--queries", "8", "--output", str(tmp_path)]) == 0

    rows = json.loads((tmp_path / "views.json").read_text(encoding="utf-8"))["rows"]
    assert list(rows) == ["+".join(views) or "none" for views in CHOICES]
    assert [rows[name]["embeddings"] for name in ("none", "mirror", "turns", "mirror+turns+halves+insets")] == [
        *(1, 2, 4, 14)
    ]
    assert rows["mirror+turns+halves+insets"]["milliseconds"] > rows["none"]["milliseconds"] > 0
    assert rows["none"]["vcsl_f1"]["mean"] > 0.3
    assert "(VCDB recall) by edit" in capsys.readouterr().out


def test_an_unknown_backbone_is_said_in_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert QUESTION.main(["--backbone", "nothing", "--output", str(tmp_path)]) == 2
    assert capsys.readouterr().err.startswith("error: unknown backbone 'nothing'")
