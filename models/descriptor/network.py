"""The copy descriptor: EfficientNet-Lite0, GeM pooling, one linear projection."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn
from torch.nn import functional

from cliptrace.models.backbones import efficientnet_lite0
from cliptrace.models.backbones.efficientnet_lite0 import LAYERS, MEAN, STD, EfficientNetLite0
from cliptrace.models.backbones.registry import load_config
from cliptrace.models.backbones.whitening import Whitening
from cliptrace.models.descriptor.config import DescriptorTraining
from cliptrace.models.descriptor.examples import Pictures
from cliptrace.models.training.edits import Frame, edited, squeezed
from cliptrace.models.weights import read_verified

_SMALLEST = 1e-6
"""Keeps the cube root's slope finite where a channel is silent."""


class Descriptor(nn.Module):
    """uint8[N, H, W, 3] RGB frames → float32[N, D], rows of unit L2 norm.

    The same numbers as the numpy chain that ships: feature maps, pooling.gem, Whitening.apply.
    """

    def __init__(self, trunk: EfficientNetLite0, whitening: Whitening) -> None:
        super().__init__()
        self.trunk = trunk.to(memory_format=torch.channels_last)
        # The mean as the projection sees it: of the same scale as the projection, so one learning rate suits both.
        self.offset = nn.Parameter(torch.from_numpy(whitening.mean @ whitening.projection))
        self.projection = nn.Parameter(torch.from_numpy(np.ascontiguousarray(whitening.projection)))

    def forward(self, frames: torch.Tensor) -> torch.Tensor:
        return self.project(self.pool(frames))

    def pool(self, frames: torch.Tensor) -> torch.Tensor:
        """→ float32[N, 1280]: GeM with p = 3 (Radenović et al., TPAMI 2019, eq. 3), rows of unit L2 norm."""
        planes = frames.permute(0, 3, 1, 2).float()  # a view, which is channels-last as it lies
        maps = self.trunk((planes / 255 - MEAN) / STD).clamp(min=_SMALLEST)
        return functional.normalize(maps.pow(3).mean(dim=(2, 3)).pow(1 / 3))

    def project(self, pooled: torch.Tensor) -> torch.Tensor:
        return functional.normalize(pooled @ self.projection - self.offset)

    def whitening(self) -> Whitening:
        projection, offset = self.projection.detach().numpy(), self.offset.detach().numpy()
        mean, *_ = np.linalg.lstsq(projection.T.astype(np.float64), offset.astype(np.float64), rcond=None)
        return Whitening(mean.astype(np.float32), projection.copy())


def pooled(descriptor: Descriptor, frames: Sequence[Frame], size: int) -> NDArray[np.float32]:
    """float32[N, 1280] of N frames of any shape, squeezed to size × size."""
    rows = []
    with torch.inference_mode():
        for first in range(0, len(frames), 32):
            block = np.stack([squeezed(frame, size) for frame in frames[first : first + 32]])
            rows.append(descriptor.pool(torch.from_numpy(block)).numpy())
    return np.concatenate(rows)


def freeze_below(trunk: EfficientNetLite0, first_trained: str) -> None:
    """Layers before the one of that name keep their weights; "" trains all of them, "none" none."""
    names = [layer.name for layer in LAYERS]
    trained = {"": 0, "none": len(names)}.get(first_trained)
    for name in names[: names.index(first_trained) if trained is None else trained]:
        trunk.convolutions[name].requires_grad_(False)


def initial(pictures: Pictures, config: DescriptorTraining) -> tuple[Descriptor, torch.Tensor]:
    """The network that is trained: it begins with ``config.start``'s trunk, its projection a whitening of pictures as
    they are and edited. And float32[P, D], its embeddings of all pictures."""
    backbone = load_config(config.start)
    trunk = efficientnet_lite0.load(read_verified(backbone.path, backbone.sha256))
    channels = LAYERS[-1].outputs
    unprojected = Descriptor(trunk, Whitening(np.zeros(channels, np.float32), np.eye(channels, dtype=np.float32)))
    random = np.random.default_rng(config.seed)
    copies = [edited(frame, frame, random, config.edits)[0] for frame in pictures.frames[:: config.edited_every]]
    plain, changed = (pooled(unprojected, frames, backbone.input_size) for frames in (pictures.frames, copies))
    whitening = Whitening.fit(np.concatenate([plain, changed]), config.projected, config.shrinkage)
    freeze_below(trunk, config.first_trained)
    return Descriptor(trunk, whitening), torch.from_numpy(whitening.apply(plain))
