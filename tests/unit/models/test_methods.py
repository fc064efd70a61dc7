"""Every method is registered once, and reading the register costs nothing."""

from __future__ import annotations

import dataclasses
import importlib
import inspect
import subprocess
import sys
from pathlib import Path

import pytest

from cliptrace.models.methods import METHODS, Method
from cliptrace.models.training.config import Training


def test_reading_them_imports_neither_torch_nor_numpy() -> None:
    code = "import sys; from cliptrace.models.methods import METHODS; print({'torch', 'numpy'} & set(sys.modules))"
    root = Path(__file__).parents[3]
    done = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"


@pytest.mark.parametrize("method", METHODS.values(), ids=METHODS)
def test_an_entry_takes_what_it_is_given(method: Method) -> None:
    module, function = method.entry.split(":")
    parameters = inspect.signature(getattr(importlib.import_module(module), function)).parameters
    assert list(parameters) == ["data", "output", *(["backbone"] if method.on_embeddings else []), "config"]
    assert parameters["config"].annotation == method.config.__name__


def test_seed_and_steps_are_the_configs_unless_they_are_given(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    given: list[tuple[object, ...]] = []
    for module, function in (("ssan", "run_spd"), ("descriptor", "run")):
        monkeypatch.setattr(f"cliptrace.models.{module}.train.{function}", lambda *values: given.append(values))
    METHODS["spd"].train([tmp_path], tmp_path, backbone="efficientnet_lite0", seed=3)
    METHODS["descriptor"].train([tmp_path], tmp_path, steps=7)
    (*_, backbone, spd), (*_, output, descriptor) = given
    assert getattr(backbone, "name", "") == "efficientnet_lite0"
    assert spd == dataclasses.replace(METHODS["spd"].config(), seed=3)
    assert (output, descriptor) == (tmp_path, METHODS["descriptor"].config(steps=7))
    assert isinstance(spd, Training)
