"""Short trainings that differ in what learns."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import safetensors.numpy
from numpy.typing import NDArray

from benchmarks.descriptor.design_space import training
from benchmarks.descriptor.design_space.training import FIRST_TRAINED, main, run
from cliptrace.models.backbones.registry import load_config
from cliptrace.models.descriptor.config import DescriptorTraining
from cliptrace.models.weights import read_verified

CLIPS = Path(__file__).parents[4] / "data" / "clips"


def tensors(backbone: str) -> dict[str, NDArray[Any]]:
    config = load_config(backbone)
    return safetensors.numpy.load(read_verified(config.path, config.sha256))


@pytest.mark.slow
def test_each_is_trained_once_and_only_what_is_free_to_learn_changes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "coffee.mp4").write_bytes((CLIPS / "coffee.mp4").read_bytes())
    config = DescriptorTraining(steps=2, pictures=4, sizes=(64,), warm_up=1, projected=8, dimension=8)

    files = run([tmp_path / "data"], tmp_path, config)

    assert list(files) == list(FIRST_TRAINED)
    networks = {name: tensors(str(file)) for name, file in files.items()}
    start = tensors("efficientnet_lite0")
    changed = {name: {key for key in start if (network[key] != start[key]).any()} for name, network in networks.items()}
    assert changed["head only"] == set()
    assert changed["last stages"] < changed["all but the stem"]
    assert {key.split(".")[0].split("_")[0] for key in changed["last stages"]} == {
        *("block11", "block12", "block13", "block14", "block15", "head")
    }
    for file in files.values():
        assert json.loads((file.parent / "log.jsonl").read_text().splitlines()[-1])["step"] == 2
    monkeypatch.setattr(training, "train", lambda *_: pytest.fail("trained again"))
    assert run([tmp_path / "data"], tmp_path, config) == files


def test_a_folder_without_footage_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--data", str(tmp_path), "--output", str(tmp_path)]) == 2
    assert capsys.readouterr().err == (f"error: {tmp_path}: no image and no video below; give folders with footage\n")
