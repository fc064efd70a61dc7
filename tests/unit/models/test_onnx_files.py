"""8-bit networks compute the same on CPUs with VNNI and without."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from cliptrace.models import onnx_files
from cliptrace.models.onnx_files import OnnxFile
from cliptrace.models.weights import sha256_of

CHANNELS = 64


def in_8_bits() -> onnx.ModelProto:
    """A 1 × 1 convolution that adds up all channels: uint8 activations of 0..1, int8 weights of 1, steps of 1/2 out."""
    constants = {
        "in_scale": np.float32(1 / 255),
        "in_zero": np.uint8(0),
        "weights": np.full((CHANNELS, CHANNELS, 1, 1), 127, np.int8),
        "weight_scales": np.full(CHANNELS, 1 / 127, np.float32),
        "weight_zeros": np.zeros(CHANNELS, np.int8),
        "out_scale": np.float32(0.5),
        "out_zero": np.uint8(0),
    }
    nodes = [
        helper.make_node("QuantizeLinear", ["planes", "in_scale", "in_zero"], ["q"]),
        helper.make_node("DequantizeLinear", ["q", "in_scale", "in_zero"], ["x"]),
        helper.make_node("DequantizeLinear", ["weights", "weight_scales", "weight_zeros"], ["w"], axis=0),
        helper.make_node("Conv", ["x", "w"], ["y"]),
        helper.make_node("QuantizeLinear", ["y", "out_scale", "out_zero"], ["r"]),
        helper.make_node("DequantizeLinear", ["r", "out_scale", "out_zero"], ["sums"]),
    ]
    shape = (1, CHANNELS, 8, 8)
    graph = helper.make_graph(
        nodes,
        "sums",
        [helper.make_tensor_value_info("planes", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info("sums", TensorProto.FLOAT, shape)],
        [numpy_helper.from_array(np.asarray(value), name) for name, value in constants.items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=10)


@pytest.mark.parametrize("vnni", [onnx_files.has_vnni(), False])
def test_sums_of_8_bit_products_do_not_overflow(vnni: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(onnx_files, "has_vnni", lambda: vnni)
    content = in_8_bits().SerializeToString()
    (tmp_path / "sums.onnx").write_bytes(content)
    file = OnnxFile(str(tmp_path / "sums.onnx"), sha256_of(content))
    (sums,) = file.session.run(None, {"planes": np.ones((1, CHANNELS, 8, 8), np.float32)})
    assert np.unique(sums).tolist() == [CHANNELS]
    if not vnni:  # where sums would overflow, which the CPU that this runs on may not show
        options = file.session.get_session_options()
        assert options.get_session_config_entry("session.x64quantprecision") == "1"
