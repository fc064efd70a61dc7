"""From feature maps to one vector a frame: MAC, SPoC, GeM, R-MAC.

All take float32[N, C, h, w] and return float32[N, C], rows of unit L2 norm (zero rows for maps of zeros). They work on
the transpose [N, h, w, C]: a reduction over positions then adds or compares whole rows of C contiguous numbers, many
times faster than 49 numbers at a time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]

_RMAC_LEVELS = 3
_RMAC_OVERLAP = 0.4


def pool(maps: Floats, name: str) -> Floats:
    """``maps`` pooled by the method of that name: "mac", "spoc", "gem" or "rmac"."""
    return _METHODS[name](maps)


def mac(maps: Floats) -> Floats:
    """Maximum activations of convolutions: the maximum of each channel (Tolias et al., ICLR 2016, eq. 2)."""
    return unit(_channels_last(maps).max(axis=(1, 2)))


def spoc(maps: Floats) -> Floats:
    """Sum-pooled convolutional features, without centre prior (Babenko and Lempitsky, ICCV 2015, eq. 1)."""
    return unit(_channels_last(maps).sum(axis=(1, 2)))


def gem(maps: Floats) -> Floats:
    """Generalised mean with p = 3, negative activations taken as zero (Radenović et al., TPAMI 2019, eq. 3)."""
    last = np.maximum(_channels_last(maps), 0)
    return unit(np.cbrt((last * last * last).mean(axis=(1, 2))))


def rmac(maps: Floats) -> Floats:
    """Regional MAC at three scales (Tolias et al., ICLR 2016, §3.2 and eq. 4).

    At scale l the map is sampled by squares of side 2·min(h, w)/(l+1), l of them along the short side and l+m-1 along
    the long one, m chosen so that neighbours at scale 1 overlap by about 40 %. Each region is max-pooled and
    L2-normalised; the sum of the regions is normalised again. A square map has 1 + 4 + 9 regions. The per-region PCA of
    the paper is left out: the pooled vector is whitened as a whole.
    """
    total = np.zeros(maps.shape[:2], np.float32)
    for region in _max_regions(maps):
        total += unit(region)
    return unit(total)


def max_regions(maps: Floats) -> Floats:
    """The maxima of R-MAC's regions: float32[N, R, C], R = 14 on a square map, as they come.

    Scale by scale, the largest squares first; of a scale column by column from the left, each from the top.
    """
    return np.stack(list(_max_regions(maps)), axis=1)


def _max_regions(maps: Floats) -> Iterator[Floats]:
    """float32[N, C] of each."""
    last = _channels_last(maps)
    for side, tops, lefts in rmac_grid(last.shape[1], last.shape[2]):
        for left in lefts:
            columns = last[:, :, left : left + side].max(axis=2)
            for top in tops:
                yield columns[:, top : top + side].max(axis=1)


def rmac_grid(height: int, width: int) -> list[tuple[int, list[int], list[int]]]:
    """The regions of R-MAC, scale by scale: side of the squares, their top rows and their left columns."""
    short, long = sorted((height, width))
    extra = 0 if short == long else min(range(1, 7), key=lambda gaps: abs(_overlap(short, long, gaps) - _RMAC_OVERLAP))
    grid = []
    for level in range(1, _RMAC_LEVELS + 1):
        side = max(2 * short // (level + 1), 1)
        tops = _spread(height, side, level + (extra if height > width else 0))
        lefts = _spread(width, side, level + (extra if width > height else 0))
        grid.append((side, tops, lefts))
    return grid


def _overlap(short: int, long: int, gaps: int) -> float:
    """The part that neighbours share when ``gaps`` + 1 squares of side ``short`` are spread over ``long``."""
    return 1 - (long - short) / gaps / short


def _spread(size: int, side: int, count: int) -> list[int]:
    """First positions of ``count`` windows of ``side`` spread evenly over ``size``."""
    return [(size - side) * i // max(count - 1, 1) for i in range(count)]


def unit(rows: Floats) -> Floats:
    """Rows scaled to unit L2 norm; a row of zeros stays zero."""
    norms = np.sqrt(np.einsum("nc,nc->n", rows, rows))[:, None]
    scaled: Floats = np.divide(rows, norms, out=np.zeros_like(rows), where=norms > 0)
    return scaled


def _channels_last(maps: Floats) -> Floats:
    return np.ascontiguousarray(maps.transpose(0, 2, 3, 1))


_METHODS: dict[str, Callable[[Floats], Floats]] = {"mac": mac, "spoc": spoc, "gem": gem, "rmac": rmac}
