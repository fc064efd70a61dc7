"""From a trained descriptor to the files that run: weights, graph, projection, background set, config."""

from __future__ import annotations

import dataclasses
import itertools
import json
from pathlib import Path
from typing import Any

import numpy as np
import safetensors.numpy
from numpy.typing import NDArray

from cliptrace.models.backbones.background import Background
from cliptrace.models.backbones.efficientnet_lite0 import MEAN, STD
from cliptrace.models.backbones.onnx_graph import graph
from cliptrace.models.backbones.onnx_int8 import int8_graph
from cliptrace.models.backbones.registry import Embedder, config_to_json, load_config
from cliptrace.models.backbones.whitening import Whitening
from cliptrace.models.descriptor.data import Pictures
from cliptrace.models.descriptor.edits import squeezed
from cliptrace.models.descriptor.network import Descriptor, pooled
from cliptrace.models.weights import sha256_of
from cliptrace.schemas.config import BackboneConfig

Floats = NDArray[np.float32]

INPUT_SIZE = 192
DIMENSION = 256
SHRINKAGE = 0.5
MIN_SIMILARITY, MIN_SCORE = 0.2, 0.15
"""What benchmarks.thresholds chose for copy_lite0, rounded; every training has its own scale (docs/backbones.md)."""
BACKGROUND_SIZE = 2000
CALIBRATION_SIZE = 200
"""Pictures whose activations say how the 8 bits of the int8 graph are spread."""


def write(descriptor: Descriptor, pictures: Pictures, folder: Path, name: str, seed: int) -> BackboneConfig:
    """Makes ``folder`` a backbone: model.safetensors, model.onnx, model.int8.onnx, projection.safetensors,
    background.safetensors, and the config.json that ``--backbone`` takes.

    The projection is whitened on the pictures (as SSCD is), and some of them become the background set.
    """
    features = pooled(descriptor, pictures.frames, INPUT_SIZE)
    projection = whitened(descriptor.whitening(), features, DIMENSION)
    chosen = np.random.default_rng(seed).permutation(len(features))[:BACKGROUND_SIZE]
    blank = blanks(INPUT_SIZE)
    background = projection.apply(np.concatenate([features[chosen], pooled(descriptor, list(blank), INPUT_SIZE)]))
    weights = safetensors.numpy.save(_tensors(descriptor))
    calibration = np.stack([squeezed(pictures.frames[number], INPUT_SIZE) for number in chosen[:CALIBRATION_SIZE]])
    files = {
        "model.safetensors": weights,
        "model.onnx": graph(weights).SerializeToString(deterministic=True),
        "model.int8.onnx": int8_graph(weights, calibration).SerializeToString(deterministic=True),
        "projection.safetensors": projection.to_bytes(),
    }
    digests = {file: sha256_of(content) for file, content in files.items()}
    config = BackboneConfig(
        name=name,
        format="efficientnet_lite0",
        path="model.safetensors",
        sha256=digests["model.safetensors"],
        graph="model.onnx",
        graph_sha256=digests["model.onnx"],
        graph_int8="model.int8.onnx",
        graph_int8_sha256=digests["model.int8.onnx"],
        input_size=INPUT_SIZE,
        mean=(MEAN,) * 3,
        std=(STD,) * 3,
        output="map",
        dimension=DIMENSION,
        pooling="gem",
        whitening="projection.safetensors",
        whitening_sha256=digests["projection.safetensors"],
        crop_borders=True,
        min_similarity=MIN_SIMILARITY,
        min_score=MIN_SCORE,
    )
    folder.mkdir(parents=True, exist_ok=True)
    for file, content in files.items():
        folder.joinpath(file).write_bytes(content)
    in_8_bits = Embedder.open(_save(config, folder)).embed(blank)  # flat frames are where 8 bits differ most
    content = Background(np.concatenate([background, in_8_bits])).to_bytes()
    folder.joinpath("background.safetensors").write_bytes(content)
    scored = dataclasses.replace(config, background="background.safetensors", background_sha256=sha256_of(content))
    return _save(scored, folder)


def blanks(size: int) -> NDArray[np.uint8]:
    """uint8[64, S, S, 3], flat frames that are part of the background set: black, white, the ground of title cards."""
    colours = itertools.product((0, 85, 170, 255), repeat=3)
    return np.stack([np.full((size, size, 3), rgb, np.uint8) for rgb in colours])


def _save(config: BackboneConfig, folder: Path) -> BackboneConfig:
    """As it is when it is read again, with the files' places."""
    file = folder / "config.json"
    file.write_text(json.dumps(config_to_json(config), indent=2) + "\n", encoding="utf-8")
    return load_config(str(file))


def whitened(projection: Whitening, features: Floats, dimension: int) -> Whitening:
    """``projection`` followed by a PCA whitening of what it makes of ``features`` [N, 1280], as one linear map."""
    projected = np.asarray((features - projection.mean) @ projection.projection, np.float32)
    after = Whitening.fit(projected, dimension, SHRINKAGE)
    # The second mean, as seen from before the projection: any vector that the projection takes to it.
    offset, *_ = np.linalg.lstsq(projection.projection.T.astype(np.float64), after.mean.astype(np.float64), rcond=None)
    mean = projection.mean + offset.astype(np.float32)
    return dataclasses.replace(projection, mean=mean, projection=projection.projection @ after.projection)


def _tensors(descriptor: Descriptor) -> dict[str, NDArray[Any]]:
    """Weights as float16, biases as float32, as efficientnet_lite0.load takes them."""
    tensors = {}
    for name, tensor in descriptor.trunk.convolutions.state_dict().items():
        dtype = np.float16 if name.endswith(".weight") else np.float32
        tensors[name] = tensor.detach().contiguous().numpy().astype(dtype, order="C")
    return tensors
