"""The descriptor bench as a person runs it, on the clips of the repository."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks.descriptor.__main__ import QUESTION


@pytest.mark.slow
def test_the_command_measures_and_writes_everything_it_prints(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("CLIPTRACE_FOOTAGE", raising=False)
    arguments = ["--backbone", "efficientnet_lite0", "--seeds", "1", "2", "--queries", "8", "--end-to-end"]
    arguments += ["--pictures", str(tmp_path / "pictures"), "--output", str(tmp_path)]

    assert QUESTION.main(arguments) == 0

    printed = capsys.readouterr()
    result = json.loads((tmp_path / "descriptor.json").read_text(encoding="utf-8"))
    random, network = result["rows"]["random"], result["rows"]["efficientnet_lite0"]
    for part in ("Recall@1 among", "micro-AP", "False positives at", "Cost:", "End to end,"):
        assert part in printed.out
    assert "no distractors: all splits share the same videos" in printed.err
    assert network["recall_at_1"]["macro"]["all"]["mean"] > 0.5 > random["recall_at_1"]["macro"]["all"]["mean"]
    assert network["micro_ap"]["mean"] > random["micro_ap"]["mean"]
    assert len(network["micro_ap"]["seeds"]) == 2
    assert network["cost"]["bytes_a_keyframe"] == 1024
    assert result["end_to_end"]["efficientnet_lite0"]["tuned"]["vcsl_f1"]["mean"] > 0.3
    assert (tmp_path / "pictures" / "failures-test.jpg").stat().st_size < 400_000


def test_an_unknown_backbone_is_said_in_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("CLIPTRACE_FOOTAGE", raising=False)

    assert QUESTION.main(["--backbone", "nothing", "--output", str(tmp_path)]) == 2

    assert capsys.readouterr().err.splitlines()[-1] == (
        "error: unknown backbone 'nothing': use one of copy_lite0, efficientnet_lite0, "
        "or a path to a .json or .toml file"
    )
