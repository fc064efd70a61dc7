"""Other networks made from the one that ships: cut after an earlier layer, in 8 bits, in floats."""

from __future__ import annotations

import copy
import dataclasses
from pathlib import Path

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper

from cliptrace.models.backbones.efficientnet_lite0 import LAYERS
from cliptrace.models.backbones.onnx_int8 import int8_graph
from cliptrace.models.weights import read_verified, sha256_of
from cliptrace.schemas.config import BackboneConfig


def cut(model: onnx.ModelProto, layer: str) -> onnx.ModelProto:
    """``plain_graph``'s model up to that layer of efficientnet_lite0.LAYERS, its sum and its ReLU6 included."""
    last = next(each for each in LAYERS if each.name == layer)
    name = f"{layer}_sum" if last.closes else f"{layer}_relu6" if last.relu6 else layer
    model = copy.deepcopy(model)
    (end,) = (number for number, node in enumerate(model.graph.node) if name in node.output)
    del model.graph.node[end + 1 :]
    used = {name for node in model.graph.node for name in node.input}
    tensors = [tensor for tensor in model.graph.initializer if tensor.name in used]
    del model.graph.initializer[:], model.graph.output[:]
    model.graph.initializer.extend(tensors)
    model.graph.output.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, ["N", last.outputs, "h", "w"]))
    return model


def in_8_bits(config: BackboneConfig, frames: NDArray[np.uint8], folder: Path) -> BackboneConfig:
    """The built-in network of ``config`` with an int8 graph in ``folder``, its ranges as ``frames`` show them."""
    content = int8_graph(read_verified(config.path, config.sha256), frames).SerializeToString(deterministic=True)
    path = folder / f"{config.name}.int8.onnx"
    path.write_bytes(content)
    return dataclasses.replace(config, graph_int8=str(path), graph_int8_sha256=sha256_of(content))


def in_floats(config: BackboneConfig) -> BackboneConfig:
    return dataclasses.replace(config, name="float32 network", graph_int8="", graph_int8_sha256="")


def saved(model: onnx.ModelProto, config: BackboneConfig, folder: Path, name: str) -> BackboneConfig:
    """``model`` written to ``folder``, as a backbone that is otherwise like ``config``, without a projection."""
    content = model.SerializeToString(deterministic=True)
    path = folder / f"{name}.onnx"
    path.write_bytes(content)
    return dataclasses.replace(
        config,
        name=name,
        format="onnx",
        path=str(path),
        sha256=sha256_of(content),
        graph="",
        graph_sha256="",
        graph_int8="",
        graph_int8_sha256="",
        dimension=model.graph.output[0].type.tensor_type.shape.dim[1].dim_value,
        whitening="",
        whitening_sha256="",
        background="",
        background_sha256="",
    )
