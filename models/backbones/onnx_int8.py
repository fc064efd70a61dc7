"""The built-in network as an ONNX graph that computes in 8 bits, its weights still in their safetensors file.

ONNX Runtime's own static quantisation, of which the graph keeps the scales alone: a few hundred kB. The int8 weights
are made again from the float16 ones when the graph is loaded.
"""

from __future__ import annotations

import copy
import logging
import tempfile
from pathlib import Path

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from cliptrace.models.backbones.onnx_graph import EXTERNAL_DTYPES, graph

_BATCH = 4
_QUANTISED = ["Conv", "Add", "Clip"]
"""Subtracting the mean is left in floating point. Clip: where the 8 bits already end at 0 and 6, it is dropped."""
_SUFFIX = "_quantized"
"""What ONNX Runtime adds to the name of a weight."""


def int8_graph(weights: bytes, frames: NDArray[np.uint8]) -> onnx.ModelProto:
    """Like onnx_graph.graph. Weights int8, a scale a channel; activations uint8, their ranges as ``frames`` show them.

    weights: a safetensors file. frames: uint8[N, S, S, 3] RGB.
    """
    return _pointing_into(graph(weights), quantised(plain_graph(weights), frames))


def plain_graph(weights: bytes) -> onnx.ModelProto:
    """The network as one ONNX model in float32, tensors inside: no other file, no casts."""
    model = graph(weights)
    tensors = {tensor.name: tensor_values(tensor, weights) for tensor in model.graph.initializer}
    casts = [node for node in model.graph.node if node.op_type == "Cast" and node.input[0] in tensors]
    for cast in casts:
        tensors[cast.output[0]] = tensors.pop(cast.input[0])
        model.graph.node.remove(cast)
    del model.graph.initializer[:]
    model.graph.initializer.extend(numpy_helper.from_array(values, name) for name, values in tensors.items())
    return model


def tensor_values(tensor: onnx.TensorProto, weights: bytes) -> NDArray[np.float32]:
    """Of an ONNX model, wherever they lie. weights: a safetensors file."""
    if tensor.data_location != TensorProto.EXTERNAL:
        return np.asarray(numpy_helper.to_array(tensor), np.float32)
    place = {entry.key: entry.value for entry in tensor.external_data}
    start, length = int(place["offset"]), int(place["length"])
    values = np.frombuffer(weights[start : start + length], EXTERNAL_DTYPES[tensor.data_type])
    return values.reshape(tuple(tensor.dims)).astype(np.float32)


def quantised(model: onnx.ModelProto, frames: NDArray[np.uint8]) -> onnx.ModelProto:
    """``model`` in 8 bits, tensors inside."""
    from onnxruntime import quantization

    logging.getLogger().addFilter(_not_preprocessed)
    try:
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "quantised.onnx"
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
            return onnx.load(file)
    finally:
        logging.getLogger().removeFilter(_not_preprocessed)


def _not_preprocessed(record: logging.LogRecord) -> bool:
    """The advice to fold batch normalisation first; there is none left."""
    return "pre-processing" not in record.getMessage()


class _Batches:
    """What onnxruntime.quantization reads its calibration frames from."""

    def __init__(self, frames: NDArray[np.uint8]) -> None:
        self._batches = iter([frames[at : at + _BATCH] for at in range(0, len(frames), _BATCH)])

    def get_next(self) -> dict[str, NDArray[np.uint8]] | None:
        batch = next(self._batches, None)
        return None if batch is None else {"frames": batch}

    def set_range(self, start_index: int, end_index: int) -> None:
        raise NotImplementedError  # asked for only where calibration is cut into strides


def _pointing_into(floats: onnx.ModelProto, model: onnx.ModelProto) -> onnx.ModelProto:
    """``model`` with its int8 weights replaced by what quantises those of ``floats``, whose tensors lie in a file."""
    casts = {node.output[0]: node for node in floats.graph.node if node.op_type == "Cast"}
    stored = {tensor.name: tensor for tensor in floats.graph.initializer}
    users = {node.input[0]: node for node in model.graph.node if node.op_type == "DequantizeLinear"}
    nodes, tensors = [], []
    for tensor in model.graph.initializer:
        cast = casts.get(tensor.name.removesuffix(_SUFFIX)) if tensor.name.endswith(_SUFFIX) else None
        if cast is None:
            tensors.append(tensor)
            continue
        user = users[tensor.name]
        nodes += [
            cast,
            helper.make_node("QuantizeLinear", [cast.output[0], *user.input[1:]], [tensor.name], axis=0),
        ]
        tensors.append(stored[cast.input[0]])
    nodes += model.graph.node
    del model.graph.node[:], model.graph.initializer[:]
    model.graph.node.extend(nodes)
    model.graph.initializer.extend(tensors)
    return model
