"""The networks of SSAN: SKE scores keyframes, SPD finds copies in a similarity map, Joint trains both together."""

from __future__ import annotations

import itertools

import torch
from torch import nn

from cliptrace.models.ssan.config import SKETraining, SPDTraining, SSANTraining
from cliptrace.models.ssan.detect import CLASSES, FARTHEST, STRIDES
from cliptrace.models.ssan.grid import PIXEL_FRAMES
from cliptrace.models.ssan.tiles import FRAMES


class SPD(nn.Module):
    """Copies as objects in a similarity map (SSAN §3.2), found by a light single-stage, anchor-free detector.

    Every cell of five grids of stride 2 to 32 says how surely it lies on the line of a copy, forward or backward, and
    how far it is from there to the four sides of the copy's box (as FCOS does, Tian et al., arXiv 1904.01355).

    Input: float32[N, 1, H, W], query keyframes down, reference keyframes across, 0 where there are none.
    Output: float32[N, 6, A] of all cells of all grids, A = Σ H·W / stride²: logits of CLASSES, then logarithms of the
    distances up, down, left and right, in cells.
    """

    def __init__(self, config: SPDTraining) -> None:
        super().__init__()
        self._config, widths, neck = config, config.widths, config.neck
        self.stages = nn.ModuleList([nn.Sequential(_Conv(4, widths[0], 4, 2), _Bottleneck(widths[0]))])
        self.stages += [
            nn.Sequential(_Conv(before, width, 3, 2), _Bottleneck(width))
            for before, width in itertools.pairwise(widths)
        ]
        self.laterals = nn.ModuleList(nn.Conv2d(width, neck, 1) for width in widths)
        self.scores, self.distances = _Separable(neck), _Separable(neck)
        self.score = nn.Conv2d(neck, CLASSES, 1)
        self.distance = nn.Conv2d(neck, 4, 1)
        nn.init.constant_(self.score.get_parameter("bias"), config.rarest)

    def forward(self, maps: torch.Tensor) -> torch.Tensor:
        x = self._channels(maps)
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

    def _channels(self, maps: torch.Tensor) -> torch.Tensor:
        """float32[N, 1, H, W] → [N, 4, H, W]: a map, how close each pair comes to being the best of its row and its
        column, and by how many deviations it stands out of its row and of its column.

        A still scene makes a bright block, in which the copy is a line that is hardly brighter. What is exactly 0 is no
        pair: padding, or what a search did not hit.
        """
        there = (maps != 0).to(maps.dtype)
        below = 2 * maps - maps.amax(dim=2, keepdim=True) - maps.amax(dim=3, keepdim=True)
        mutual = there * torch.exp(self._config.sharpness * below)
        return torch.cat([maps, mutual, *(self._standing_out(maps, there, axis) for axis in (3, 2))], dim=1)

    def _standing_out(self, maps: torch.Tensor, there: torch.Tensor, axis: int) -> torch.Tensor:
        quiet, most = self._config.quiet, self._config.most
        count = there.sum(dim=axis, keepdim=True).clamp(min=1.0)
        above = there * (maps - maps.sum(dim=axis, keepdim=True) / count)
        deviation = torch.sqrt((above * above).sum(dim=axis, keepdim=True) / count + quiet**2)
        return (above / deviation).clamp(-most, most) / most


def decode(cells: torch.Tensor, size: tuple[int, int]) -> tuple[torch.Tensor, torch.Tensor]:
    """What SPD says of maps of ``size`` (H, W) → float32[N, A, 2], logits of CLASSES, and float32[N, A, 4], q0, q1, r0,
    r1 in pixels of the map."""
    grids = [(size[0] // stride, size[1] // stride) for stride in STRIDES]
    boxes = []
    parts = torch.split(cells, [h * w for h, w in grids], dim=2)
    for part, grid, stride in zip(parts, grids, STRIDES, strict=True):
        distances = stride * torch.unflatten(torch.exp(part[:, CLASSES:].clamp(max=FARTHEST)), 2, grid)
        boxes.append(_boxes(distances, stride).flatten(2).transpose(1, 2))
    return cells[:, :CLASSES].transpose(1, 2), torch.cat(boxes, dim=1)


def _boxes(distances: torch.Tensor, stride: int) -> torch.Tensor:
    """Distances to the sides, float32[N, 4, h, w] → q0, q1, r0, r1."""
    rows = centres(distances.shape[2], stride, distances)[:, None]
    columns = centres(distances.shape[3], stride, distances)[None, :]
    up, down, left, right = distances.unbind(dim=1)
    return torch.stack([rows - up, rows + down, columns - left, columns + right], dim=1)


def centres(count: int, stride: int, like: torch.Tensor) -> torch.Tensor:
    """Middles of ``count`` cells in pixels, on the device of ``like``."""
    return (torch.arange(count, device=like.device, dtype=like.dtype) + 0.5) * stride


class _Conv(nn.Sequential):
    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int = 1, groups: int = 1) -> None:
        padding = (kernel - 1) // 2
        convolution = nn.Conv2d(inputs, outputs, kernel, stride, padding, groups=groups, bias=False)
        super().__init__(convolution, nn.BatchNorm2d(outputs), nn.ReLU(inplace=True))


class _Bottleneck(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.inner = nn.Sequential(_Conv(width, width // 2, 1), _Conv(width // 2, width, 3))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y: torch.Tensor = x + self.inner(x)
        return y


class _Separable(nn.Module):
    """A residual block: each channel for itself, then each cell for itself. Most of the time goes into fine grids."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.inner = nn.Sequential(_Conv(width, width, 3, groups=width), _Conv(width, width, 1))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y: torch.Tensor = x + self.inner(x)
        return y


class SKE(nn.Module):
    """How much each basis frame deserves to be a keyframe (SSAN §3.1), of 72 s at a time, as a logit.

    576 thumbs are tiled into one picture of 24 × 24 blocks; the network answers with a map of 24 × 24 scores. Rows of
    the picture are 3 s, so its columns compare a frame with those of 3 s before and after. The end of one row and the
    start of the next are neighbours in time, but not in the picture: the last layers therefore run along the sequence.

    Input: uint8[N, 768, 768, 3], RGB, blocks in reading order (models/ssan/tiles.py). Output: float32[N, 576].
    """

    def __init__(self, config: SKETraining) -> None:
        super().__init__()
        first, *others = config.widths
        layers = [nn.Conv2d(3, first, 4, 4), nn.BatchNorm2d(first), nn.ReLU(inplace=True)]
        for before, width in zip(config.widths, others, strict=False):
            layers += [
                nn.Conv2d(before, width, 3, 2, 1, bias=False),
                nn.BatchNorm2d(width),
                nn.ReLU(inplace=True),
            ]
        self.blocks = nn.Sequential(*layers)
        self.context = nn.ModuleList(_Context(others[-1], config.reach) for _ in range(config.context))
        self.scores = nn.Conv1d(others[-1], 1, 1)
        nn.init.constant_(self.scores.get_parameter("bias"), config.rarest)

    def forward(self, tiles: torch.Tensor) -> torch.Tensor:
        planes = tiles.permute(0, 3, 1, 2).to(self.scores.weight.dtype) / 127.5 - 1.0
        features = self.blocks(planes)
        for layer in self.context:
            features = layer(features)
        scores: torch.Tensor = self.scores(features.flatten(2))[:, 0]
        return scores


class _Context(nn.Module):
    """Neighbours in the picture, then neighbours in time."""

    def __init__(self, width: int, reach: int) -> None:
        super().__init__()
        self.around = nn.Sequential(nn.Conv2d(width, width, 3, 1, 1, bias=False), nn.BatchNorm2d(width))
        self.along = nn.Sequential(nn.Conv1d(width, width, reach, 1, reach // 2, bias=False), nn.BatchNorm1d(width))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = torch.relu(x + self.around(x))
        sequence = torch.relu(x.flatten(2) + self.along(x.flatten(2)))
        return sequence.reshape(x.shape)


class Joint(nn.Module):
    """SKE and SPD trained together (SSAN §3.3): what the detector misses tells the selector which frames it needs.

    The paper multiplies a map of all basis frames, P1·P2ᵀ·S. What a gallery keeps is one keyframe for its surroundings,
    so here each moment of the map shows its keyframe, softly: row i is the mean of the rows near it, weighted by how
    near they are and by SKE's scores. Where scores are 0 and 1 this is the map that the detector gets to see later.
    """

    def __init__(self, ske: SKE, spd: SPD, config: SSANTraining) -> None:
        super().__init__()
        self.ske, self.spd, self._config = ske, spd, config

    def forward(
        self, tiles: torch.Tensor, similarity: torch.Tensor, dense: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """tiles: uint8[2N, 768, 768, 3], queries, then references; similarity: float32[N, 576, 576], 0 where there is
        no frame; dense: bool[N], queries of which all frames are searched.

        Returns SKE's logits float32[2N, 576], and what SPD says of the maps of their keyframes.
        """
        logits = self.ske(tiles)
        shows = nearest_keyframes(logits, self._config.reach, self._config.sharpness)
        queries, refs = shows.chunk(2)
        everything = torch.eye(FRAMES, device=queries.device).expand_as(queries)
        queries = torch.where(dense[:, None, None], everything, queries)
        there = (similarity != 0).to(similarity.dtype)
        maps = there * (queries @ similarity @ refs.transpose(1, 2))
        # 0 is no pair, and would be the maximum of pairs below it.
        pooled = nn.functional.max_pool2d(torch.where(there > 0, maps, -torch.inf)[:, None], PIXEL_FRAMES)
        return logits, self.spd(torch.where(torch.isfinite(pooled), pooled, 0.0))


def nearest_keyframes(logits: torch.Tensor, reach: float, sharpness: float) -> torch.Tensor:
    """Which keyframe stands for each frame, softly: float32[N, F, F] from logits float32[N, F], rows of sum 1.

    reach, sharpness: as SSANTraining has them.
    """
    at = torch.arange(logits.shape[1], device=logits.device, dtype=logits.dtype)
    away = ((at[:, None] - at[None, :]) / reach) ** 2 / 2
    weights = sharpness * (nn.functional.logsigmoid(logits)[:, None, :] - away)
    return torch.softmax(weights, dim=2)
