"""Views of a query's frames: the likely edits of a copy, each undone by guess, for the frame search to choose from.

The gallery is embedded plainly. A copy that was turned, mirrored or put into another picture looks like its original in
one of the views, and the best view counts (as in the multi-crop of queries of Yokoo et al., arXiv 2304.11964).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType

import cv2
import numpy as np
from numpy.typing import NDArray

from cliptrace.schemas.errors import UsageError

Frames = NDArray[np.uint8]
Embed = Callable[[Frames], NDArray[np.float32]]

INSET = 0.6
"""Side of a crop in parts of the frame's: a picture in a picture fills at most about so much of it."""
_FRAMES_A_PIECE = 32
"""Frames whose views are in memory at a time: 14 views of them are 70 MB at 224 × 224."""


def make_views(frames: Frames, names: Sequence[str]) -> Frames:
    """uint8[N, S, S, 3] → uint8[N, V, S, S, 3]: the plain frame, then the views of ``names`` in their order.

    UsageError for a name that is not known.
    """
    for name in names:
        if name not in VIEWS:
            raise UsageError(f"no view is called {name!r}; there are {', '.join(VIEWS)}")
    return np.stack([frames, *(view for name in names for view in VIEWS[name](frames))], axis=1)


def view_count(names: Sequence[str]) -> int:
    """Embeddings of one frame: of its views, and of the frame itself."""
    return int(make_views(np.zeros((1, 2, 2, 3), np.uint8), names).shape[1])


def embed_views(embed: Embed, frames: Frames, names: Sequence[str]) -> NDArray[np.float32]:
    """Embeddings of uint8[N, S, S, 3] frames: float32[N, D] where ``names`` is empty, else of all views [N, V, D].

    embed: uint8[N, S, S, 3] → float32[N, D], as Embedder.embed.
    """
    if not names:
        return embed(frames)
    starts = range(0, max(len(frames), 1), _FRAMES_A_PIECE)
    return np.concatenate([_embed_piece(embed, frames[at : at + _FRAMES_A_PIECE], names) for at in starts])


def _embed_piece(embed: Embed, frames: Frames, names: Sequence[str]) -> NDArray[np.float32]:
    views = make_views(frames, names)
    rows = embed(views.reshape(-1, *frames.shape[1:]))
    return rows.reshape(*views.shape[:2], rows.shape[-1])


def _mirror(frames: Frames) -> list[Frames]:
    return [frames[:, :, ::-1]]


def _turns(frames: Frames) -> list[Frames]:
    """A quarter to the left, a quarter to the right, upside down."""
    return [np.rot90(frames, quarters, axes=(1, 2)) for quarters in (1, 3, 2)]


def _halves(frames: Frames) -> list[Frames]:
    """Left, right, top, bottom."""
    size = frames.shape[1]
    rest = size - size // 2
    return [
        _enlarged(frames, 0, 0, size, size // 2),
        _enlarged(frames, 0, size // 2, size, rest),
        _enlarged(frames, 0, 0, size // 2, size),
        _enlarged(frames, size // 2, 0, rest, size),
    ]


def _insets(frames: Frames) -> list[Frames]:
    """The centre, then the corners: top left, top right, bottom left, bottom right."""
    size = frames.shape[1]
    side = round(size * INSET)
    far, middle = size - side, (size - side) // 2
    corners = ((middle, middle), (0, 0), (0, far), (far, 0), (far, far))
    return [_enlarged(frames, top, left, side, side) for top, left in corners]


def _enlarged(frames: Frames, top: int, left: int, height: int, width: int) -> Frames:
    """A part of each frame at the size of the whole."""
    size = frames.shape[1]
    enlarged = np.empty_like(frames)
    for number, part in enumerate(frames[:, top : top + height, left : left + width]):
        enlarged[number] = cv2.resize(part, (size, size), interpolation=cv2.INTER_LINEAR)
    return enlarged


VIEWS: Mapping[str, Callable[[Frames], list[Frames]]] = MappingProxyType(
    {"mirror": _mirror, "turns": _turns, "halves": _halves, "insets": _insets}
)
