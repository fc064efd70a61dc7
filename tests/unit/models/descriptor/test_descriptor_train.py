import dataclasses
import itertools
import json

import pytest
import torch

from cliptrace.models.backbones.registry import load_config
from cliptrace.models.descriptor.config import DescriptorTraining
from cliptrace.models.descriptor.losses import DescriptorLosses
from cliptrace.models.descriptor.train import run, train
from cliptrace.models.training.loop import CHECKPOINT
from cliptrace.schemas.errors import UsageError

CONFIG = DescriptorTraining(
    steps=4, pictures=4, sizes=(64,), warm_up=1, projected=8, dimension=8, first_trained="block12_expand"
)


def weights(descriptor):
    return torch.cat([tensor.flatten() for tensor in descriptor.state_dict().values()])


@pytest.fixture(scope="module")
def trained(pictures, tmp_path_factory):
    folder = tmp_path_factory.mktemp("whole")
    return folder, train(pictures, folder, CONFIG)


def test_an_interrupted_run_ends_where_an_uninterrupted_one_does(trained, pictures, tmp_path, monkeypatch):
    class InterruptedError(Exception): ...

    of, steps = DescriptorLosses.of, itertools.count()

    def interrupted(losses, network, batch):
        if next(steps) == 2:
            raise InterruptedError
        return of(losses, network, batch)

    monkeypatch.setattr(DescriptorLosses, "of", interrupted)
    with pytest.raises(InterruptedError):
        train(pictures, tmp_path, CONFIG, checkpoint_s=0.0)
    monkeypatch.undo()
    assert torch.load(tmp_path / CHECKPOINT, weights_only=True)["step"] == 2
    assert torch.equal(weights(train(pictures, tmp_path, CONFIG)), weights(trained[1]))


def test_every_step_lowers_or_raises_something_and_is_logged(trained):
    (line,) = trained[0].joinpath("log.jsonl").read_text().splitlines()
    assert json.loads(line)["step"] == 4
    assert set(json.loads(line)) == {"step", "contrastive", "entropy", "anchor", "recall"}


def test_a_run_makes_a_backbone_named_like_its_folder(footage, tmp_path):
    run([footage], tmp_path / "mine", CONFIG)
    config = load_config(str(tmp_path / "mine" / "config.json"))
    assert (config.name, config.dimension) == ("mine", 8)


def test_a_checkpoint_of_other_settings_is_refused(trained, pictures):
    with pytest.raises(UsageError, match="was begun with other settings"):
        train(pictures, trained[0], dataclasses.replace(CONFIG, seed=1))
