"""A similarity map as a picture, with the segments that were found in it."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from cliptrace.models.alignment.similarity import Embeddings, similarity_map
from cliptrace.models.ssan.grid import Grid, to_grid
from cliptrace.schemas.records import Segment

Times = NDArray[np.float64]

_MOST_KEYFRAMES = 2000
"""Of either video in a picture; of longer ones the part around the segments is shown."""
_SMALLEST = 400
"""Pixels of the longer side that a map is enlarged to at least."""
_MARGIN, _INK = 44, (230, 230, 230)
_FORWARD, _BACKWARD = (255, 120, 60), (255, 80, 220)
_BRIGHTEST = 0.8
"""Similarity that is shown as white."""


def draw(
    query: Embeddings,
    query_times: Times,
    ref: Embeddings,
    ref_times: Times,
    bias: NDArray[np.float32] | None,
    segments: Sequence[Segment],
) -> bytes:
    """A PNG: the query's seconds run down, the reference's across; each segment is a box with its line and score.

    query: [Q, D] or [Q, V, D], ref: [R, D], bias: [Q] or [Q, V], as similarity_map takes them. segments: at least one.
    """
    starts_ends = [[(s.query_start, s.query_end) for s in segments], [(s.ref_start, s.ref_end) for s in segments]]
    rows, columns = (_part(times, spans) for times, spans in zip((query_times, ref_times), starts_ends, strict=True))
    shown = similarity_map(query[rows], ref[columns], None if bias is None else bias[rows])
    query_times, ref_times = query_times[rows], ref_times[columns]
    grid = to_grid(shown, query_times, ref_times)
    scale = -(-_SMALLEST // max(grid.pixels.shape))
    grey = (np.clip(grid.pixels / _BRIGHTEST, 0, 1) * 255).astype(np.uint8)
    picture = cv2.cvtColor(cv2.applyColorMap(grey, cv2.COLORMAP_VIRIDIS), cv2.COLOR_BGR2RGB)
    picture = cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_NEAREST)
    for segment in segments:
        _draw_segment(picture, segment, grid, scale)
    framed = cv2.copyMakeBorder(picture, _MARGIN, 8, _MARGIN + 16, 8, cv2.BORDER_CONSTANT, value=(24, 24, 24))
    _label(framed, grid, picture.shape[0], picture.shape[1])
    _, content = cv2.imencode(".png", cv2.cvtColor(framed, cv2.COLOR_RGB2BGR))
    return bytes(content)


def _part(times: Times, spans: Sequence[tuple[float, float]]) -> slice:
    if len(times) <= _MOST_KEYFRAMES:
        return slice(0, len(times))
    middle = (min(start for start, _ in spans) + max(end for _, end in spans)) / 2
    first = int(np.searchsorted(times, middle)) - _MOST_KEYFRAMES // 2
    first = min(max(first, 0), len(times) - _MOST_KEYFRAMES)
    return slice(first, first + _MOST_KEYFRAMES)


def _draw_segment(picture: NDArray[np.uint8], segment: Segment, grid: Grid, scale: int) -> None:
    top, bottom = (int((end - grid.query_s) / grid.step_s * scale) for end in (segment.query_start, segment.query_end))
    left, right = (int((end - grid.ref_s) / grid.step_s * scale) for end in (segment.ref_start, segment.ref_end))
    colour = _BACKWARD if segment.reversed else _FORWARD
    cv2.rectangle(picture, (left, top), (right, bottom), colour, 2)
    ends = ((right, top), (left, bottom)) if segment.reversed else ((left, top), (right, bottom))
    cv2.line(picture, *ends, colour, 1, cv2.LINE_AA)
    at = (left + 4, min(top + 16, picture.shape[0] - 4))
    for ink, thickness in (((0, 0, 0), 3), (_INK, 1)):  # readable on any map
        cv2.putText(picture, f"{segment.score:.2f}", at, cv2.FONT_HERSHEY_SIMPLEX, 0.45, ink, thickness, cv2.LINE_AA)


def _label(picture: NDArray[np.uint8], grid: Grid, height: int, width: int) -> None:
    def write(text: str, x: int, y: int) -> None:
        cv2.putText(picture, text, (x, y), cv2.FONT_HERSHEY_SIMPLEX, 0.4, _INK, 1, cv2.LINE_AA)

    left = _MARGIN + 16
    query_s, ref_s = (side * grid.step_s for side in grid.pixels.shape)
    write("reference, s", left, 14)
    write("query, s", 4, 30)
    write(f"{grid.ref_s:.1f}", left, _MARGIN - 6)
    write(f"{grid.ref_s + ref_s:.1f}", left + width - 40, _MARGIN - 6)
    write(f"{grid.query_s:.1f}", 4, _MARGIN + 12)
    write(f"{grid.query_s + query_s:.1f}", 4, _MARGIN + height - 2)
