"""Borders in which nothing happens: bars and frames of one flat colour, and still pictures around a moving one.

Either way some pixels are active, because they differ from the border's colour or from themselves at another time. In
bordered footage they fill a rectangle and leave the rest alone. A dark scene, a figure before a flat background or
motion before a fixed camera has active pixels, too, but not up to straight lines.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from cliptrace.models.borders.box import Box, strongest

_LEVELS = 14
"""Of 255: what codecs make of a flat colour or a still picture differs by less."""
_RIM_LEVELS = 8.0
"""The same for thumbs, which average the noise."""
_FLAT_FILLED, _STILL_FILLED = 0.5, 0.6
"""Share of active pixels along each side. A picture may be partly of the bars' colour, and is where bars are black."""
_OUTSIDE = 0.01
"""Share of active pixels that is noise."""
_SLACK = 2
"""Pixels outside of an edge over which scaling and coding smear it."""


def flat_border(frames: NDArray[np.uint8], thumbs: NDArray[np.uint8]) -> Box | None:
    """The box inside of bars or a frame of one colour. uint8[n, S, S, 3] and thumbs of some frames of a shot."""
    for rim in _rims(thumbs):
        colour = np.median(rim, axis=(0, 1, 2)).astype(np.int16)
        if np.abs(rim - colour).max(axis=-1).mean() < _RIM_LEVELS / 2:
            box = _filled(_apart(frames, colour) > _LEVELS, _FLAT_FILLED)
            if box:
                return box
    return None


def still_border(frames: NDArray[np.uint8], thumbs: NDArray[np.uint8]) -> Box | None:
    """The box inside of a still picture, where what is inside moves along all four sides. Arguments as above."""
    if not any((np.ptp(rim, axis=0).max(axis=-1) < _RIM_LEVELS).mean() > 0.9 for rim in _rims(thumbs)):
        return None
    return _filled(strongest(np.ptp(frames, axis=0)) > _LEVELS, _STILL_FILLED)


def is_flat_outside(frames: NDArray[np.uint8], box: Box) -> bool:
    """Whether all that cropping to ``box`` takes away is of one colour."""
    left, top, right, bottom = box
    outside = np.ones(frames.shape[1:3], bool)
    outside[max(0, top - _SLACK) : bottom + _SLACK, max(0, left - _SLACK) : right + _SLACK] = False
    colour = np.median(frames[:, outside], axis=(0, 1)).astype(np.int16)
    return bool((_apart(frames, colour)[outside] > _LEVELS).mean() <= _OUTSIDE)


def _rims(thumbs: NDArray[np.uint8]) -> tuple[NDArray[np.int16], NDArray[np.int16]]:
    """Top and bottom rows, and left and right columns: bars come in pairs."""
    signed = thumbs.astype(np.int16)
    return signed[:, [0, -1]], signed[:, :, [0, -1]]


def _apart(frames: NDArray[np.uint8], colour: NDArray[np.int16]) -> NDArray[np.int16]:
    """int16[S, S]: how far each pixel ever is from ``colour``, in the channel where that is most."""
    darkest, brightest = frames.min(axis=0).astype(np.int16), frames.max(axis=0).astype(np.int16)
    return strongest(np.maximum(brightest - colour, colour - darkest))


def _filled(active: NDArray[np.bool_], share: float) -> Box | None:
    """The box that active pixels fill, ``share`` of each of its sides at least, and leave all else alone."""
    side = len(active)
    left, top, right, bottom = Box.whole(side)
    for least in (0.1, share, share):  # at first the box is not known, and rows and columns reach beyond it
        rows = np.flatnonzero(active[:, left:right].mean(axis=1) > least)
        if not len(rows):
            return None
        top, bottom = int(rows[0]), int(rows[-1]) + 1
        columns = np.flatnonzero(active[top:bottom].mean(axis=0) > least)
        if not len(columns):
            return None
        left, right = int(columns[0]), int(columns[-1]) + 1
    if min(top, side - bottom) < Box.thinnest(side):  # a bar without its opposite is dark footage between two others
        top, bottom = 0, side
    if min(left, side - right) < Box.thinnest(side):
        left, right = 0, side
    outer = (
        active[: max(0, top - _SLACK)],
        active[bottom + _SLACK :],
        active[:, : max(0, left - _SLACK)],
        active[:, right + _SLACK :],
    )
    box = Box(left, top, right, bottom)
    if not box.plausible(side) or any(bar.size and bar.mean() > _OUTSIDE for bar in outer):
        return None
    # An outline, as of a drawn box, has active sides and a quiet inside.
    return box.tightened(side) if active[top:bottom, left:right].mean() >= 0.5 else None
