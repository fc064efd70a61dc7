"""Moments as a person looks at them: a strip of frames of the query, and one of each moment below it."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

Frames = NDArray[np.uint8]

SIDE = 128
"""Pixels of a frame's height."""
_WIDEST = 256
_GAP, _LINE = 4, 18
_INK, _GROUND = (230, 230, 230), 24


@dataclasses.dataclass(frozen=True)
class Strip:
    """frames: uint8[N, S, S, 3], RGB, squeezed; seconds: float64[N]. shape: of the video as it is displayed, width over
    height. title: what is written above."""

    title: str
    frames: Frames
    seconds: NDArray[np.float64]
    shape: float


def draw_strips(strips: Sequence[Strip]) -> bytes:
    """A PNG: one below the other, with the seconds under the frames. At least one."""
    rows = [_row(strip) for strip in strips]
    width = max(row.shape[1] for row in rows)
    wide = [np.pad(row, ((0, 0), (0, width - row.shape[1]), (0, 0)), constant_values=_GROUND) for row in rows]
    return bytes(cv2.imencode(".png", cv2.cvtColor(np.concatenate(wide), cv2.COLOR_RGB2BGR))[1])


def _row(strip: Strip) -> Frames:
    side = min(max(round(SIDE * strip.shape), SIDE // 4), _WIDEST)
    height, width = 2 * _LINE + SIDE + _GAP, len(strip.frames) * (side + _GAP) + _GAP
    row = np.full((height, width, 3), _GROUND, np.uint8)
    _write(row, strip.title, _GAP, _LINE - 5)
    for number, (frame, second) in enumerate(zip(strip.frames, strip.seconds, strict=True)):
        left = _GAP + number * (side + _GAP)
        row[_LINE : _LINE + SIDE, left : left + side] = cv2.resize(frame, (side, SIDE), interpolation=cv2.INTER_AREA)
        _write(row, f"{second:.1f} s", left, _LINE + SIDE + _LINE - 5)
    return row


def _write(picture: Frames, text: str, x: int, y: int) -> None:
    cv2.putText(picture, text, (x, y), cv2.FONT_HERSHEY_SIMPLEX, 0.42, _INK, 1, cv2.LINE_AA)
