"""STAR-GNN's figure 1: frames, and below each how much its regions weigh, by plain pooling and by STAR-GNN."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

Frames = NDArray[np.uint8]
Floats = NDArray[np.float32]

_SIDE, _GAP, _LEFT, _TOP = 150, 4, 92, 22
_INK, _GROUND = (230, 230, 230), 24
_RANGE = (2, 98)
"""Percentiles of all weights of a picture, which are its coldest and its hottest colour."""
_SHOWN = 0.45
"""How much of the frame is seen through the heat."""


def draw(frames: Frames, seconds: NDArray[np.float64], rows: dict[str, Floats]) -> bytes:
    """A PNG. frames: uint8[F, S, S, 3], RGB. seconds: float64[F]. rows: name → float32[F, h, w], weights of cells, all
    on one scale of colours."""
    coldest, hottest = np.percentile(np.stack(list(rows.values())), _RANGE)
    count = len(frames)
    height = _TOP + (_SIDE + _GAP) * (1 + len(rows))
    picture = np.full((height, _LEFT + (_SIDE + _GAP) * count, 3), _GROUND, np.uint8)
    shown = [cv2.resize(frame, (_SIDE, _SIDE), interpolation=cv2.INTER_AREA) for frame in frames]
    for column, (frame, second) in enumerate(zip(shown, seconds, strict=True)):
        left = _LEFT + column * (_SIDE + _GAP)
        _write(picture, f"{second:.1f} s", left, 15)
        _paste(picture, np.asarray(frame, np.uint8), left, 0)
        for row, weights in enumerate(rows.values(), 1):
            _paste(
                picture,
                _heated(np.asarray(frame, np.uint8), (weights[column] - coldest) / max(hottest - coldest, 1e-9)),
                left,
                row,
            )
    for row, name in enumerate(("frames", *rows)):
        _write(picture, name, 6, _TOP + row * (_SIDE + _GAP) + _SIDE // 2)
    _, content = cv2.imencode(".png", cv2.cvtColor(picture, cv2.COLOR_RGB2BGR))
    return bytes(content)


def _heated(frame: Frames, heat: Floats) -> Frames:
    """heat: 0 for the coldest colour, 1 for the hottest."""
    grey = (np.clip(heat, 0, 1) * 255).astype(np.uint8)
    colours = cv2.cvtColor(cv2.applyColorMap(grey, cv2.COLORMAP_JET), cv2.COLOR_BGR2RGB)
    colours = cv2.resize(colours, (_SIDE, _SIDE), interpolation=cv2.INTER_CUBIC)
    return np.asarray(cv2.addWeighted(frame, _SHOWN, colours, 1 - _SHOWN, 0), np.uint8)


def _paste(picture: Frames, part: Frames, left: int, row: int) -> None:
    top = _TOP + row * (_SIDE + _GAP)
    picture[top : top + _SIDE, left : left + _SIDE] = part


def _write(picture: Frames, text: str, x: int, y: int) -> None:
    cv2.putText(picture, text, (x, y), cv2.FONT_HERSHEY_SIMPLEX, 0.4, _INK, 1, cv2.LINE_AA)
