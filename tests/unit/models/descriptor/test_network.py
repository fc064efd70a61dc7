import numpy as np
import torch

from cliptrace.models.backbones.pooling import gem
from cliptrace.models.backbones.registry import load_config
from cliptrace.models.descriptor.network import freeze_below
from cliptrace.models.runtime import open_session


def test_the_numpy_chain_gives_the_same_numbers(descriptor):
    frames = np.random.default_rng(0).integers(0, 256, (3, 64, 96, 3), np.uint8)
    with torch.inference_mode():
        wanted = descriptor(torch.from_numpy(frames)).numpy()
    maps = open_session(load_config("efficientnet_lite0")).run(frames)
    np.testing.assert_allclose(descriptor.whitening().apply(gem(maps)), wanted, atol=2e-5)


def test_layers_below_the_first_trained_one_are_frozen(descriptor):
    freeze_below(descriptor.trunk, "block5_expand")
    trained = {name for name, layer in descriptor.trunk.convolutions.items() if layer.weight.requires_grad}
    assert "block4_project" not in trained
    assert {"block5_expand", "block15_project", "head"} <= trained


def test_all_or_none(descriptor):
    freeze_below(descriptor.trunk, "")
    assert all(parameter.requires_grad for parameter in descriptor.trunk.parameters())
    freeze_below(descriptor.trunk, "none")
    assert not any(parameter.requires_grad for parameter in descriptor.trunk.parameters())
