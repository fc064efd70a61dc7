"""The anchor-free locator: every step of the reference says how surely it lies in a moment of the query, and how far it
is to both ends. No proposals, and one pass whatever the reference's length.

What is compared is told to the network beside the features themselves: how close a step comes to the query's steps, and
by how much it stands out of its own video. That carries over to what no training has shown.
"""

from __future__ import annotations

import torch
from torch import nn

from cliptrace.models.relocalization.config import AnchorFreeTraining

_DIAGONALS = (1, 3, 5)
"""Steps in a row of both videos whose mean cosine is looked at."""
_SIMILARITIES = 3 * len(_DIAGONALS)


class AnchorFree(nn.Module):
    """Input: query float32[B, Q, D], float32[B, Q], steps that are no padding, reference float32[B, R, D] and
    float32[B, R]. Output: float32[B, 3, R]: logit of lying in a moment, logarithms of the distances to its start and
    its end, in steps from the middle of this one."""

    def __init__(self, config: AnchorFreeTraining, dimension: int) -> None:
        super().__init__()
        self.config, width = config, config.width
        self.project = nn.Linear(dimension, width)
        self.around = nn.Conv1d(width, width, 3, padding=1)
        self.sharpness = nn.Parameter(torch.tensor(10.0))
        self.join = nn.Conv1d(width + 2 * _SIMILARITIES, width, 1)
        self.layers = nn.ModuleList(_Block(width, dilation, config.dropout) for dilation in config.dilations)
        self.score = nn.Conv1d(width, 1, 1)
        self.distance = nn.Conv1d(width, 2, 1)
        nn.init.constant_(self.score.get_parameter("bias"), config.rarest)

    def forward(
        self, query: torch.Tensor, query_there: torch.Tensor, reference: torch.Tensor, there: torch.Tensor
    ) -> torch.Tensor:
        asked, shown = self._encoded(query, query_there), self._encoded(reference, there)
        normalize = nn.functional.normalize
        cosines = normalize(shown, dim=2) @ normalize(asked, dim=2).transpose(1, 2)
        weights = torch.softmax((self.sharpness * cosines).masked_fill(query_there[:, None] == 0, -1e4), dim=2)
        common = self.sharpness * normalize(shown, dim=2) * normalize(weights @ asked, dim=2)
        plain = normalize(reference, dim=2) @ normalize(query, dim=2).transpose(1, 2)
        similarities = [_similarities(each, query_there, there) for each in (plain, cosines)]
        x = self.join((torch.cat([common, *similarities], dim=2) * there[:, :, None]).transpose(1, 2)) * there[:, None]
        for layer in self.layers:
            x = layer(x, there[:, None])
        return torch.cat([self.score(x), self.distance(x)], dim=1)

    def _encoded(self, features: torch.Tensor, there: torch.Tensor) -> torch.Tensor:
        """float32[B, K, W]."""
        x = self.project(nn.functional.normalize(features, dim=2)) * there[:, :, None]
        encoded: torch.Tensor = x + self.around(x.transpose(1, 2)).transpose(1, 2)
        return encoded * there[:, :, None]


def _similarities(cosines: torch.Tensor, query_there: torch.Tensor, there: torch.Tensor) -> torch.Tensor:
    """float32[B, R, Q] → float32[B, R, 9]: of each step of the reference, for each length of _DIAGONALS, the best and
    the mean of what the query's steps say, and by how many deviations the best stands out of the whole reference."""
    exist = query_there[:, None, :] * there[:, :, None]
    count = there.sum(dim=1, keepdim=True)
    each = []
    for length in _DIAGONALS:
        along, valid = _diagonal(cosines * exist, length), _diagonal(exist, length)
        means = along / valid.clamp(min=1e-6)
        best = means.masked_fill(exist == 0, -1.0).amax(dim=2)
        mean = (means * exist).sum(dim=2) / query_there.sum(dim=1, keepdim=True)
        above = (best - (best * there).sum(dim=1, keepdim=True) / count) * there
        spread = torch.sqrt((above * above).sum(dim=1, keepdim=True) / count + 1e-4)
        each += [best, mean, above / spread / 3]
    return torch.stack(each, dim=2)


def _diagonal(table: torch.Tensor, length: int) -> torch.Tensor:
    """Each cell and its neighbours on the diagonal, ``length`` together, added up; nothing lies outside."""
    half = length // 2
    padded = nn.functional.pad(table, (half, half, half, half))
    rows, columns = table.shape[1], table.shape[2]
    shifted = [padded[:, shift : shift + rows, shift : shift + columns] for shift in range(length)]
    return torch.stack(shifted).sum(dim=0)


class _Block(nn.Module):
    def __init__(self, width: int, dilation: int, dropout: float) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.inner = nn.Sequential(
            nn.Conv1d(width, width, 3, padding=dilation, dilation=dilation),
            nn.ReLU(),
            nn.Dropout(dropout),
            nn.Conv1d(width, width, 1),
        )

    def forward(self, x: torch.Tensor, there: torch.Tensor) -> torch.Tensor:
        normed = self.norm(x.transpose(1, 2)).transpose(1, 2)
        y: torch.Tensor = (x + self.inner(normed * there)) * there
        return y
