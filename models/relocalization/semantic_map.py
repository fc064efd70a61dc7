"""SPD's machine on the semantic map: a moment as an object in the table of similarities of query and reference steps.

The heads and the losses are those of copies (models/ssan); features and labels are others: the similarity is of clip
features in a space that is learned with the detector, and a copy's box is the whole query beside the moment.
"""

from __future__ import annotations

import torch
from torch import nn

from cliptrace.models.relocalization.config import MapTraining
from cliptrace.models.ssan.config import SPDTraining
from cliptrace.models.ssan.network import SPD, decode

ROWS = 32
"""Steps of a query, and what the number of the reference's must be a multiple of: SPD's coarsest grid."""
DETECTOR = SPDTraining(widths=(16, 32, 48, 64, 64), neck=32)


class SemanticMap(nn.Module):
    """Input: query float32[B, 32, D], float32[B, 32], steps that are no padding, reference float32[B, R, D] and
    float32[B, R]; R a multiple of 32. Output: float32[B, A, 3]: of every cell of SPD's grids a logit, start and end in
    steps of the reference."""

    def __init__(self, config: MapTraining, dimension: int) -> None:
        super().__init__()
        self.project = nn.Linear(dimension, config.projected, bias=False)
        self.detector = SPD(DETECTOR)

    def forward(
        self, query: torch.Tensor, query_there: torch.Tensor, reference: torch.Tensor, there: torch.Tensor
    ) -> torch.Tensor:
        logits, boxes = self.cells(query, query_there, reference, there)
        return torch.cat([logits[..., :1], boxes[..., 2:]], dim=2)

    def cells(
        self, query: torch.Tensor, query_there: torch.Tensor, reference: torch.Tensor, there: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """As models/ssan/network.py decodes them: float32[B, A, 2] and float32[B, A, 4]."""
        rows, columns = (nn.functional.normalize(self.project(each), dim=2) for each in (query, reference))
        maps = (rows @ columns.transpose(1, 2)) * query_there[:, :, None] * there[:, None, :]
        return decode(self.detector(maps[:, None]), (maps.shape[1], maps.shape[2]))
