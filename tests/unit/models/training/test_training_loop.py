"""Runs are interrupted and go on, whatever is trained."""

from __future__ import annotations

import dataclasses
import json
import os
from pathlib import Path

import pytest
import torch
import torch.utils.data

from cliptrace.models.training.loop import CHECKPOINT, fit
from cliptrace.models.training.optimiser import schedule
from cliptrace.schemas.errors import UsageError


@dataclasses.dataclass(frozen=True)
class Config:
    steps: int = 6
    seed: int = 0


class Numbers(torch.utils.data.Dataset):
    def __init__(self, steps: int) -> None:
        self._steps = steps

    def __len__(self) -> int:
        return self._steps

    def __getitem__(self, step: int) -> torch.Tensor:
        return torch.tensor([float(step)])


class Stop(Exception): ...  # noqa: N818


def run(output: Path, config: Config, stop_at: int = -1, workers: int = 0) -> torch.Tensor:
    network = torch.nn.Linear(1, 1)
    torch.nn.init.constant_(network.weight, 0.5)
    torch.nn.init.constant_(network.bias, 0.0)
    optimizer = torch.optim.AdamW(network.parameters(), lr=0.1)

    def step(batch: torch.Tensor, number: int) -> dict[str, float]:
        assert batch.item() == number
        if number == stop_at:
            raise Stop
        loss = (network(batch) - 3).square().sum()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return {"loss": loss.item()}

    parts = {"network": network, "optimizer": optimizer}
    fit(Numbers(config.steps), step, parts, output, config, workers=workers, checkpoint_s=0.0)
    return torch.cat([network.weight.detach().flatten(), network.bias.detach()])


@pytest.mark.parametrize("workers", [0, 1])
def test_an_interrupted_run_ends_where_an_uninterrupted_one_does(tmp_path: Path, workers: int) -> None:
    whole = run(tmp_path / "whole", Config())
    with pytest.raises(Stop):
        run(tmp_path / "parts", Config(), stop_at=4, workers=workers)
    assert torch.load(tmp_path / "parts" / CHECKPOINT, weights_only=True)["step"] == 4
    assert torch.equal(run(tmp_path / "parts", Config(), workers=workers), whole)


def test_a_finished_run_is_not_run_again(tmp_path: Path) -> None:
    whole = run(tmp_path, Config())
    assert torch.equal(run(tmp_path, Config(), stop_at=0), whole)


def test_losses_are_logged(tmp_path: Path) -> None:
    run(tmp_path, Config())
    (line,) = tmp_path.joinpath("log.jsonl").read_text().splitlines()
    assert json.loads(line)["step"] == 6
    assert json.loads(line)["loss"] > 0


def test_a_checkpoint_of_other_settings_is_refused(tmp_path: Path) -> None:
    run(tmp_path, Config())
    message = f"{tmp_path / CHECKPOINT}: was begun with other settings (seed 0, now 1): give another --output"
    with pytest.raises(UsageError) as refused:
        run(tmp_path, Config(seed=1))
    assert str(refused.value) == message


class Touch:
    """Unpickling one writes a file."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.mkdir, (str(self._path),)


def test_a_checkpoint_from_elsewhere_runs_no_code(tmp_path: Path) -> None:
    torch.save({"config": Touch(tmp_path / "touched")}, tmp_path / CHECKPOINT)
    problem = f"{tmp_path}/{CHECKPOINT}: no checkpoint of cliptrace: remove it, or give another --output"
    for content in ((tmp_path / CHECKPOINT).read_bytes(), b"", b"no archive"):
        (tmp_path / CHECKPOINT).write_bytes(content)
        with pytest.raises(UsageError) as caught:
            run(tmp_path, Config())
        assert str(caught.value) == problem
    assert not (tmp_path / "touched").exists()


def test_rates_rise_and_fall() -> None:
    rates = [schedule(step, 100, 10) for step in range(100)]
    assert rates[0] == pytest.approx(0.1)
    assert max(rates) == rates[9] == rates[10] == 1.0
    assert rates[10:] == sorted(rates[10:], reverse=True)
    assert rates[-1] < 0.001
