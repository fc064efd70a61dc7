"""From a trained network to the files that run: weights as safetensors, an ONNX graph over them, a config."""

from __future__ import annotations

import copy
import io
import itertools
import json
import warnings
from pathlib import Path
from typing import Any

import onnx
import safetensors.numpy
import torch

from cliptrace.models.backbones.onnx_graph import external_tensors
from cliptrace.models.weights import sha256_of

SPD_FREE = {"maps": {0: "N", 2: "H", 3: "W"}, "cells": {0: "N", 2: "A"}}
SKE_FREE = {"tiles": {0: "N"}, "scores": {0: "N"}}
"""Inputs and outputs of the graphs, in order, and which of their axes may have any length."""
_CONVOLUTIONS = (torch.nn.Conv1d, torch.nn.Conv2d)
_NORMS = (torch.nn.BatchNorm1d, torch.nn.BatchNorm2d)


def write(
    network: torch.nn.Module, example: torch.Tensor, free: dict[str, dict[int, str]], folder: Path, **facts: Any
) -> None:
    """model.safetensors (float32, batch normalisation folded), model.onnx over it, and config.json with both digests.

    example: an input. free: name of each input and output, in order → its axes of any length, and their names.
    facts: what else config.json says.
    """
    folder.mkdir(parents=True, exist_ok=True)
    folded = fold(network)
    tensors = {name: tensor.detach().contiguous().numpy() for name, tensor in folded.state_dict().items()}
    weights = safetensors.numpy.save(tensors)
    graph = _graph(folded, example, free, weights)
    digests: dict[str, Any] = {}
    for file, content in (("model.safetensors", weights), ("model.onnx", graph)):
        (folder / file).write_bytes(content)
        digests[file] = sha256_of(content)
    (folder / "config.json").write_text(json.dumps({**facts, "sha256": digests}, indent=2) + "\n", encoding="utf-8")


def fold(network: torch.nn.Module) -> torch.nn.Module:
    """A copy for inference, every batch normalisation part of the convolution before it."""
    folded = copy.deepcopy(network).eval()
    for module in list(folded.modules()):
        if isinstance(module, torch.nn.Sequential):
            children = list(module.named_children())
            for (name, child), (after, norm) in itertools.pairwise(children):
                if isinstance(child, _CONVOLUTIONS) and isinstance(norm, _NORMS):
                    setattr(module, name, torch.nn.utils.fusion.fuse_conv_bn_eval(child, norm))
                    setattr(module, after, torch.nn.Identity())
    return folded


def _graph(network: torch.nn.Module, example: torch.Tensor, free: dict[str, dict[int, str]], weights: bytes) -> bytes:
    names = list(free)
    buffer = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the exporter that needs no other package is called legacy
        torch.onnx.export(
            network,
            (example,),
            buffer,
            input_names=names[:1],
            output_names=names[1:],
            dynamic_axes=free,
            opset_version=17,
            dynamo=False,
        )
    model = onnx.load_from_string(buffer.getvalue())
    outside = {tensor.name: tensor for tensor in external_tensors(weights)}
    for initializer in model.graph.initializer:
        if initializer.name in outside:
            initializer.CopyFrom(outside[initializer.name])
    model.producer_name, model.producer_version, model.doc_string = "cliptrace", "", ""
    content: bytes = model.SerializeToString(deterministic=True)
    return content
