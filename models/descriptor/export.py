"""From a trained descriptor to the files that run: weights, graph, projection, background set, config."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import safetensors.numpy
from numpy.typing import NDArray

from cliptrace.models.backbones.background import Background, blanks
from cliptrace.models.backbones.efficientnet_lite0 import MEAN, STD
from cliptrace.models.backbones.onnx_graph import graph
from cliptrace.models.backbones.onnx_int8 import int8_graph
from cliptrace.models.backbones.registry import Embedder, config_to_json, load_config
from cliptrace.models.backbones.whitening import Whitening
from cliptrace.models.descriptor.config import DescriptorTraining
from cliptrace.models.descriptor.examples import Pictures
from cliptrace.models.descriptor.network import Descriptor, pooled
from cliptrace.models.export import check_parity, write_config, write_files
from cliptrace.models.training.edits import squeezed
from cliptrace.schemas.config import BackboneConfig

Floats = NDArray[np.float32]

_CHECKED, _HALVED = 8, 0.1
"""Of so many pictures, how far the embeddings may be from the network's, as a share of their norm: its weights lose
half of their bits."""


def write(
    descriptor: Descriptor, pictures: Pictures, folder: Path, name: str, config: DescriptorTraining
) -> BackboneConfig:
    """Makes ``folder`` a backbone: model.safetensors, model.onnx, model.int8.onnx, projection.safetensors,
    background.safetensors, and the config.json that ``--backbone`` takes.

    The projection is whitened on the pictures (as SSCD is), and some of them become the background set.
    """
    size = config.input_size
    features = pooled(descriptor, pictures.frames, size)
    projection = whitened(descriptor.whitening(), features, config.dimension, config.shrinkage)
    chosen = np.random.default_rng(config.seed).permutation(len(features))[: config.background]
    blank = blanks(size)
    background = projection.apply(np.concatenate([features[chosen], pooled(descriptor, list(blank), size)]))
    weights = safetensors.numpy.save(_tensors(descriptor))
    calibration = np.stack([squeezed(pictures.frames[number], size) for number in chosen[: config.calibration]])
    files = {
        "model.safetensors": weights,
        "model.onnx": graph(weights).SerializeToString(deterministic=True),
        "model.int8.onnx": int8_graph(weights, calibration).SerializeToString(deterministic=True),
        "projection.safetensors": projection.to_bytes(),
    }
    digests = write_files(folder, files)
    backbone = BackboneConfig(
        name=name,
        format="efficientnet_lite0",
        path="model.safetensors",
        sha256=digests["model.safetensors"],
        graph="model.onnx",
        graph_sha256=digests["model.onnx"],
        graph_int8="model.int8.onnx",
        graph_int8_sha256=digests["model.int8.onnx"],
        input_size=size,
        mean=(MEAN,) * 3,
        std=(STD,) * 3,
        output="map",
        dimension=config.dimension,
        pooling="gem",
        whitening="projection.safetensors",
        whitening_sha256=digests["projection.safetensors"],
        crop_borders=True,
        min_similarity=config.min_similarity,
        min_score=config.min_score,
    )
    written = _save(backbone, folder, config)
    in_floats = dataclasses.replace(written, graph_int8="", graph_int8_sha256="")
    found = Embedder.open(in_floats).embed(calibration[:_CHECKED])
    check_parity(folder / "model.onnx", projection.apply(features[chosen[:_CHECKED]]), found, _HALVED)
    in_8_bits = Embedder.open(written).embed(blank)  # flat frames are where 8 bits differ most
    scoring = {"background.safetensors": Background(np.concatenate([background, in_8_bits])).to_bytes()}
    ((file, sha256),) = write_files(folder, scoring).items()
    return _save(dataclasses.replace(backbone, background=file, background_sha256=sha256), folder, config)


def _save(backbone: BackboneConfig, folder: Path, config: DescriptorTraining) -> BackboneConfig:
    """As it is when it is read again, with the files' places."""
    write_config(folder, config, **config_to_json(backbone))
    return load_config(str(folder / "config.json"))


def whitened(projection: Whitening, features: Floats, dimension: int, shrinkage: float) -> Whitening:
    """``projection`` followed by a PCA whitening of what it makes of ``features`` [N, 1280], as one linear map."""
    projected = np.asarray((features - projection.mean) @ projection.projection, np.float32)
    after = Whitening.fit(projected, dimension, shrinkage)
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
