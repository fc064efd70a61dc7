"""What every border leaves: a box, and which boxes are to be believed."""

from __future__ import annotations

from typing import NamedTuple, Self, TypeVar

import numpy as np
from numpy.typing import NDArray

Number = TypeVar("Number", bound=np.generic)
Boxes = NDArray[np.int32]
"""int32[N, 4]: left, top, right, bottom of a box in each frame, in pixels; right and bottom are exclusive."""

SMALLEST = 0.24
"""Share of the frame's height and width that is left at least."""


class Box(NamedTuple):
    """A part of a square frame in pixels; right and bottom are exclusive."""

    left: int
    top: int
    right: int
    bottom: int

    @classmethod
    def whole(cls, side: int) -> Self:
        return cls(0, 0, side, side)

    @staticmethod
    def thinnest(side: int) -> int:
        """Pixels of the thinnest bar that is cut: one thumb, and enough to see that it is quiet."""
        return max(6, side // 32)

    def plausible(self, side: int) -> bool:
        """Not too small, and between a pair of bars."""
        thin = self.thinnest(side)
        paired = min(self.top, side - self.bottom) >= thin or min(self.left, side - self.right) >= thin
        return paired and min(self.bottom - self.top, self.right - self.left) >= SMALLEST * side

    def tightened(self, side: int) -> Self:
        """One pixel less on each side with a bar: the decoder's scaling mixes bar and picture there."""
        left, top, right, bottom = self
        return type(self)(left + (left > 0), top + (top > 0), right - (right < side), bottom - (bottom < side))

    def near(self, other: Box) -> bool:
        """Within two pixels on each side."""
        return max(abs(a - b) for a, b in zip(self, other, strict=True)) <= 2


def whole(frames: NDArray[np.uint8]) -> Boxes:
    """uint8[N, S, S, 3] → the box of all of each frame."""
    return np.tile(np.array(Box.whole(frames.shape[1]), np.int32), (len(frames), 1))


def strongest(values: NDArray[Number]) -> NDArray[Number]:
    """[H, W, 3] → [H, W]: the largest of each pixel's channels; numpy's own max is slow along so short an axis."""
    largest: NDArray[Number] = np.maximum(np.maximum(values[..., 0], values[..., 1]), values[..., 2])
    return largest
