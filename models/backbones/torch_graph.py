"""The built-in network's 8-bit graph in torch, node by node: what a GPU computes is what a CPU computes.

Whoever rounds elsewhere gets other embeddings: scores are calibrated on those of 8 bits, and what one machine indexes
another searches. Whole numbers up to 255 are kept as floats, so that any device can take them.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import onnx
import torch
from onnx import TensorProto, helper
from torch.nn import functional

from cliptrace.models.backbones.efficientnet_lite0 import pad_same
from cliptrace.models.backbones.onnx_int8 import tensor_values

Tensors = Sequence[torch.Tensor]
Attributes = Mapping[str, Any]
Operator = Callable[[Tensors, Attributes], torch.Tensor]

_RANGES = {TensorProto.UINT8: (0, 255), TensorProto.INT8: (-128, 127)}


@dataclasses.dataclass(frozen=True, slots=True)
class _Node:
    """operator: of the tensors that ``inputs`` name, and attributes."""

    operator: Operator
    inputs: tuple[str, ...]
    output: str
    attributes: Attributes

    def computed(self, values: Mapping[str, torch.Tensor]) -> torch.Tensor:
        return self.operator([values[name] for name in self.inputs], self.attributes)


class TorchGraph:
    """uint8[N, S, S, 3], RGB, on ``device`` → float32[N, C, h, w]."""

    def __init__(self, graph: bytes, weights: bytes, device: torch.device) -> None:
        """graph: an ONNX model whose tensors lie in ``weights``, a safetensors file. ValueError where it has an
        operator that is not here."""
        model = onnx.load_from_string(graph).graph
        self._input, self._output = model.input[0].name, model.output[0].name
        ranges = {each.name: _RANGES[each.data_type] for each in model.initializer if each.data_type in _RANGES}
        self._constants = {
            each.name: torch.from_numpy(tensor_values(each, weights).copy()).to(device) for each in model.initializer
        }
        self._nodes: list[_Node] = []
        for each in model.node:
            if each.op_type not in _OPERATORS:
                raise ValueError(f"operator {each.op_type} of {each.output[0]} is not known")
            attributes = {attribute.name: helper.get_attribute_value(attribute) for attribute in each.attribute}
            if each.op_type == "QuantizeLinear":
                attributes["range"] = ranges[each.input[2]]
            node = _Node(_OPERATORS[each.op_type], tuple(each.input), each.output[0], attributes)
            if all(name in self._constants for name in node.inputs):
                self._constants[node.output] = node.computed(self._constants)
            else:
                self._nodes.append(node)
        self._last_use = {name: number for number, node in enumerate(self._nodes) for name in node.inputs}

    def __call__(self, frames: torch.Tensor) -> torch.Tensor:
        values = {self._input: frames, **self._constants}
        for number, node in enumerate(self._nodes):
            values[node.output] = node.computed(values)
            for name in node.inputs:
                if self._last_use[name] == number:
                    values.pop(name, None)
        return values[self._output]


def _quantised(inputs: Tensors, attributes: Attributes) -> torch.Tensor:
    x, scale, zero = _along(inputs, attributes)
    return (x / scale).round_().add_(zero).clamp_(*attributes["range"])


def _dequantised(inputs: Tensors, attributes: Attributes) -> torch.Tensor:
    x, scale, zero = _along(inputs, attributes)
    return (x - zero).mul_(scale)


def _along(inputs: Tensors, attributes: Attributes) -> Tensors:
    """Value, scale and zero point; those of channels lie along ``axis``."""
    x, *others = inputs
    axis = attributes.get("axis", 1)
    shape = [-1 if number == axis % max(x.ndim, 1) else 1 for number in range(x.ndim)]
    return [x, *(each.reshape(shape) if each.numel() > 1 else each for each in others)]


def _convolved(inputs: Tensors, attributes: Attributes) -> torch.Tensor:
    """With the padding that onnx_graph.py asks for, auto_pad SAME_UPPER."""
    x, weight, bias = inputs
    (stride, _), groups = attributes["strides"], attributes["group"]
    return functional.conv2d(pad_same(x, weight.shape[-1], stride), weight, bias, stride, groups=groups)


_OPERATORS: Mapping[str, Operator] = {
    "Add": lambda inputs, _: inputs[0] + inputs[1],
    "Cast": lambda inputs, _: inputs[0].float(),
    "Clip": lambda inputs, _: inputs[0].clamp(*inputs[1:]),
    "Conv": _convolved,
    "DequantizeLinear": _dequantised,
    "Div": lambda inputs, _: inputs[0] / inputs[1],
    "QuantizeLinear": _quantised,
    "Sub": lambda inputs, _: inputs[0] - inputs[1],
    "Transpose": lambda inputs, attributes: inputs[0].permute(*attributes["perm"]),
}
