"""The small pictures that keyframe selection looks at."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

THUMB_SIZE = 32
"""Side of one SKE block in pixels (SSAN §3.1)."""


def thumbs(frames: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Shrink uint8[N, S, S, 3] to uint8[N, 32, 32, 3]; every pixel is the average of the area that it covers."""
    count, side = frames.shape[:2]
    # One tall picture: all frames in one call, and frame borders are borders of areas too.
    small = cv2.resize(
        frames.reshape(count * side, side, 3), (THUMB_SIZE, THUMB_SIZE * count), interpolation=cv2.INTER_AREA
    )
    return np.asarray(small, np.uint8).reshape(count, THUMB_SIZE, THUMB_SIZE, 3)
