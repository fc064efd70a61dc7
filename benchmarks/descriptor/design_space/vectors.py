"""What can be changed about a descriptor once the network has run: how it is kept, and how many a frame has. Pure."""

from __future__ import annotations

from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from cliptrace.models.backbones.pooling import pool, unit

Floats = NDArray[np.float32]
Storage = Literal["float32", "float16", "int8", "1 bit"]

STORAGES: tuple[Storage, ...] = get_args(Storage)
CORNERS = 4
_BITS = {"float32": 32, "float16": 16, "int8": 8, "1 bit": 1}
_CHUNK = 256


def kept(vectors: Floats, storage: Storage) -> Floats:
    """[..., D] of unit norm → what they are after having been stored and read again, of unit norm.

    int8: each vector is scaled so that its largest component is ±127, and rounded. The scale is not stored: what was
    of unit norm is made so again. 1 bit: the signs.
    """
    if storage == "float32":
        return vectors
    if storage == "float16":
        return vectors.astype(np.float16).astype(np.float32)
    rows = vectors.reshape(-1, vectors.shape[-1])
    if storage == "int8":
        largest = np.abs(rows).max(axis=1, keepdims=True)
        codes = np.rint(np.divide(127 * rows, largest, out=np.zeros_like(rows), where=largest > 0)).astype(np.int8)
    else:
        codes = np.where(rows >= 0, 1, -1).astype(np.int8)
    return unit(codes.astype(np.float32)).reshape(vectors.shape)


def bytes_of(dimension: int, storage: Storage) -> int:
    """What one vector takes."""
    return -(-dimension * _BITS[storage] // 8)


def pool_regions(maps: Floats, pooling: str, corners: bool) -> Floats:
    """float32[N, C, h, w] → float32[N, R, C]: the whole map pooled and, with ``corners``, its four corners after it.

    A corner is a little more than half of the map high and wide, so that neighbours overlap: 4 of 7, 5 of 8. The order:
    top left, top right, bottom left, bottom right.
    """
    whole = pool(maps, pooling)[:, None]
    if not corners:
        return whole
    high, wide = (side // 2 + 1 for side in maps.shape[2:])
    parts = [maps[:, :, rows, columns] for rows in _ends(high) for columns in _ends(wide)]
    return np.concatenate([whole, *(pool(part, pooling)[:, None] for part in parts)], axis=1)


def _ends(length: int) -> tuple[slice, slice]:
    return slice(None, length), slice(-length, None)


def best_similarities(queries: Floats, others: Floats) -> Floats:
    """[Q, A, D] and [N, B, D] → float32[Q, N], the highest inner product of a vector of one and one of the other."""
    result = np.full((len(queries), len(others)), -np.inf, np.float32)
    for start in range(0, len(queries), _CHUNK):
        some = slice(start, start + _CHUNK)
        for mine in range(queries.shape[1]):
            for theirs in range(others.shape[1]):
                np.maximum(result[some], queries[some, mine] @ others[:, theirs].T, out=result[some])
    return result
