"""A picture in the picture: a rectangle whose sides stay where they are while what is beside them changes.

So do the sides of a door or a window; but where the scene stands still nothing changes beside them, and what moves past
them hides them.
"""

from __future__ import annotations

import itertools

import cv2
import numpy as np
from numpy.typing import NDArray

from cliptrace.models.borders.box import Box, Boxes, whole

Flags = NDArray[np.bool_]
Counts = NDArray[np.int64]

_STRETCH, _FEWEST, _EVERY = 128, 32, 4
"""Frames (16 s) that are judged together at most, and (4 s) at least; of so many one is looked at."""
_EDGE, _CHANGE = 12, 10
"""Levels of grey between pixels: from where on neighbours are an edge, and one place half a second later is changed."""
_BESIDE = 3
"""Pixels from an edge to where a change counts."""
_APART = 4
"""An edge is sharp: so many pixels from it there is none."""
_UNSURE = 2
"""Changes that are assumed to have moved the edge, where there were few."""
_LINES, _RUN = 24, 32
"""Lines across and lines down that may be sides, by the best of so many pixels in a row."""
_RIM = 5
"""Pixels at the frame's rim where no side is."""
_SMALLEST, _LARGEST = 0.18, 0.65
"""A side in parts of the frame's."""
_SEEN = 0.5
"""Share of each side beside which there were changes."""
_CLEAR = 0.25
"""Share of the changes that left the edge as it was, of the weakest side, from which they are those of an inset."""


def find_insets(frames: NDArray[np.uint8]) -> Boxes:
    """The box of the inset in each frame, as of ``find_borders``; the whole frame where it has none.

    frames: uint8[N, S, S, 3], consecutive basis frames.
    """
    boxes = whole(frames)
    if frames.shape[1] < 2 * _RUN:  # too small for sides to be told from what is shown
        return boxes
    edges = np.linspace(0, len(frames), -(-len(frames) // _STRETCH) + 1).astype(int).tolist()
    for start, end in itertools.pairwise(edges):
        if end - start >= _FEWEST and (box := _inset(frames[start:end:_EVERY])):
            boxes[start:end] = box
    return boxes


def _inset(frames: NDArray[np.uint8]) -> Box | None:
    """The clearest of frames that are half a second apart."""
    grey = np.stack([cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY) for frame in frames])
    changes = _apart(grey[1:], grey[:-1]) > _CHANGE
    lefts = _Sides(*_edges(grey, changes))
    tops = _Sides(*_edges(*(np.ascontiguousarray(each.swapaxes(1, 2)) for each in (grey, changes))))
    side = grey.shape[1]
    pairs = [each.pairs(_SMALLEST * side, _LARGEST * side) for each in (lefts, tops)]
    if not all(map(len, pairs)):
        return None
    left, right = (column[:, None] for column in pairs[0].T)
    top, bottom = (row[None, :] for row in pairs[1].T)
    sides = [lefts.along(x, top, bottom) for x in (left, right)] + [tops.along(y, left, right) for y in (top, bottom)]
    weakest = np.min(sides, axis=0)
    across, down = np.unravel_index(weakest.argmax(), weakest.shape)
    if weakest[across, down] < _CLEAR:
        return None
    (x, right_x), (y, bottom_y) = pairs[0][across].tolist(), pairs[1][down].tolist()
    return Box(x, y, right_x, bottom_y).tightened(side)


def _apart(a: NDArray[np.uint8], b: NDArray[np.uint8]) -> NDArray[np.uint8]:
    difference: NDArray[np.uint8] = np.maximum(a, b) - np.minimum(a, b)
    return difference


def _edges(grey: NDArray[np.uint8], changes: Flags) -> tuple[Counts, Counts]:
    """Of each pixel: how often something changed to its left or right, and how often it was an upright edge before and
    after. grey: uint8[T, S, S]. changes: bool[T - 1, S, S]."""
    edge = np.zeros(grey.shape, bool)
    edge[:, :, 1:-1] = _apart(grey[:, :, 2:], grey[:, :, :-2]) > _EDGE
    beside = np.zeros(changes.shape, bool)
    beside[:, :, _BESIDE:-_BESIDE] = changes[:, :, : -2 * _BESIDE] | changes[:, :, 2 * _BESIDE :]
    return beside.sum(axis=0), (beside & edge[1:] & edge[:-1]).sum(axis=0)


class _Sides:
    """How much upright lines look like sides. Where they stand beside changes, and where they stayed: int[S, S]."""

    def __init__(self, changed: Counts, stayed: Counts) -> None:
        share = stayed / (changed + _UNSURE)
        others = np.zeros_like(share)
        others[:, _APART:] = share[:, :-_APART]
        others[:, :-_APART] = np.maximum(others[:, :-_APART], share[:, _APART:])
        self._clear = _summed(np.maximum(share - others, 0))
        self._seen = _summed(changed >= _UNSURE)

    def pairs(self, nearest: float, farthest: float) -> Counts:
        """int[P, 2]: the best lines, two and two, that are so many pixels apart."""
        lines = itertools.combinations(self._lines(), 2)
        return np.array([pair for pair in lines if nearest <= pair[1] - pair[0] <= farthest])

    def _lines(self) -> list[int]:
        best = (self._clear[_RUN:] - self._clear[:-_RUN]).max(axis=0)
        best[:_RIM] = best[-_RIM:] = 0
        found = []
        for _ in range(_LINES):
            line = int(best.argmax())
            found.append(line)
            best[max(0, line - 2) : line + 3] = -1
        return sorted(found)

    def along(self, line: Counts, start: Counts, end: Counts) -> NDArray[np.float64]:
        """Of lines between two others: the share of changes that left them; 0 where too little was seen."""
        length = end - start
        seen = (self._seen[end, line] - self._seen[start, line]) / length
        clear = (self._clear[end, line] - self._clear[start, line]) / length
        return np.where(seen >= _SEEN, clear, 0.0)


def _summed(values: NDArray[np.generic]) -> NDArray[np.float64]:
    """[S, S] → [S + 1, S]: sums from the top."""
    return np.concatenate([np.zeros((1, values.shape[1])), values.cumsum(axis=0, dtype=np.float64)])
