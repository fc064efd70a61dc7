"""What SPD finds in one similarity map: its grids' answers, each copy once. numpy and ONNX Runtime; no torch."""

from __future__ import annotations

from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from cliptrace.models.ssan.grid import Grid

Floats = NDArray[np.float32]

STRIDES = (2, 4, 8, 16, 32)
"""Pixels of the map a cell, of each of the network's grids. Height and width of a map are multiples of the last."""
CLASSES = 2
"""0: the copy plays forward, 1: backward."""
FARTHEST = 6.0
"""Logarithm of the longest distance in cells that can be said."""
_FAINTEST = -6.0
"""Logit of a cell that is not looked at."""
_FAINTER = 4.0
"""Nor is one whose logit is by so much less than the best one's."""
_MOST_CELLS = 128
_SAME_COPY = 0.5
"""IoU from which two boxes are one copy."""
_SAME_STRETCH, _MUCH_SURER = 0.8, 1.5
"""Share of the shorter one's query stretch from which two boxes are readings of it, and by how many logits one must be
surer than the other for that one not to be looked at."""


class Network(Protocol):
    """float32[1, 1, H, W] → float32[6, A], what each cell says (models/ssan/network.py)."""

    def run(self, maps: Floats) -> Floats: ...


class Detections(NamedTuple):
    """boxes: float64[B, 4], q0, q1, r0, r1 in seconds; logits: float32[B], how sure, falling; backward: bool[B]."""

    boxes: NDArray[np.float64]
    logits: Floats
    backward: NDArray[np.bool_]


def detect(network: Network, grid: Grid) -> Detections:
    height, width = grid.pixels.shape
    padded = np.pad(grid.pixels, ((0, -height % STRIDES[-1]), (0, -width % STRIDES[-1])))[None, None]
    said = network.run(padded)
    best = said[:CLASSES].max(axis=0)
    cells = np.flatnonzero(best > max(_FAINTEST, float(best.max()) - _FAINTER))
    cells = cells[np.argsort(-best[cells], kind="stable")[:_MOST_CELLS]]
    scores = 1 / (1 + np.exp(-best[cells]))
    boxes = boxes_of(said[CLASSES:, cells], cells, padded.shape[2:])
    limits = np.array([height, height, width, width], np.float32)
    kept, merged = _each_once(np.clip(boxes, 0, limits), scores)
    kept = cells[kept]
    rivals = _not_outdone(merged, best[kept])
    kept, merged = kept[rivals], merged[rivals]
    seconds = merged * grid.step_s + np.array([grid.query_s, grid.query_s, grid.ref_s, grid.ref_s])
    return Detections(seconds, best[kept], said[:CLASSES, kept].argmax(axis=0) == 1)


def boxes_of(distances: Floats, cells: NDArray[np.int64], size: tuple[int, ...]) -> Floats:
    """float32[C, 4], q0, q1, r0, r1 in pixels of a map of ``size``, of what some cells say: float32[4, C]."""
    strides = np.array(STRIDES)
    widths = size[1] // strides
    first = np.concatenate(([0], np.cumsum(size[0] // strides * widths)))
    grid = np.searchsorted(first, cells, side="right") - 1
    rows, columns = np.divmod(cells - first[grid], widths[grid])
    sides = np.exp(np.minimum(distances, FARTHEST))
    sides[0::2] *= -1
    middles = np.stack([rows, rows, columns, columns]) + 0.5
    return np.asarray(((middles + sides) * strides[grid]).T, np.float32)


def _each_once(boxes: Floats, scores: Floats) -> tuple[NDArray[np.int64], Floats]:
    """Cells that found a copy best, and the mean box of all cells that found it, by their scores.

    boxes: float32[C, 4], best first.
    """
    overlap = _overlaps(boxes) > _SAME_COPY
    free = np.ones(len(boxes), np.bool_)
    kept, merged = [], []
    for cell in range(len(boxes)):
        if free[cell]:
            same = overlap[cell] & free
            kept.append(cell)
            weights = scores * same
            merged.append(weights @ boxes / weights.sum())
            free &= ~same
    return np.array(kept, np.int64), np.array(merged, np.float32).reshape(-1, 4)


def _not_outdone(boxes: Floats, logits: Floats) -> list[int]:
    """Boxes but for those whose query stretch one that is much surer has, too; surest first."""
    kept: list[int] = []
    sides, sure = boxes[:, :2].tolist(), logits.tolist()
    for box, (start, end) in enumerate(sides):
        rivals = (sides[other] for other in kept if sure[other] >= sure[box] + _MUCH_SURER)
        if all(min(end, e) - max(start, s) < _SAME_STRETCH * min(end - start, e - s) for s, e in rivals):
            kept.append(box)
    return kept


def _overlaps(boxes: Floats) -> Floats:
    """IoU of all pairs, float32[C, C]; 1 of a box with itself, though it be empty."""
    low, high = boxes[:, (0, 2)], boxes[:, (1, 3)]
    common = np.minimum(high[:, None], high) - np.maximum(low[:, None], low)
    shared = np.maximum(common, 0).prod(axis=2)
    area = (high - low).prod(axis=1)
    overlap = shared / np.maximum(area[:, None] + area - shared, 1e-9)
    np.fill_diagonal(overlap, 1.0)
    return np.asarray(overlap, np.float32)
