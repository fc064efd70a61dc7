"""Borders around a picture: found over time, and cut off before a frame is embedded.

A border is what stays quiet outside of a rectangle with straight sides: flat bars and frames and still pictures (see
``quiet``), or the picture's own blur (see ``blurred``). Copies may be a part of a video only, so each stretch between
two cuts is judged on its own. Bars are looked for in pairs, above and below or left and right: a single one is as
often a wall, a sky or a floor.
"""

from __future__ import annotations

import itertools

import cv2
import numpy as np
from numpy.typing import NDArray

from cliptrace.models.borders.blurred import blurred_backdrop
from cliptrace.models.borders.box import Box, Boxes, whole
from cliptrace.models.borders.quiet import flat_border, is_flat_outside, still_border
from cliptrace.models.cuts import find_cuts

_WINDOW = 32
"""Frames (4 s) that are judged together, at most."""
_SHORTEST = 6
"""What is seen for fewer frames (0.75 s) is no border."""
_SAMPLES = 8
"""Frames of a window that are looked at in full size."""


def find_borders(frames: NDArray[np.uint8], thumbs: NDArray[np.uint8]) -> Boxes:
    """The box inside of each frame's border; the whole frame where it has none.

    frames: uint8[N, S, S, 3], and thumbs: uint8[N, 32, 32, 3] of them, consecutive basis frames.
    """
    boxes = whole(frames)
    found: list[tuple[int, int, Box | None]] = []
    for windows in _shots(thumbs):
        judged = [(start, end, _box(frames, thumbs, start, end)) for start, end in windows]
        found += _agreed(judged)
    for start, end, box in _spread(found, frames):
        if box:
            boxes[start:end] = box
    return boxes


def cropped(frames: NDArray[np.uint8], boxes: Boxes) -> NDArray[np.uint8]:
    """What lies in each frame's box, as large as the frame was; ``frames`` itself where there is nothing to cut.

    frames: uint8[N, S, S, 3]. boxes: int32[N, 4].
    """
    side = frames.shape[1]
    bordered = np.flatnonzero((boxes != whole(frames)).any(axis=1))
    if not len(bordered):
        return frames
    result = frames.copy()
    for index in bordered:
        left, top, right, bottom = boxes[index]
        inside = frames[index, top:bottom, left:right]
        result[index] = cv2.resize(inside, (side, side), interpolation=cv2.INTER_LINEAR)
    return result


def _shots(thumbs: NDArray[np.uint8]) -> list[list[tuple[int, int]]]:
    """Each shot as windows (start, end) of frames, of about the same length and at most _WINDOW."""
    if not len(thumbs):
        return []
    cuts = find_cuts(thumbs).tolist()
    shots = []
    for start, end in zip([0, *cuts], [*cuts, len(thumbs)], strict=True):
        edges = np.linspace(start, end, -(-(end - start) // _WINDOW) + 1).astype(int).tolist()
        shots.append(list(itertools.pairwise(edges)))
    return shots


def _box(frames: NDArray[np.uint8], thumbs: NDArray[np.uint8], start: int, end: int) -> Box | None:
    if end - start < _SHORTEST:
        return None
    steps = np.linspace(start, end - 1, min(_SAMPLES, end - start)).astype(int)
    some = frames[steps]
    return flat_border(some, thumbs[steps]) or still_border(some, thumbs[steps]) or blurred_backdrop(some)


def _agreed(windows: list[tuple[int, int, Box | None]]) -> list[tuple[int, int, Box | None]]:
    """Where most of a shot has a box, that is the box of all its windows: borders come and go with cuts."""
    boxes = [box for _, _, box in windows if box]
    if not boxes:
        return windows
    middle = Box(*np.median(np.array(boxes), axis=0).round().astype(int).tolist())
    near = [box for box in boxes if box.near(middle)]
    if 2 * len(near) < len(windows):
        return windows
    return [(start, end, middle if box is None or box.near(middle) else box) for start, end, box in windows]


def _spread(windows: list[tuple[int, int, Box | None]], frames: NDArray[np.uint8]) -> list[tuple[int, int, Box | None]]:
    """Windows too dark or too short to judge take the box of a neighbour if it cuts off nothing but one flat colour."""
    windows = list(windows)
    forwards = range(1, len(windows))
    for index, neighbour in [(i, i - 1) for i in forwards] + [(i - 1, i) for i in reversed(forwards)]:
        start, end, box = windows[index]
        near = windows[neighbour][2]
        if box is None and near is not None:
            steps = np.linspace(start, end - 1, min(_SAMPLES, end - start)).astype(int)
            if is_flat_outside(frames[steps], near):
                windows[index] = (start, end, near)
    return windows
