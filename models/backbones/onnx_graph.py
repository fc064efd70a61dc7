"""EfficientNet-Lite0 as an ONNX graph whose tensors stay in the safetensors file of its weights."""

from __future__ import annotations

import json

import numpy as np
import onnx
from onnx import TensorProto, helper

from cliptrace.models.backbones.efficientnet_lite0 import LAYERS, MEAN, STD

_TYPES = {"F16": TensorProto.FLOAT16, "F32": TensorProto.FLOAT}
EXTERNAL_DTYPES = {TensorProto.FLOAT16: np.float16, TensorProto.FLOAT: np.float32}
"""What the tensors of a graph may be that lie in another file."""


def graph(weights: bytes) -> onnx.ModelProto:
    """uint8[N, H, W, 3] RGB frames → float32[N, 1280, h, w]; its tensors point into ``weights``, a safetensors file."""
    nodes = [
        helper.make_node("Transpose", ["frames"], ["planes"], perm=[0, 3, 1, 2]),
        helper.make_node("Cast", ["planes"], ["values"], to=TensorProto.FLOAT),
        helper.make_node("Sub", ["values", "mean"], ["centred"]),
        helper.make_node("Div", ["centred", "std"], ["normalised"]),
    ]
    constants = [
        helper.make_tensor(name, TensorProto.FLOAT, [], [value])
        for name, value in (("mean", 255 * MEAN), ("std", 255 * STD), ("zero", 0.0), ("six", 6.0))
    ]
    x = residual = "normalised"
    for layer in LAYERS:
        if layer.opens:
            residual = x
        name = layer.name
        nodes += [
            helper.make_node("Cast", [f"{name}.weight"], [f"{name}.weight32"], to=TensorProto.FLOAT),
            helper.make_node(
                "Conv",
                [x, f"{name}.weight32", f"{name}.bias"],
                [name],
                kernel_shape=[layer.kernel] * 2,
                strides=[layer.stride] * 2,
                group=layer.groups,
                auto_pad="SAME_UPPER",
            ),
        ]
        x = name
        if layer.relu6:
            nodes.append(helper.make_node("Clip", [x, "zero", "six"], [f"{name}_relu6"]))
            x = f"{name}_relu6"
        if layer.closes:
            nodes.append(helper.make_node("Add", [x, residual], [f"{name}_sum"]))
            x = f"{name}_sum"
    nodes[-1].output[0] = "maps"
    return helper.make_model(
        helper.make_graph(
            nodes,
            "efficientnet_lite0",
            [helper.make_tensor_value_info("frames", TensorProto.UINT8, ["N", "H", "W", 3])],
            [helper.make_tensor_value_info("maps", TensorProto.FLOAT, ["N", LAYERS[-1].outputs, "h", "w"])],
            constants + external_tensors(weights),
        ),
        opset_imports=[helper.make_opsetid("", 17)],
        ir_version=8,
        producer_name="cliptrace",
    )


def external_tensors(weights: bytes) -> list[onnx.TensorProto]:
    """An initializer for each tensor of a safetensors file, its data left in that file.

    The file is 8 bytes with the header's length, the header in JSON, then the tensors, at offsets counted from its end.
    """
    start = 8 + int.from_bytes(weights[:8], "little")
    tensors = []
    for name, entry in json.loads(weights[8:start]).items():
        begin, end = entry["data_offsets"]
        tensor = onnx.TensorProto(
            name=name, data_type=_TYPES[entry["dtype"]], dims=entry["shape"], data_location=onnx.TensorProto.EXTERNAL
        )
        for key, value in (("location", "model.safetensors"), ("offset", start + begin), ("length", end - begin)):
            tensor.external_data.add(key=key, value=str(value))
        tensors.append(tensor)
    return tensors
