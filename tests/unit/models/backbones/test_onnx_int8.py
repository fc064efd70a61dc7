"""The network in 8 bits: near to the one in floats, and as ONNX Runtime's own quantisation has it."""

from __future__ import annotations

import copy
import dataclasses
import sys
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest

from cliptrace.models import onnx_files, runtime
from cliptrace.models.backbones.onnx_int8 import int8_graph, plain_graph, quantised
from cliptrace.models.backbones.registry import Embedder, load_config
from cliptrace.models.runtime import open_session
from cliptrace.models.training.edits import squeezed
from cliptrace.models.training.footage import read_video
from cliptrace.models.weights import read_verified, sha256_of
from cliptrace.schemas.errors import CliptraceError

CLIPS = Path(__file__).parents[3] / "data" / "clips"
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


def test_torch_computes_the_graph_as_a_gpu_does() -> None:
    config = load_config("copy_lite0")
    clips = [read_video(file, 1.0)[:2] for file in sorted(CLIPS.glob("*.mp4"))[:4]]
    shown = np.stack([squeezed(frame, config.input_size) for clip in clips for frame in clip])
    session = runtime._TorchSession(config, "cpu", 1)
    cpu = Embedder.open(config)
    gpu = dataclasses.replace(cpu, session=session)
    alike = (cpu.embed(shown) * gpu.embed(shown)).sum(axis=1)
    floats = Embedder.open(dataclasses.replace(config, graph_int8="", graph_int8_sha256=""))
    assert alike.min() > 0.99
    assert alike.mean() > (cpu.embed(shown) * floats.embed(shown)).sum(axis=1).mean() + 0.005


def test_an_operator_that_torch_lacks_is_named(in_8_bits, graph, tmp_path: Path) -> None:
    changed = copy.deepcopy(graph)
    changed.graph.node[-1].op_type = "Softmax"
    content = changed.SerializeToString()
    (tmp_path / "net.int8.onnx").write_bytes(content)
    with pytest.raises(CliptraceError) as error:
        runtime._TorchSession(dataclasses.replace(in_8_bits, graph_int8_sha256=sha256_of(content)), "cpu", 1)
    assert str(error.value) == (f"{tmp_path}/net.int8.onnx: torch cannot run it: operator Softmax of maps is not known")


def test_8_bits_on_a_gpu_need_onnx(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "onnx", None)
    monkeypatch.delitem(sys.modules, "cliptrace.models.backbones.torch_graph", raising=False)
    with pytest.raises(CliptraceError) as error:
        runtime._TorchSession(load_config("copy_lite0"), "cpu", 1)
    assert str(error.value) == "backbone 'copy_lite0' on a GPU needs onnx: pip install 'cliptrace[cuda]'"


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
