"""Networks made from the shipped one compute what it computes, as far as they go."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import torch

from benchmarks.descriptor.design_space.networks import cut, in_8_bits, in_floats, saved
from cliptrace.models.backbones import efficientnet_lite0
from cliptrace.models.backbones.onnx_int8 import plain_graph
from cliptrace.models.backbones.registry import load_config
from cliptrace.models.runtime import open_session
from cliptrace.models.weights import read_verified

SIDE = 64


@pytest.fixture(scope="module")
def config():
    return load_config("efficientnet_lite0")


@pytest.fixture(scope="module")
def whole(config):
    return plain_graph(read_verified(config.path, config.sha256))


@pytest.fixture(scope="module")
def frames() -> np.ndarray:
    """Smooth ones: the network has seen nothing like noise."""
    coarse = np.random.default_rng(1).integers(0, 256, (4, 8, 8, 3), np.uint8)
    return coarse.repeat(SIDE // 8, axis=1).repeat(SIDE // 8, axis=2)


def run(model, frames: np.ndarray) -> np.ndarray:
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    (output,) = session.run(None, {"frames": frames})
    return output


@pytest.mark.parametrize(
    ("layer", "after"), [("block7_project", "block8_expand"), ("block10_project", "block11_expand")]
)
def test_a_cut_network_gives_what_the_next_layer_of_the_whole_one_gets(config, whole, frames, layer, after) -> None:
    network = efficientnet_lite0.load(read_verified(config.path, config.sha256))
    seen = []
    network.convolutions[after].register_forward_pre_hook(lambda module, inputs: seen.append(inputs[0].numpy()))
    planes = torch.from_numpy(frames).permute(0, 3, 1, 2).float() / 255
    with torch.inference_mode():
        network((planes - efficientnet_lite0.MEAN) / efficientnet_lite0.STD)

    maps = run(cut(whole, layer), frames)

    assert maps.shape == (4, {"block7_project": 80, "block10_project": 112}[layer], SIDE // 16, SIDE // 16)
    assert maps == pytest.approx(seen[0], abs=1e-3)


def test_a_cut_after_an_expansion_has_its_relu6(whole, frames) -> None:
    model = cut(whole, "block11_expand")
    maps = run(model, frames)

    assert maps.shape[1] == 672
    assert maps.min() == 0
    assert maps.max() <= 6
    assert model.ByteSize() < 0.4 * whole.ByteSize()


def test_what_is_saved_is_a_backbone(config, whole, frames, tmp_path: Path) -> None:
    backbone = saved(cut(whole, "block10_project"), config, tmp_path, "short")

    assert (backbone.name, backbone.format, backbone.dimension) == ("short", "onnx", 112)
    assert (backbone.graph, backbone.whitening, backbone.background) == ("", "", "")
    assert open_session(backbone).run(frames).shape == (4, 112, SIDE // 16, SIDE // 16)


def test_a_network_in_8_bits_and_back(config, frames, tmp_path: Path) -> None:
    backbone = in_8_bits(config, frames, tmp_path)

    assert Path(backbone.graph_int8).is_file()
    assert in_floats(backbone) == dataclasses.replace(config, name="float32 network")
