"""SKE: how much each basis frame deserves to be a keyframe (SSAN §3.1), of 72 s at a time.

576 thumbs are tiled into one picture of 24 × 24 blocks; the network answers with a map of 24 × 24 scores. Rows of the
picture are 3 s, so its columns compare a frame with those of 3 s before and after. The end of one row and the start of
the next are neighbours in time, but not in the picture: the last layers therefore run along the sequence.
"""

from __future__ import annotations

import torch
from torch import nn

_WIDTHS = (16, 32, 48, 64)
_CONTEXT = 3
_REACH = 9
"""Frames that a layer of the sequence sees."""
_RAREST = -1.5


class SKE(nn.Module):  # type: ignore[misc]  # torch is not followed
    """Tiles → logits of keyframes.

    Input: uint8[N, 768, 768, 3], RGB, blocks in reading order (models/ssan/tiles.py). Output: float32[N, 576].
    """

    def __init__(self) -> None:
        super().__init__()
        first, *others = _WIDTHS
        layers = [nn.Conv2d(3, first, 4, 4), nn.BatchNorm2d(first), nn.ReLU(inplace=True)]
        for before, width in zip(_WIDTHS, others, strict=False):
            layers += [
                nn.Conv2d(before, width, 3, 2, 1, bias=False),
                nn.BatchNorm2d(width),
                nn.ReLU(inplace=True),
            ]
        self.blocks = nn.Sequential(*layers)
        self.context = nn.ModuleList(_Context(_WIDTHS[-1]) for _ in range(_CONTEXT))
        self.scores = nn.Conv1d(_WIDTHS[-1], 1, 1)
        nn.init.constant_(self.scores.bias, _RAREST)

    def forward(self, tiles: torch.Tensor) -> torch.Tensor:
        planes = tiles.permute(0, 3, 1, 2).to(self.scores.bias.dtype) / 127.5 - 1.0
        features = self.blocks(planes)
        for layer in self.context:
            features = layer(features)
        scores: torch.Tensor = self.scores(features.flatten(2))[:, 0]
        return scores


class _Context(nn.Module):  # type: ignore[misc]
    """Neighbours in the picture, then neighbours in time."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.around = nn.Sequential(nn.Conv2d(width, width, 3, 1, 1, bias=False), nn.BatchNorm2d(width))
        self.along = nn.Sequential(nn.Conv1d(width, width, _REACH, 1, _REACH // 2, bias=False), nn.BatchNorm1d(width))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = torch.relu(x + self.around(x))
        sequence = torch.relu(x.flatten(2) + self.along(x.flatten(2)))
        return sequence.reshape(x.shape)
