"""What is exported computes what was trained, or is not handed over."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from cliptrace.models.export import check_parity, export
from cliptrace.models.onnx_files import open_exported
from cliptrace.models.training.config import Training, digest
from cliptrace.schemas.errors import CliptraceError, UsageError

CONFIG = Training(steps=1, warm_up=1, weight_decay=0.0, averaging=0.9, longest_gradient=1.0)
AXES = {"x": {0: "N"}, "y": {0: "N"}}


@pytest.fixture
def exported(tmp_path: Path) -> Path:
    torch.manual_seed(0)
    export(torch.nn.Linear(3, 2), torch.randn(4, 3), AXES, tmp_path, CONFIG, name="linear")
    return tmp_path


def test_a_config_names_the_files_and_what_they_were_trained_with(exported: Path) -> None:
    config, file = open_exported(exported)
    assert list(config) == ["name", "sha256", "config_sha256"]
    assert (config["name"], config["config_sha256"]) == ("linear", digest(CONFIG))
    assert file.session.run(["y"], {"x": np.zeros((5, 3), np.float32)})[0].shape == (5, 2)


def test_a_folder_may_be_named_from_where_one_stands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("here", "spd", "."):
        export(torch.nn.Linear(3, 2), torch.randn(4, 3), AXES, Path(name), CONFIG, name="linear")
        assert open_exported(tmp_path / name)[0]["name"] == "linear"
    assert open_exported("here")[0] == open_exported(tmp_path / "here")[0]
    assert open_exported("spd")[0]["name"] == "spd"  # one that ships


@pytest.mark.parametrize("name", ["model.onnx", "model.safetensors"])
def test_other_files_are_refused(exported: Path, name: str) -> None:
    with (exported / name).open("ab") as file:
        file.write(b"more")
    with pytest.raises(CliptraceError, match=f"{name}: SHA-256 is "):
        open_exported(exported)


def test_a_config_without_digests_is_refused(exported: Path) -> None:
    file = exported / "config.json"
    file.write_text(json.dumps({"name": "linear", "sha256": {"model.onnx": "0"}}))
    with pytest.raises(UsageError) as refused:
        open_exported(exported)
    assert str(refused.value) == f"{file}: not the config of an exported network: KeyError('model.safetensors')"


@pytest.mark.parametrize("found", [[1.0, 0.98], [1.0, np.nan]])
def test_another_answer_is_an_error(found: list[float]) -> None:
    with pytest.raises(CliptraceError, match=r"model.onnx: its answer is .* away from the trained network's"):
        check_parity(Path("model.onnx"), np.ones(2, np.float32), np.array(found, np.float32), 1e-3)
