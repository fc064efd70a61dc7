"""The network in 8 bits: near to the one in floats, and as ONNX Runtime's own quantisation has it."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest

from cliptrace.models import runtime
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
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    (output,) = session.run(None, {"frames": frames})
    return output


def cosine(a: np.ndarray, b: np.ndarray) -> float:
    return float((a * b).sum() / np.linalg.norm(a) / np.linalg.norm(b))


@pytest.fixture
def in_8_bits(config, graph, tmp_path: Path):
    content = graph.SerializeToString()
    (tmp_path / "net.int8.onnx").write_bytes(content)
    return dataclasses.replace(config, graph_int8=str(tmp_path / "net.int8.onnx"), graph_int8_sha256=sha256_of(content))


@pytest.mark.parametrize("vnni", [True, False])
def test_8_bits_are_taken_where_the_cpu_is_exact_in_them(
    in_8_bits, weights, frames, vnni: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runtime, "has_vnni", lambda: vnni)
    inside = quantised(plain_graph(weights), frames) if vnni else plain_graph(weights)
    assert open_session(in_8_bits).run(frames) == pytest.approx(run(inside, frames), abs=0 if vnni else 1e-4)


def test_what_it_sees_is_near_to_what_floats_see(config, in_8_bits, frames) -> None:
    if not runtime.has_vnni():
        pytest.skip("8-bit sums saturate on this CPU, for which the product computes in floats")
    assert 0.9 < cosine(open_session(config).run(frames), open_session(in_8_bits).run(frames)) < 0.9999


def test_the_graph_holds_scales_alone(graph, weights) -> None:
    kinds = [node.op_type for node in graph.graph.node]
    assert kinds.count("QuantizeLinear") > 50
    assert len(graph.SerializeToString()) < 0.1 * len(weights)


def test_the_plain_graph_is_the_shipped_network_without_casts_and_files(config, weights, frames) -> None:
    assert run(plain_graph(weights), frames) == pytest.approx(open_session(config).run(frames), abs=1e-4)
    assert sum(node.op_type == "Cast" for node in plain_graph(weights).graph.node) == 1  # of the pixels
    assert not any(tensor.external_data for tensor in plain_graph(weights).graph.initializer)
