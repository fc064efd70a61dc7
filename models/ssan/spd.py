"""SPD: copies as objects in a similarity map (SSAN §3.2), found by a light single-stage, anchor-free detector.

Every cell of five grids of stride 2 to 32 says how surely it lies on the line of a copy, forward or backward, and how
far it is from there to the four sides of the copy's box (as FCOS does, Tian et al., arXiv 1904.01355).
"""

from __future__ import annotations

import itertools

import torch
from torch import nn

from cliptrace.models.ssan.detect import CLASSES, FARTHEST, STRIDES

_WIDTHS = (24, 48, 64, 96, 128)
_NECK = 32
_SHARPNESS = 20.0
_QUIET = 0.03
"""Similarity: what varies less is noise."""
_MOST = 4.0
"""Deviations from the mean, beyond which they make no difference."""
_RAREST = -4.0
"""Logit that an untrained network gives every cell: nearly all hold nothing."""


class SPD(nn.Module):  # type: ignore[misc]  # torch is not followed
    """Similarity maps → what every cell says.

    Input: float32[N, 1, H, W], query keyframes down, reference keyframes across, 0 where there are none.
    Output: float32[N, 6, A] of all cells of all grids, A = Σ H·W / stride²: logits of CLASSES, then logarithms of the
    distances up, down, left and right, in cells.
    """

    def __init__(self) -> None:
        super().__init__()
        self.stages = nn.ModuleList([nn.Sequential(_Conv(4, _WIDTHS[0], 4, 2), _Bottleneck(_WIDTHS[0]))])
        self.stages += [
            nn.Sequential(_Conv(before, width, 3, 2), _Bottleneck(width))
            for before, width in itertools.pairwise(_WIDTHS)
        ]
        self.laterals = nn.ModuleList(nn.Conv2d(width, _NECK, 1) for width in _WIDTHS)
        self.scores, self.distances = _Separable(_NECK), _Separable(_NECK)
        self.score = nn.Conv2d(_NECK, CLASSES, 1)
        self.distance = nn.Conv2d(_NECK, 4, 1)
        nn.init.constant_(self.score.bias, _RAREST)

    def forward(self, maps: torch.Tensor) -> torch.Tensor:
        x = _channels(maps)
        levels = [x := stage(x) for stage in self.stages]
        merged = self.laterals[-1](levels[-1])
        pyramid = [merged]
        for level, lateral in zip(levels[-2::-1], list(self.laterals)[-2::-1], strict=True):
            merged = lateral(level) + nn.functional.interpolate(merged, scale_factor=2.0, mode="nearest")
            pyramid.insert(0, merged)
        said = [
            torch.cat([self.score(self.scores(level)), self.distance(self.distances(level))], dim=1).flatten(2)
            for level in pyramid
        ]
        return torch.cat(said, dim=2)


def decode(cells: torch.Tensor, size: tuple[int, int]) -> tuple[torch.Tensor, torch.Tensor]:
    """What SPD says of maps of ``size`` (H, W) → float32[N, A, 2], logits of CLASSES, and float32[N, A, 4], q0, q1, r0,
    r1 in pixels of the map."""
    grids = [(size[0] // stride, size[1] // stride) for stride in STRIDES]
    boxes = []
    for part, grid, stride in zip(cells.split([h * w for h, w in grids], dim=2), grids, STRIDES, strict=True):
        distances = stride * torch.exp(part[:, CLASSES:].clamp(max=FARTHEST)).unflatten(2, grid)
        boxes.append(_boxes(distances, stride).flatten(2).transpose(1, 2))
    return cells[:, :CLASSES].transpose(1, 2), torch.cat(boxes, dim=1)


def _channels(maps: torch.Tensor) -> torch.Tensor:
    """float32[N, 1, H, W] → [N, 4, H, W]: a map, how close each pair comes to being the best of its row and its column,
    and by how many deviations it stands out of its row and of its column.

    A still scene makes a bright block, in which the copy is a line that is hardly brighter. What is exactly 0 is no
    pair: padding, or what a search did not hit.
    """
    there = (maps != 0).to(maps.dtype)
    below = 2 * maps - maps.amax(dim=2, keepdim=True) - maps.amax(dim=3, keepdim=True)
    mutual = there * torch.exp(_SHARPNESS * below)
    return torch.cat([maps, mutual, _standing_out(maps, there, 3), _standing_out(maps, there, 2)], dim=1)


def _standing_out(maps: torch.Tensor, there: torch.Tensor, axis: int) -> torch.Tensor:
    count = there.sum(dim=axis, keepdim=True).clamp(min=1.0)
    above = there * (maps - maps.sum(dim=axis, keepdim=True) / count)
    deviation = torch.sqrt((above * above).sum(dim=axis, keepdim=True) / count + _QUIET**2)
    return (above / deviation).clamp(-_MOST, _MOST) / _MOST


def _boxes(distances: torch.Tensor, stride: int) -> torch.Tensor:
    """Distances to the sides, float32[N, 4, h, w] → q0, q1, r0, r1."""
    rows = centres(distances.shape[2], stride, distances)[:, None]
    columns = centres(distances.shape[3], stride, distances)[None, :]
    up, down, left, right = distances.unbind(dim=1)
    return torch.stack([rows - up, rows + down, columns - left, columns + right], dim=1)


def centres(count: int, stride: int, like: torch.Tensor) -> torch.Tensor:
    """Middles of ``count`` cells in pixels, on the device of ``like``."""
    return (torch.arange(count, device=like.device, dtype=like.dtype) + 0.5) * stride


class _Conv(nn.Sequential):  # type: ignore[misc]
    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int = 1, groups: int = 1) -> None:
        padding = (kernel - 1) // 2
        convolution = nn.Conv2d(inputs, outputs, kernel, stride, padding, groups=groups, bias=False)
        super().__init__(convolution, nn.BatchNorm2d(outputs), nn.ReLU(inplace=True))


class _Bottleneck(nn.Module):  # type: ignore[misc]
    def __init__(self, width: int) -> None:
        super().__init__()
        self.inner = nn.Sequential(_Conv(width, width // 2, 1), _Conv(width // 2, width, 3))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y: torch.Tensor = x + self.inner(x)
        return y


class _Separable(nn.Module):  # type: ignore[misc]
    """A residual block: each channel for itself, then each cell for itself. Most of the time goes into fine grids."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.inner = nn.Sequential(_Conv(width, width, 3, groups=width), _Conv(width, width, 1))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y: torch.Tensor = x + self.inner(x)
        return y
