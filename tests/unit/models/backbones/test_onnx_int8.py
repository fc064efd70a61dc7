"""The network in 8 bits: near to the one in floats, and as ONNX Runtime's own quantisation has it."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest

from cliptrace.models import onnx_files
from cliptrace.models.backbones.onnx_int8 import int8_graph, plain_graph, quantised
from cliptrace.models.backbones.registry import load_config
from cliptrace.models.runtime import open_session
from cliptrace.models.weights import read_verified, sha256_of

SIDE = 64


@pytest.fixture(scope="module")
def config():
    return load_config("efficientnet_lite0")


@pytest.fixture(scope="module")
def weights(config) -> bytes:
    return read_verified(config.path, config.sha256)


@pytest.fixture(scope="module")
def frames() -> np.ndarray:
    """Smooth ones: the network has seen nothing like noise."""
    coarse = np.random.default_rng(1).integers(0, 256, (4, 8, 8, 3), np.uint8)
    return coarse.repeat(SIDE // 8, axis=1).repeat(SIDE // 8, axis=2)


@pytest.fixture(scope="module")
def graph(weights, frames) -> onnx.ModelProto:
    return int8_graph(weights, frames)


def run(model: onnx.ModelProto, frames: np.ndarray) -> np.ndarray:
    options = onnxruntime.SessionOptions()
    options.add_session_config_entry("session.x64quantprecision", "1")  # right on every CPU
    session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    (output,) = session.run(None, {"frames": frames})
    return output


def cosine(a: np.ndarray, b: np.ndarray) -> float:
    return float((a * b).sum() / np.linalg.norm(a) / np.linalg.norm(b))


@pytest.fixture
def in_8_bits(config, graph, tmp_path: Path):
    content = graph.SerializeToString()
    (tmp_path / "net.int8.onnx").write_bytes(content)
    return dataclasses.replace(config, graph_int8=str(tmp_path / "net.int8.onnx"), graph_int8_sha256=sha256_of(content))


def test_the_graph_computes_what_onnx_runtime_quantised_on_every_cpu(
    in_8_bits, weights, frames, monkeypatch: pytest.MonkeyPatch
) -> None:
    quantised_output = run(quantised(plain_graph(weights), frames), frames)
    for vnni in (onnx_files.has_vnni(), False):
        monkeypatch.setattr(onnx_files, "has_vnni", lambda vnni=vnni: vnni)
        assert (open_session(in_8_bits).run(frames) == quantised_output).all()


def test_what_it_sees_is_near_to_what_floats_see(config, in_8_bits, frames) -> None:
    assert 0.9 < cosine(open_session(config).run(frames), open_session(in_8_bits).run(frames)) < 0.9999


def test_the_graph_holds_scales_alone(graph, weights) -> None:
    kinds = [node.op_type for node in graph.graph.node]
    assert kinds.count("QuantizeLinear") > 50
    assert len(graph.SerializeToString()) < 0.1 * len(weights)


def test_the_plain_graph_is_the_shipped_network_without_casts_and_files(config, weights, frames) -> None:
    assert run(plain_graph(weights), frames) == pytest.approx(open_session(config).run(frames), abs=1e-4)
    assert sum(node.op_type == "Cast" for node in plain_graph(weights).graph.node) == 1  # of the pixels
    assert not any(tensor.external_data for tensor in plain_graph(weights).graph.initializer)
