"""Other networks made from the one that ships: cut after an earlier layer, or computing in 8 bits."""

from __future__ import annotations

import copy
import dataclasses
import logging
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from models.backbones.efficientnet_lite0 import LAYERS
from models.weights import read_verified, sha256_of
from schemas.config import BackboneConfig
from schemas.errors import UsageError

_DTYPES = {TensorProto.FLOAT16: np.float16, TensorProto.FLOAT: np.float32}
_BATCH = 4
_QUANTISED = ["Conv", "Add", "Clip"]
"""Subtracting the mean is left in floating point. Clip: where the 8 bits already end at 0 and 6, it is dropped."""


def plain_graph(config: BackboneConfig) -> onnx.ModelProto:
    """The built-in network as one ONNX model in float32, tensors inside: no other file, no casts."""
    if config.format != "efficientnet_lite0":
        raise UsageError(f"backbone {config.name!r}: needs format 'efficientnet_lite0', not {config.format!r}")
    model = onnx.load_from_string(read_verified(config.graph, config.graph_sha256))
    weights = read_verified(config.path, config.sha256)
    tensors = {tensor.name: _values(tensor, weights) for tensor in model.graph.initializer}
    casts = [node for node in model.graph.node if node.op_type == "Cast" and node.input[0] in tensors]
    for cast in casts:
        tensors[cast.output[0]] = tensors.pop(cast.input[0])
    nodes = [node for node in model.graph.node if node not in casts]
    outputs = list(model.graph.output)
    return _model(nodes, list(model.graph.input), outputs, tensors, model.opset_import[0].version, model.ir_version)


def _values(tensor: onnx.TensorProto, weights: bytes) -> NDArray[np.float32]:
    if tensor.data_location != TensorProto.EXTERNAL:
        return np.asarray(numpy_helper.to_array(tensor), np.float32)
    place = {entry.key: entry.value for entry in tensor.external_data}
    start, length = int(place["offset"]), int(place["length"])
    values = np.frombuffer(weights[start : start + length], _DTYPES[tensor.data_type])
    return values.reshape(tuple(tensor.dims)).astype(np.float32)


def cut(model: onnx.ModelProto, layer: str) -> onnx.ModelProto:
    """``plain_graph``'s model up to that layer of efficientnet_lite0.LAYERS, its sum and its ReLU6 included."""
    last = next(each for each in LAYERS if each.name == layer)
    name = f"{layer}_sum" if last.closes else f"{layer}_relu6" if last.relu6 else layer
    (end,) = (number for number, node in enumerate(model.graph.node) if name in node.output)
    nodes = list(model.graph.node)[: end + 1]
    used = {name for node in nodes for name in node.input}
    tensors = {each.name: numpy_helper.to_array(each) for each in model.graph.initializer if each.name in used}
    outputs = [helper.make_tensor_value_info(name, TensorProto.FLOAT, ["N", last.outputs, "h", "w"])]
    return _model(nodes, list(model.graph.input), outputs, tensors, model.opset_import[0].version, model.ir_version)


def _model(
    nodes: Sequence[onnx.NodeProto],
    inputs: Sequence[onnx.ValueInfoProto],
    outputs: Sequence[onnx.ValueInfoProto],
    tensors: dict[str, NDArray[np.float32]],
    opset: int,
    ir_version: int,
) -> onnx.ModelProto:
    initializers = [numpy_helper.from_array(values, name) for name, values in tensors.items()]
    graph = helper.make_graph(nodes, "efficientnet_lite0", inputs, outputs, initializers)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=ir_version)


class _Batches:
    """What onnxruntime.quantization reads its calibration frames from."""

    def __init__(self, frames: NDArray[np.uint8]) -> None:
        self._batches = iter([frames[at : at + _BATCH] for at in range(0, len(frames), _BATCH)])

    def get_next(self) -> dict[str, NDArray[np.uint8]] | None:
        batch = next(self._batches, None)
        return None if batch is None else {"frames": batch}

    def set_range(self, start_index: int, end_index: int) -> None:
        raise NotImplementedError  # asked for only where calibration is cut into strides


def quantised(model: onnx.ModelProto, frames: NDArray[np.uint8], scratch: Path) -> onnx.ModelProto:
    """Static quantisation: weights int8 a channel, activations uint8, their ranges as these frames show them.

    frames: uint8[N, S, S, 3]. scratch: a folder for what onnxruntime writes.
    """
    from onnxruntime import quantization

    file = scratch / "quantised.onnx"
    logging.getLogger().addFilter(_not_preprocessed)
    try:
        quantization.quantize_static(
            copy.deepcopy(model),  # which it turns into one with external data, in a folder that it removes
            str(file),
            _Batches(frames),
            quant_format=quantization.QuantFormat.QDQ,
            op_types_to_quantize=_QUANTISED,
            per_channel=True,
            activation_type=quantization.QuantType.QUInt8,
            weight_type=quantization.QuantType.QInt8,
        )
    finally:
        logging.getLogger().removeFilter(_not_preprocessed)
    return onnx.load(file)


def _not_preprocessed(record: logging.LogRecord) -> bool:
    """The advice to fold batch normalisation first; there is none left."""
    return "pre-processing" not in record.getMessage()


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
        dimension=model.graph.output[0].type.tensor_type.shape.dim[1].dim_value,
        whitening="",
        whitening_sha256="",
        background="",
        background_sha256="",
    )
