"""A sharp picture before a blurred backdrop, most often its own blur, which moves as the picture does.

Where the picture begins, neighbouring pixels differ along a straight line that stays where it is; further out they
hardly differ at all.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from cliptrace.models.borders.box import Box, strongest

_SMOOTH = 4.0
"""Mean of |Laplacian| in a blurred region, in levels of 255; ordinary footage has 5 to 50."""
_SHARPER = 2.5
"""The picture has this many times the backdrop's detail."""
_STEP, _FACTOR = 2.5, 2.5
"""A pixel of the line differs by so many levels, and so many times more than those in the _CALM pixels before."""
_CAP = 8
"""Levels that a frame adds to that at most: an edge that two frames of eight show, however clear, is none."""
_CALM = 6
_ONE_SIDE, _ALL_SIDES = 0.45, 0.7
"""Shares of a side, at the least and in the mean, on which the line is seen: backdrop and picture may look alike."""
_BEYOND = 0.5
"""Share of the line's continuation that is seen, at most: where it goes on, the crossing line is the picture's own."""

_SIDES = ((True, True, True, True), (False, False, True, True), (True, True, False, False))
"""Backdrop at top, bottom, left, right: what is tried, in this order."""


def blurred_backdrop(frames: NDArray[np.uint8]) -> Box | None:
    """The box of the sharp picture in uint8[n, S, S, 3], some frames of a shot."""
    side = frames.shape[1]
    thin = Box.thinnest(side)
    rims = ((frames[:, :thin], frames[:, -thin:]), (frames[:, :, :thin], frames[:, :, -thin:]))
    if not any(max(_detail(one).mean(), _detail(other).mean()) < _SMOOTH for one, other in rims):
        return None
    # Over two pixels, as scaling spreads an edge over two.
    down, across = _change(frames, 2, 0), _change(frames, 0, 2).T
    stays_down, stays_across = _change(frames, 2, 0, _CAP) > _STEP, _change(frames, 0, 2, _CAP).T > _STEP
    lines = (
        _lines(down, stays_down),
        _lines(down[::-1], stays_down[::-1]),
        _lines(across, stays_across),
        _lines(across[::-1], stays_across[::-1]),
    )
    widths = [_first(line) for line in lines]
    for sides in _SIDES:
        top, bottom, left, right = (width * there for width, there in zip(widths, sides, strict=True))
        box = Box(left, top, side - right, side - bottom)
        if box.plausible(side) and _outlined(box, lines) and _stands_out(box, frames):
            return box.tightened(side)
    return None


def _detail(frames: NDArray[np.uint8]) -> NDArray[np.float32]:
    """float32[H - 2, W - 2]: mean |Laplacian|, what a blur takes away, of uint8[n, H, W, 3]."""
    green = frames[..., 1].astype(np.int16)
    inner = green[:, 1:-1, 1:-1] * 4
    around = green[:, :-2, 1:-1] + green[:, 2:, 1:-1] + green[:, 1:-1, :-2] + green[:, 1:-1, 2:]
    return np.asarray(np.abs(inner - around).mean(axis=0), np.float32)


def _change(frames: NDArray[np.uint8], rows: int, columns: int, cap: int = 255) -> NDArray[np.float32]:
    """float32[S - rows, S - columns]: how much pixels so far apart differ, in the mean over time and one channel.

    cap: levels by which they differ in a frame at most.
    """
    count, side = frames.shape[:2]
    flat = frames.reshape(count, -1)
    offset = 3 * (rows * side + columns)
    apart = np.minimum(cv2.absdiff(flat[:, offset:], flat[:, :-offset]), np.uint8(cap))
    mean = cv2.reduce(apart, 0, cv2.REDUCE_AVG, dtype=cv2.CV_32F)[0]
    steps = np.append(mean, np.zeros(offset, np.float32)).reshape(side, side, 3)
    return strongest(steps[: side - rows, : side - columns])


def _lines(steps: NDArray[np.float32], lasting: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """bool[H - 2, W]: where lasting steps, from the outermost row inwards, rise out of calm."""
    reach = _CALM - 2  # the two rows before a line share its edge
    calm = np.stack([steps[k : len(steps) - _CALM + k] for k in range(reach)]).max(axis=0)
    found = np.zeros(steps.shape, bool)
    found[_CALM:] = lasting[_CALM:] & (steps[_CALM:] > _FACTOR * calm + _STEP)
    return found


def _first(line: NDArray[np.bool_]) -> int:
    """Pixels before the outermost line, 0 if there is none. Lines further in are the picture's."""
    seen = line[: len(line) * 3 // 4].mean(axis=1)
    long = np.flatnonzero(seen > max(0.2, 0.6 * seen.max()))
    return int(long[0] + seen[long[0] : long[0] + 4].argmax()) + 1 if len(long) else 0


def _outlined(box: Box, lines: tuple[NDArray[np.bool_], ...]) -> bool:
    """Whether the lines are seen along the box's own sides and end with them.

    lines: from the top, the bottom, the left and the right.
    """
    side = lines[0].shape[1]
    left, top, right, bottom = box
    rows, columns = slice(top, bottom), slice(left, right)
    widths = ((top, columns), (side - bottom, columns), (left, rows), (side - right, rows))
    along_sides, beyond = [], []
    for line, (width, along) in zip(lines, widths, strict=True):
        if width:
            seen = np.asarray(line[max(0, width - 3) : width + 1].any(axis=0), np.bool_)
            along_sides.append(float(seen[along].mean()))
            beyond += [float(end.mean()) for end in (seen[: along.start], seen[along.stop :]) if len(end)]
    outlined = min(along_sides) >= _ONE_SIDE and np.mean(along_sides) >= _ALL_SIDES
    return bool(outlined and max(beyond, default=0.0) < _BEYOND)


def _stands_out(box: Box, frames: NDArray[np.uint8]) -> bool:
    """Whether all outside of the box is blurred, and the inside is not."""
    left, top, right, bottom = box
    detail = _detail(frames)
    inside = float(detail[top + 1 : bottom - 3, left + 1 : right - 3].mean())
    detail[max(0, top - 4) : bottom + 2, max(0, left - 4) : right + 2] = np.nan
    outside = float(np.nanmean(detail))
    return outside < _SMOOTH and inside > _SHARPER * outside
