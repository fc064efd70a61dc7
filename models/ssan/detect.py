"""What SPD finds in one similarity map: its grids' answers, each copy once. numpy and ONNX Runtime; no torch."""

from __future__ import annotations

from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from models.ssan.grid import Grid

Floats = NDArray[np.float32]

STRIDE = 32
"""Height and width of what the network sees are multiples of it."""
_FAINTEST = -6.0
"""Logit of a cell that is not looked at."""
_FAINTER = 4.0
"""Nor is one whose logit is by so much less than the best one's."""
_MOST_CELLS = 128
_SAME_COPY = 0.5
"""IoU from which two boxes are one copy."""


class Network(Protocol):
    """float32[1, 1, H, W] → logits float32[A, 2] and boxes float32[A, 4], q0, q1, r0, r1 (models/ssan/spd.py)."""

    def run(self, maps: Floats) -> tuple[Floats, Floats]: ...


class Detections(NamedTuple):
    """boxes: float64[B, 4], q0, q1, r0, r1 in seconds; logits: float32[B], how sure, falling; backward: bool[B]."""

    boxes: NDArray[np.float64]
    logits: Floats
    backward: NDArray[np.bool_]


def detect(network: Network, grid: Grid) -> Detections:
    height, width = grid.pixels.shape
    padded = np.zeros((1, 1, -(-height // STRIDE) * STRIDE, -(-width // STRIDE) * STRIDE), np.float32)
    padded[0, 0, :height, :width] = grid.pixels
    logits, boxes = network.run(padded)
    best = logits.max(axis=1)
    cells = np.flatnonzero(best > max(_FAINTEST, float(best.max()) - _FAINTER))
    cells = cells[np.argsort(-best[cells], kind="stable")[:_MOST_CELLS]]
    scores = 1 / (1 + np.exp(-best[cells]))
    limits = np.array([height, height, width, width], np.float32)
    kept, merged = _each_once(np.clip(boxes[cells], 0, limits), scores)
    seconds = merged * grid.step_s + np.array([grid.query_s, grid.query_s, grid.ref_s, grid.ref_s])
    return Detections(seconds, best[cells[kept]], logits[cells[kept]].argmax(axis=1) == 1)


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


def _overlaps(boxes: Floats) -> Floats:
    """IoU of all pairs, float32[C, C]; 1 of a box with itself, though it be empty."""
    low, high = boxes[:, (0, 2)], boxes[:, (1, 3)]
    common = np.minimum(high[:, None], high) - np.maximum(low[:, None], low)
    shared = np.maximum(common, 0).prod(axis=2)
    area = (high - low).prod(axis=1)
    overlap = shared / np.maximum(area[:, None] + area - shared, 1e-9)
    np.fill_diagonal(overlap, 1.0)
    return np.asarray(overlap, np.float32)
