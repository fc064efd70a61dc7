"""From a trained network to the files that run: weights as safetensors, an ONNX file over them, a config; the same for
every method, and checked to compute what was trained."""

from __future__ import annotations

import copy
import io
import itertools
import json
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import safetensors.numpy
import torch
from numpy.typing import NDArray

from cliptrace.models.backbones.onnx_graph import external_tensors
from cliptrace.models.onnx_files import open_exported
from cliptrace.models.training.config import Training, digest
from cliptrace.models.weights import sha256_of
from cliptrace.schemas.errors import CliptraceError

_CONVOLUTIONS = (torch.nn.Conv1d, torch.nn.Conv2d)
_NORMS = (torch.nn.BatchNorm1d, torch.nn.BatchNorm2d)
_ROUNDED = 1e-3
"""How far the ONNX file's answer may be from the network's, as a share of its L2 norm."""


def export(
    network: torch.nn.Module,
    example: torch.Tensor | tuple[torch.Tensor, ...],
    axes: dict[str, dict[int, str]],
    folder: Path,
    config: Training,
    **facts: Any,
) -> None:
    """model.safetensors (float32, batch normalisation folded), model.onnx over it, and config.json with both digests.

    example: an input, or all of them in order, on which both must agree; CliptraceError where they do not. axes: name
    of each input and output, in order → its axes of any length, and their names. facts: what else config.json says.
    """
    inputs = example if isinstance(example, tuple) else (example,)
    folded = fold(network)
    tensors = {name: tensor.detach().contiguous().numpy() for name, tensor in folded.state_dict().items()}
    weights = safetensors.numpy.save(tensors)
    digests = write_files(folder, {"model.safetensors": weights, "model.onnx": _onnx(folded, inputs, axes, weights)})
    write_config(folder, config, **facts, sha256=digests)
    names, outputs = list(axes)[: len(inputs)], list(axes)[len(inputs) :]
    with torch.inference_mode():
        wanted = folded(*inputs).numpy()
    _, file = open_exported(folder.resolve())  # not what ships, though it be called the same
    (found,) = file.session.run(outputs, {name: each.numpy() for name, each in zip(names, inputs, strict=True)})
    check_parity(folder / "model.onnx", wanted, found, _ROUNDED)


def write_files(folder: Path, files: Mapping[str, bytes]) -> dict[str, str]:
    """Their SHA-256 by name."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        (folder / name).write_bytes(content)
    return {name: sha256_of(content) for name, content in files.items()}


def write_config(folder: Path, config: Training, **facts: Any) -> None:
    """config.json: what a reader must know of the files beside it, and what they were trained with."""
    content = json.dumps({**facts, "config_sha256": digest(config)}, indent=2)
    (folder / "config.json").write_text(content + "\n", encoding="utf-8")


def check_parity(file: Path, wanted: NDArray[np.float32], found: NDArray[np.float32], most: float) -> None:
    """CliptraceError where ``found``, which ``file`` computes, is further from ``wanted`` than a share of its norm."""
    apart = float(np.linalg.norm(found - wanted) / np.linalg.norm(wanted))
    if not apart <= most:  # nor where it is no number
        raise CliptraceError(
            f"{file}: its answer is {apart:.2g} of its length away from the trained network's, more than {most}: "
            "export it with another version of torch"
        )


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


def _onnx(
    network: torch.nn.Module, inputs: tuple[torch.Tensor, ...], axes: dict[str, dict[int, str]], weights: bytes
) -> bytes:
    names = list(axes)
    buffer = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the exporter that needs no other package is called legacy
        torch.onnx.export(
            network,
            inputs,
            buffer,  # type: ignore[arg-type]  # it takes one, whatever its types say
            input_names=names[: len(inputs)],
            output_names=names[len(inputs) :],
            dynamic_axes=axes,
            do_constant_folding=False,  # what is folded is no longer in the file of weights, but a second copy
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
