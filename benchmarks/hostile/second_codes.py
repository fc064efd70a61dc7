"""Pictures in which the second of their film can be read, upright only: four columns of cells, black or white.

The first row is a mark, the second the number's bits, the third their opposites.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

NUMBERS = range(14)
"""Those that cannot be read from a picture that is upside down or mirrored as well."""
SIDE = 96
"""Pixels of a picture that is read, which is squeezed into a square."""
_MARK = (0, 0, 0, 1)
_CONTRAST = 100
"""Grey levels that tell black from white, at the least."""


def picture(number: int, width: int, height: int) -> NDArray[np.uint8]:
    """uint8[height, width, 3]: the code of one of ``NUMBERS``."""
    bits = [number >> place & 1 for place in (3, 2, 1, 0)]
    cells = np.array([_MARK, bits, [1 - bit for bit in bits]], np.uint8) * 255
    rows, columns = np.arange(height) * 3 // height, np.arange(width) * 4 // width
    return np.repeat(cells[np.ix_(rows, columns)][:, :, np.newaxis], 3, axis=2)


def read(seen: NDArray[np.uint8]) -> int | None:
    """The number of a picture uint8[SIDE, SIDE, 3], by the middles of its cells; None where there is none."""
    cells = seen.mean(axis=2).reshape(3, SIDE // 3, 4, SIDE // 4)
    grey = cells[:, SIDE // 9 : -SIDE // 9, :, SIDE // 12 : -SIDE // 12].mean(axis=(1, 3))
    mark, bits, opposites = grey > 128
    readable = np.abs(grey - 128).min() > _CONTRAST / 2
    if not readable or tuple(mark) != _MARK or (bits == opposites).any():
        return None
    return int(bits @ (8, 4, 2, 1))
