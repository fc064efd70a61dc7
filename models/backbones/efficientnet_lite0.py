"""EfficientNet-Lite0 up to its 1280 feature maps, batch normalisation already folded into the convolutions.

Tan and Le, "EfficientNet", ICML 2019, in the Lite variant: ReLU6 for swish, no squeeze-and-excitation. The layer list
below is the one description of the network: the torch module runs it, and export.py writes it as an ONNX graph.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator

import safetensors.torch
import torch
from torch import nn
from torch.nn import functional


@dataclasses.dataclass(frozen=True, slots=True)
class Layer:
    """One convolution. opens: its input is what a residual sum adds; closes: its output is added to that input."""

    name: str
    inputs: int
    outputs: int
    kernel: int = 1
    stride: int = 1
    groups: int = 1
    relu6: bool = True
    opens: bool = False
    closes: bool = False


MEAN, STD = 127 / 255, 128 / 255
"""The Lite networks were trained on (x - 127) / 128. On 1,000 photographs, one of each ImageNet class, that gives .872
top-1; the channel statistics of ImageNet that PyTorch packages usually want give .771."""

_STAGES = (
    # repeats, kernel, stride of the first block, expansion, inputs, outputs
    (1, 3, 1, 1, 32, 16),
    (2, 3, 2, 6, 16, 24),
    (2, 5, 2, 6, 24, 40),
    (3, 3, 2, 6, 40, 80),
    (3, 5, 1, 6, 80, 112),
    (4, 5, 2, 6, 112, 192),
    (1, 3, 1, 6, 192, 320),
)


def _layers() -> Iterator[Layer]:
    yield Layer("stem", 3, 32, kernel=3, stride=2)
    block = 0
    for repeats, kernel, first_stride, expansion, first_inputs, outputs in _STAGES:
        for repeat in range(repeats):
            stride, inputs = (first_stride, first_inputs) if repeat == 0 else (1, outputs)
            wide = inputs * expansion
            residual = stride == 1 and inputs == outputs
            if expansion > 1:
                yield Layer(f"block{block}_expand", inputs, wide, opens=residual)
            yield Layer(f"block{block}_depthwise", wide, wide, kernel=kernel, stride=stride, groups=wide)
            yield Layer(f"block{block}_project", wide, outputs, relu6=False, closes=residual)
            block += 1
    yield Layer("head", 320, 1280)


LAYERS = tuple(_layers())


class EfficientNetLite0(nn.Module):
    """float32[N, 3, H, W], normalised, → float32[N, 1280, ⌈H/32⌉, ⌈W/32⌉]."""

    def __init__(self) -> None:
        super().__init__()
        self.convolutions = nn.ModuleDict(
            {
                layer.name: nn.Conv2d(layer.inputs, layer.outputs, layer.kernel, layer.stride, groups=layer.groups)
                for layer in LAYERS
            }
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        residual = x
        for layer in LAYERS:
            if layer.opens:
                residual = x
            x = self.convolutions[layer.name](pad_same(x, layer.kernel, layer.stride))
            if layer.relu6:
                x = functional.relu6(x)
            if layer.closes:
                x = x + residual
        return x


def pad_same(x: torch.Tensor, kernel: int, stride: int) -> torch.Tensor:
    """TensorFlow's SAME padding: as much as ⌈size/stride⌉ outputs need, the odd pixel below and to the right."""
    if kernel == 1:
        return x
    height, width = (
        max((math.ceil(size / stride) - 1) * stride + kernel - size, 0) for size in (x.shape[-2], x.shape[-1])
    )
    return functional.pad(x, (width // 2, width - width // 2, height // 2, height - height // 2))


def load(weights: bytes) -> EfficientNetLite0:
    """The network in float32 and evaluation mode, from a safetensors file's content; tensors may be float16."""
    network = EfficientNetLite0()
    tensors = safetensors.torch.load(weights)
    network.convolutions.load_state_dict({name: tensor.float() for name, tensor in tensors.items()})
    network.eval()
    return network
