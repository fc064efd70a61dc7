"""How a query's picture lies on a reference's: turned, mirrored, cut out, shrunk into another one, or just the same.

Coarse to fine: the whole pictures in the eight ways that a square can be laid, then parts of either in the other at a
few sizes, and the best of them made exact by enhanced correlation (Evangelidis & Psarakis 2008).
"""

from __future__ import annotations

import functools
import itertools
import math
from collections.abc import Iterator, Mapping
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from cliptrace.models.verification.pictures import SIDE, Pictures

Affine = NDArray[np.float32]
"""float32[2, 3]: where in the query's picture a place (x, y, 1) of the reference's is, in pixels."""

Small = NDArray[np.float32]
"""float32[H, W], of at most 24 pixels a side."""
Share = tuple[float, float]
"""Of a picture's width and height."""

_COARSE = 24
"""Side of the pictures in which parts are looked for."""
_WINDOW = SIDE // 4
"""Pixels within which contrast is made equal."""
_FAINT = 36.0
"""Variance, in squared levels, that counts as noise."""
_FLAT = 0.2
"""Deviation of a picture with even contrast, up to which it shows nothing."""
SURE = 0.8
"""Correlation from which two pictures lie on one another so, and no other way is looked for."""
_CUT_OUT: tuple[Share, ...] = (
    *((each, each) for each in (0.88, 0.76, 0.64, 0.52)),
    *((0.75, 1), (0.56, 1), (0.32, 1), (1, 0.75), (1, 0.56)),
)
_INSET: tuple[Share, ...] = (
    *((each, each) for each in (0.85, 0.7, 0.58, 0.48, 0.4, 0.34)),
    *((0.65, 1), (0.5, 1), (0.34, 1), (1, 0.65), (1, 0.5)),
)
"""Width and height of the part that a query shows of a reference, or that shows the reference in a query."""
_MIRRORED = 4
"""The way that mirrors, and the first of those that also turn."""
_TURNED = (-18, -11, -5, 5, 11, 18)
"""Degrees by which a picture is turned; what lies between is found when it is made exact."""
_ASPECT = 1.5
"""Width by height of most videos."""
_REFINED = 3
"""Ways that are made exact."""
_SMALLEST, _LARGEST = 0.08, 12.5
"""Area of a place of the reference in the query's picture, beyond which a way makes no sense."""


class Registration(NamedTuple):
    """correlation: of the two pictures where they are laid on one another, in [-1, 1]. pair: which two that were."""

    correlation: float
    affine: Affine
    pair: int


def register(ref: Pictures, query: Pictures, likely: Affine | None = None) -> Registration:
    """How the query's picture lies on the reference's, the same in all pairs; judged by one of them.

    ref, query: float32[N, 64, 64], pairs that may show the same, with even contrast. likely: what is tried first.
    """
    shown = [pair for pair in range(len(ref)) if min(ref[pair].std(), query[pair].std()) > _FLAT] or [len(ref) // 2]
    middle = shown[len(shown) // 2]

    def refined(start: Registration) -> Registration:
        return _refined(ref[start.pair], query[start.pair], start)

    if likely is not None and (found := refined(Registration(0.0, likely, middle))).correlation >= SURE:
        return found
    # What is small in the picture is found by several pairs together: one may be of a moment that shows little.
    pairs = {shown[len(shown) // 4], middle, shown[3 * len(shown) // 4]}
    small, small_query = ({pair: _small(each[pair]) for pair in pairs} for each in (ref, query))
    whole = sorted(_whole(small[middle], small_query[middle], middle), key=_correlation, reverse=True)
    best = max(map(refined, whole[:2]), key=_correlation)
    if best.correlation >= SURE:
        return best
    turned = max(_turned(small[middle], small_query[middle], middle), key=_correlation)
    parts = sorted(_parts(small, small_query), key=_correlation, reverse=True)
    return max([best, *map(refined, (turned, *parts[:_REFINED]))], key=_correlation)


def laid_on(pictures: Pictures, affine: Affine) -> tuple[Pictures, NDArray[np.bool_]]:
    """The query's pictures as the reference has them, and where they show anything of it: bool[64, 64]."""
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    moved = [cv2.warpAffine(each, affine, (SIDE, SIDE), flags=flags) for each in pictures]
    inside = cv2.warpAffine(np.ones((SIDE, SIDE), np.float32), affine, (SIDE, SIDE), flags=flags)
    return np.stack(moved), cv2.erode(inside, np.ones((3, 3))) > 1 - 1e-3


def even(pictures: Pictures) -> Pictures:
    """With the same contrast everywhere, whatever was done to light and colour."""
    return np.stack([_even(each) for each in pictures])


def _even(picture: NDArray[np.float32]) -> NDArray[np.float32]:
    mean, square = _blurred(picture), _blurred(picture * picture)
    return np.asarray((picture - mean) / np.sqrt(np.maximum(square - mean * mean, 0) + _FAINT), np.float32)


def _blurred(picture: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.asarray(cv2.blur(picture, (_WINDOW, _WINDOW), borderType=cv2.BORDER_REFLECT), np.float32)


def _correlation(registration: Registration) -> float:
    return registration.correlation


def _whole(ref: Small, query: Small, pair: int) -> Iterator[Registration]:
    wanted = _standard(ref)
    for way in range(8):
        yield Registration(float((wanted * _standard(_laid(query, way))).mean()), _affine_of(way), pair)


def _turned(ref: Small, query: Small, pair: int) -> Iterator[Registration]:
    """By some degrees, as who films a screen does; what is in the corners then is something else, or nothing."""
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    for way, rotation in itertools.product((0, _MIRRORED), _rotations()):
        affine = _combined(_affine_of(way), rotation)
        in_small = affine * np.array([1, 1, _COARSE / SIDE], np.float32)
        moved, inside = (
            cv2.warpAffine(each, in_small, (_COARSE, _COARSE), flags=flags) for each in (query, np.ones_like(query))
        )
        seen = inside > 1 - 1e-3
        yield Registration(float((_standard(ref[seen]) * _standard(moved[seen])).mean()), affine, pair)


@functools.cache
def _rotations() -> tuple[Affine, ...]:
    """Around the middle, of pictures as wide as most, which are squares here."""
    middle = np.full(2, (SIDE - 1) / 2)
    found = []
    for degrees in _TURNED:
        sine, cosine = math.sin(math.radians(degrees)), math.cos(math.radians(degrees))
        turn = np.array([[cosine, -sine / _ASPECT], [sine * _ASPECT, cosine]])
        found.append(np.column_stack([turn, middle - turn @ middle]).astype(np.float32))
    return tuple(found)


def _parts(refs: Mapping[int, Small], queries: Mapping[int, Small]) -> Iterator[Registration]:
    """What is found of either in the other, at its best place for each size and way. Pictures by number of the pair."""
    insets = [{pair: _shrunk(ref, *shares) for pair, ref in refs.items()} for shares in _INSET]
    for way in range(8):
        laid, affine = {pair: np.ascontiguousarray(_laid(each, way)) for pair, each in queries.items()}, _affine_of(way)
        for shares in _CUT_OUT:
            cut_out = {number: _shrunk(each, *shares) for number, each in laid.items()}
            alike, pair, (x, y), (wide, high) = _best_place(refs, cut_out)
            yield Registration(alike, _then(affine, 1 / wide, 1 / high, -x / wide, -y / high), pair)
        for inset in insets:
            alike, pair, (x, y), (wide, high) = _best_place(laid, inset)
            yield Registration(alike, _then(affine, wide, high, x, y), pair)


def _best_place(within: Mapping[int, Small], part: Mapping[int, Small]) -> tuple[float, int, Share, Share]:
    """How alike all pairs are there, the smaller the part the less, and which pair is most; left and top in pixels of
    64, and the shares of width and height."""
    maps = {pair: cv2.matchTemplate(each, part[pair], cv2.TM_CCOEFF_NORMED) for pair, each in within.items()}
    _, alike, _, (x, y) = cv2.minMaxLoc(np.mean(list(maps.values()), axis=0))
    clearest = max(maps, key=lambda pair: maps[pair][y, x])
    high, wide = (side / _COARSE for side in part[clearest].shape)
    scale = SIDE / _COARSE
    return alike * min(1.0, 2 * wide * high) ** 0.5, clearest, (x * scale, y * scale), (wide, high)


def _refined(ref: NDArray[np.float32], query: NDArray[np.float32], start: Registration) -> Registration:
    criteria = (cv2.TERM_CRITERIA_COUNT | cv2.TERM_CRITERIA_EPS, 25, 1e-3)
    try:
        found, affine = cv2.findTransformECC(ref, query, start.affine.copy(), cv2.MOTION_AFFINE, criteria, None, 5)
    except cv2.error:  # it has left the picture, or nothing is alike
        return start._replace(correlation=0.0)
    if not _SMALLEST <= abs(float(np.linalg.det(affine[:, :2]))) <= _LARGEST:
        return start._replace(correlation=0.0)
    return Registration(float(found), np.asarray(affine, np.float32), start.pair)


def _small(picture: NDArray[np.float32]) -> Small:
    return np.asarray(cv2.resize(picture, (_COARSE, _COARSE), interpolation=cv2.INTER_AREA), np.float32)


def _standard(picture: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.asarray((picture - picture.mean()) / (picture.std() + 1e-6), np.float32)


def _shrunk(picture: NDArray[np.float32], wide: float, high: float) -> NDArray[np.float32]:
    size = (round(_COARSE * wide), round(_COARSE * high))
    return np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), np.float32)


def _laid(picture: NDArray[np.float32], way: int) -> NDArray[np.float32]:
    """One of eight ways: mirrored from 4 on, and turned by so many quarters."""
    return np.rot90(picture[:, ::-1] if way & _MIRRORED else picture, way & 3)


@functools.cache
def _affine_of(way: int) -> Affine:
    """Where in the picture a place of what ``_laid`` makes of it is."""
    rows, columns = np.mgrid[0:SIDE, 0:SIDE].astype(np.float32)
    x, y = _laid(columns, way), _laid(rows, way)
    return np.array([[each[0, 1] - each[0, 0], each[1, 0] - each[0, 0], each[0, 0]] for each in (x, y)], np.float32)


def _then(affine: Affine, wide: float, high: float, x: float, y: float) -> Affine:
    """First (wide · x' + x, high · y' + y), then ``affine``."""
    return _combined(affine, np.array([[wide, 0, x], [0, high, y]], np.float32))


def _combined(affine: Affine, first: Affine) -> Affine:
    """First ``first``, then ``affine``."""
    return np.asarray(affine @ np.vstack([first, (0, 0, 1)]), np.float32)
