"""What people do to videos, as edits of one frame: the positives that networks are trained on.

A frame is uint8[H, W, 3], RGB, in its own aspect ratio. Every edit takes a frame, a random generator and a strength in
[0, 1]; those that need other footage take a frame of it as well.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray

from cliptrace.models.training.config import EDITS, EditsConfig

Frame = NDArray[np.uint8]
Random = np.random.Generator
Edit = Callable[[Frame, Random, float], Frame]
Composite = Callable[[Frame, Frame, Random, float], Frame]
T = TypeVar("T")


def edited(frame: Frame, other: Frame, random: Random, config: EditsConfig = EDITS) -> tuple[Frame, bool]:
    """A copy as people make them: some edits of the look and some of the shape, mirrored now and then.

    Returns the edited frame, and whether it shows ``other`` as well.
    """
    shows_other = False
    if random.random() < config.mirrored:
        frame = np.ascontiguousarray(frame[:, ::-1])
    shapes = _count(config.shapes, random)
    looks = _count(config.looks, random) if shapes else 1 + _count(config.looks_alone, random)
    before = random.integers(0, looks + 1)  # some looks come before the shape, as the copy of a copy has them
    for _ in range(before):
        frame = _pick(LOOKS, config.looks_of, random)(frame, random, random.random())
    for _ in range(shapes):
        if not shows_other and random.random() < config.composite:
            frame = _pick(COMPOSITES, config.composites_of, random)(frame, other, random, random.random())
            shows_other = True
        else:
            frame = _pick(SHAPES, config.shapes_of, random)(frame, random, random.random())
    for _ in range(looks - before):
        frame = _pick(LOOKS, config.looks_of, random)(frame, random, random.random())
    return frame, shows_other


def squeezed(frame: Frame, size: int) -> Frame:
    """size × size pixels, whatever the shape was: what the decoder does to every frame."""
    return _resize(frame, size, size)


def colour(frame: Frame, random: Random, strength: float) -> Frame:
    contrast, gamma, saturation = np.exp(random.uniform(-0.8, 0.8, 3) * strength)
    brightness = 60 * strength * random.uniform(-1, 1)
    values = 255 * (np.arange(256) / 255) ** gamma
    table = np.clip((values - 127) * contrast + 127 + brightness, 0, 255).astype(np.uint8)
    hsv = cv2.cvtColor(cv2.LUT(frame, table), cv2.COLOR_RGB2HSV)
    shift = int(60 * strength * random.uniform(-1, 1)) if random.random() < 0.5 else 0
    hues = ((np.arange(256) + shift) % 180).astype(np.uint8)
    saturations = np.clip(np.arange(256) * saturation, 0, 255).astype(np.uint8)
    hsv = cv2.merge([cv2.LUT(hsv[..., 0], hues), cv2.LUT(hsv[..., 1], saturations), hsv[..., 2]])
    return np.asarray(cv2.cvtColor(hsv, cv2.COLOR_HSV2RGB), np.uint8)


def grey(frame: Frame, random: Random, strength: float) -> Frame:
    luma = cv2.cvtColor(cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB)
    if random.random() < 0.3:  # sepia and other tints
        luma = np.clip(luma * random.uniform(1 - 0.4 * strength, 1, 3), 0, 255).astype(np.uint8)
    if random.random() < 0.3:
        return colour(np.asarray(luma, np.uint8), random, strength)
    return np.asarray(luma, np.uint8)


def blur(frame: Frame, random: Random, strength: float) -> Frame:
    sigma = min(frame.shape[:2]) * (0.003 + 0.027 * strength)
    return np.asarray(cv2.GaussianBlur(frame, (0, 0), sigma), np.uint8)


def noise(frame: Frame, random: Random, strength: float) -> Frame:
    grains = np.empty(frame.shape, np.int16)
    cv2.setRNGSeed(int(random.integers(1 << 31)))
    cv2.randn(grains, (0, 0, 0), (4 + 50 * strength,) * 3)
    return np.asarray(np.clip(frame + grains, 0, 255), np.uint8)


def downscale(frame: Frame, random: Random, strength: float) -> Frame:
    height, width = frame.shape[:2]
    divisor = 1.5 + 6.5 * strength
    small = _resize(frame, max(int(width / divisor), 8), max(int(height / divisor), 8))
    way = random.choice([cv2.INTER_NEAREST, cv2.INTER_LINEAR, cv2.INTER_CUBIC], p=[0.15, 0.55, 0.3])
    return np.asarray(cv2.resize(small, (width, height), interpolation=int(way)), np.uint8)


def jpeg(frame: Frame, random: Random, strength: float) -> Frame:
    _, data = cv2.imencode(".jpg", frame, [cv2.IMWRITE_JPEG_QUALITY, int(45 - 40 * strength)])
    return np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR), np.uint8)


def overlay(frame: Frame, random: Random, strength: float) -> Frame:
    """Captions, logos, emoji-like faces, one to four of them."""
    frame = frame.copy()
    for _ in range(random.integers(1, 2 + round(3 * strength))):
        (_caption, _logo, _face)[random.integers(3)](frame, random, strength)
    return frame


def crop(frame: Frame, random: Random, strength: float) -> Frame:
    height, width = frame.shape[:2]
    kept = 1 - 0.4 * strength * random.uniform(0.5, 1, 2)
    h, w = int(height * kept[0]), int(width * kept[1])
    top, left = random.integers(0, height - h + 1), random.integers(0, width - w + 1)
    return frame[top : top + h, left : left + w]


def rotate(frame: Frame, random: Random, strength: float) -> Frame:
    height, width = frame.shape[:2]
    degrees = 22 * strength * random.choice([-1, 1])
    zoom = 1.0 if random.random() < 0.6 else 1 + 0.35 * strength
    matrix = cv2.getRotationMatrix2D((width / 2, height / 2), degrees, zoom)
    return np.asarray(cv2.warpAffine(frame, matrix, (width, height), flags=cv2.INTER_LINEAR), np.uint8)


def turn(frame: Frame, random: Random, strength: float) -> Frame:
    """By quarters; upright or upside down; now and then upside down as a mirror does it."""
    kind = int(random.integers(4))
    return np.ascontiguousarray(frame[::-1] if kind == 0 else np.rot90(frame, kind))


def bars(frame: Frame, random: Random, strength: float) -> Frame:
    """Letterbox or pillarbox: the picture keeps its shape, the canvas grows."""
    grow = 1 / (1 - 0.5 * strength * random.uniform(0.3, 1))
    sides = (grow, 1.0) if random.random() < 0.5 else (1.0, grow)
    shade = 0 if random.random() < 0.8 else int(random.integers(256))
    return _framed(frame, sides, (0.5, 0.5), np.full(3, shade))


def border(frame: Frame, random: Random, strength: float) -> Frame:
    """On all sides, in a colour or as the picture's own blur."""
    height, width = frame.shape[:2]
    grow = 1 + strength * random.uniform(0.1, 1, 2)
    at = (0.5, 0.5) if random.random() < 0.7 else tuple(random.random(2))
    if random.random() < 0.5:
        return _framed(frame, (grow[0], grow[1]), (at[0], at[1]), random.integers(0, 256, 3))
    canvas = blur(_resize(frame, int(width * grow[1]), int(height * grow[0])), random, 1.0)
    return _pasted(canvas, frame, (at[0], at[1]))


def screenshot(frame: Frame, random: Random, strength: float) -> Frame:
    """A player's or a phone's bars above and below, with buttons and a progress line."""
    height, width = frame.shape[:2]
    above, below = (int(height * share) for share in random.uniform(0.04, 0.08 + 0.3 * strength, 2))
    shade = np.full(3, random.choice([16, 32, 240, 255]))
    canvas = _flat((height + above + below, width), shade)
    canvas[above : above + height] = frame
    line = above + height + below // 2
    ink = tuple(int(255 - value) for value in shade)
    for x in random.integers(0, width, 6):
        cv2.circle(canvas, (int(x), above // 2), max(above // 5, 1), ink, -1)
        cv2.circle(canvas, (int(x), line), max(below // 5, 1), ink, -1)
    cv2.line(canvas, (0, above + height + 2), (int(random.integers(1, width)), above + height + 2), (220, 30, 30), 3)
    return canvas


def inset(frame: Frame, other: Frame, random: Random, strength: float) -> Frame:
    """Picture in picture: the copy is the small one, 75 down to 40 % of the sides."""
    height, width = frame.shape[:2]
    share = 0.75 - 0.35 * strength
    canvas = _resize(other, width, height)
    return _pasted(canvas, _resize(frame, int(width * share), int(height * share)), tuple(random.random(2)))


def beside(frame: Frame, other: Frame, random: Random, strength: float) -> Frame:
    """Side by side or one above the other, squeezed or cut; the copy takes 65 down to 40 % of the canvas."""
    axis = 1 if random.random() < 0.75 else 0
    height, width = frame.shape[:2]
    length = frame.shape[axis]
    mine = int(length * (0.65 - 0.25 * strength))
    parts = []
    for picture, size in ((frame, mine), (_resize(other, width, height), length - mine)):
        if random.random() < 0.5:
            first = (length - size) // 2
            parts.append(np.take(picture, range(first, first + size), axis))
        else:
            parts.append(_resize(picture, *((size, height) if axis else (width, size))))
    return np.concatenate(parts if random.random() < 0.5 else parts[::-1], axis)


LOOKS: Mapping[str, Edit] = {edit.__name__: edit for edit in (colour, grey, blur, noise, downscale, jpeg, overlay)}
SHAPES: Mapping[str, Edit] = {edit.__name__: edit for edit in (crop, rotate, turn, bars, border, screenshot)}
COMPOSITES: Mapping[str, Composite] = {edit.__name__: edit for edit in (inset, beside)}


def _count(shares: Sequence[float], random: Random) -> int:
    return int(random.choice(len(shares), p=shares))


def _pick(group: Mapping[str, T], shares: Sequence[tuple[str, float]], random: Random) -> T:
    return group[shares[int(random.choice(len(shares), p=[share for _, share in shares]))][0]]


def _resize(frame: Frame, width: int, height: int) -> Frame:
    shrinks = width < frame.shape[1] or height < frame.shape[0]
    way = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(frame, (max(width, 1), max(height, 1)), interpolation=way), np.uint8)


def _flat(shape: tuple[int, int], rgb: NDArray[np.integer]) -> Frame:
    canvas = np.empty((*shape, 3), np.uint8)
    canvas[:] = rgb
    return canvas


def _framed(frame: Frame, grow: tuple[float, float], at: tuple[float, float], rgb: NDArray[np.integer]) -> Frame:
    height, width = frame.shape[:2]
    return _pasted(_flat((int(height * grow[0]), int(width * grow[1])), rgb), frame, at)


def _pasted(canvas: Frame, frame: Frame, at: tuple[float, ...]) -> Frame:
    """``frame`` on ``canvas``; at: in [0, 1], how much of the room is above it and to its left."""
    height, width = frame.shape[:2]
    top, left = int((canvas.shape[0] - height) * at[0]), int((canvas.shape[1] - width) * at[1])
    canvas[top : top + height, left : left + width] = frame
    return canvas


def _ink(random: Random) -> tuple[int, int, int]:
    r, g, b = (int(value) for value in random.integers(0, 256, 3))
    return r, g, b


def _caption(frame: Frame, random: Random, strength: float) -> None:
    height, width = frame.shape[:2]
    tall = int(height * (0.06 + 0.16 * strength))
    top = int(random.choice([random.uniform(0, 0.1), random.uniform(0.65, 0.95)]) * (height - tall))
    if random.random() < 0.6:
        band = frame[top : top + tall]
        shade = random.choice([0, 255])
        band[:] = (band * 0.25 + shade * 0.75).astype(np.uint8)
    letters = "".join(random.choice(list("ABCDEFGHKLMNOPRSTUVWabdeghiknorstuw   !?"), size=random.integers(6, 26)))
    at = (int(random.uniform(0, 0.3) * width), top + int(tall * 0.75))
    cv2.putText(frame, letters, at, int(random.integers(0, 8)), tall / 32, _ink(random), 1 + tall // 16, cv2.LINE_AA)


def _logo(frame: Frame, random: Random, strength: float) -> None:
    height, width = frame.shape[:2]
    side = int(min(height, width) * (0.08 + 0.22 * strength))
    x, y = int(random.integers(0, width - side)), int(random.integers(0, height - side))
    cv2.rectangle(frame, (x, y), (x + side, y + side), _ink(random), -1)
    corners = (random.random((int(random.integers(3, 7)), 2)) * side + (x, y)).astype(np.int32)
    cv2.fillPoly(frame, [corners], _ink(random))


def _face(frame: Frame, random: Random, strength: float) -> None:
    height, width = frame.shape[:2]
    radius = max(int(min(height, width) * (0.04 + 0.12 * strength)), 3)
    x, y = int(random.integers(0, width)), int(random.integers(0, height))
    cv2.circle(frame, (x, y), radius, (250, 210, 60), -1, cv2.LINE_AA)
    for side in (-1, 1):
        cv2.circle(frame, (x + side * radius // 3, y - radius // 4), max(radius // 7, 1), (40, 30, 20), -1, cv2.LINE_AA)
    cv2.ellipse(frame, (x, y + radius // 6), (radius // 2, radius // 3), 0, 0, 180, (90, 40, 20), 2, cv2.LINE_AA)
