"""What unrelated videos share, of which none copied another: blank screens, test pictures, titles, countdowns.

Drawn, not filmed: negatives for SPD, which sees bright blocks and stripes in the map wherever two videos have the same.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from cliptrace.schemas.config import BASIS_FPS

Frames = NDArray[np.uint8]
Random = np.random.Generator

_HEIGHT, _WIDTH = 256, 456
_SECONDS = 5
_FONT = cv2.FONT_HERSHEY_DUPLEX
_WORDS = ("PRESENTS", "SUBSCRIBE", "The End", "EPISODE 4", "NEWS", "LIVE", "coming up", "PART 1", "STUDIO", "thank you")


def draw(random: Random) -> Frames:
    """One piece of boilerplate, uint8[N, H, W, 3] at BASIS_FPS."""
    kinds = (_blank, _bars, _title, _countdown, _logo_sting)
    return kinds[int(random.integers(len(kinds)))](random)


def _blank(random: Random) -> Frames:
    """One colour, mostly black or white; with the faint grain of a codec now and then."""
    shade = [np.zeros(3), np.full(3, 255.0), random.integers(0, 256, 3)][int(random.choice(3, p=[0.5, 0.2, 0.3]))]
    frames = np.tile(shade.astype(np.float32), (_SECONDS * BASIS_FPS, _HEIGHT, _WIDTH, 1))
    if random.random() < 0.5:
        frames += 2 * random.standard_normal((*frames.shape[:3], 1), np.float32)
    return np.asarray(np.clip(frames, 0, 255), np.uint8)


def _bars(random: Random) -> Frames:
    colours = random.permutation([(c & 1, c >> 1 & 1, c >> 2) for c in range(8)])[: int(random.integers(4, 9))]
    stripes = np.repeat(colours * random.integers(150, 256), -(-_WIDTH // len(colours)), axis=0)[:_WIDTH]
    return np.tile(stripes.astype(np.uint8), (_SECONDS * BASIS_FPS, _HEIGHT, 1, 1))


def _title(random: Random) -> Frames:
    """Words on a gradient, faded in."""
    card = _gradient(random)
    for line in range(int(random.integers(1, 4))):
        _write(card, str(random.choice(_WORDS)), (0.5, 0.3 + 0.2 * line), random, random.uniform(0.8, 1.8))
    fade = np.clip(np.arange(_SECONDS * BASIS_FPS) / random.uniform(1, 16), 0, 1)
    return np.asarray(card * fade[:, None, None, None], np.uint8)


def _countdown(random: Random) -> Frames:
    """A number a second, and a hand that goes round."""
    card, ink = _gradient(random), tuple(int(value) for value in random.integers(0, 256, 3))
    frames = np.tile(card, (_SECONDS * BASIS_FPS, 1, 1, 1))
    middle, radius = (_WIDTH // 2, _HEIGHT // 2), int(_HEIGHT * random.uniform(0.25, 0.42))
    size = radius / 30
    for number, frame in enumerate(frames):
        cv2.circle(frame, middle, radius, ink, 3, cv2.LINE_AA)
        cv2.ellipse(frame, middle, (radius, radius), -90, 0, 360 * (number % BASIS_FPS) / BASIS_FPS, ink, 9)
        digit = str(_SECONDS - number // BASIS_FPS)
        (width, height), _ = cv2.getTextSize(digit, _FONT, size, 4)
        at = (middle[0] - width // 2, middle[1] + height // 2)
        cv2.putText(frame, digit, at, _FONT, size, ink, 4, cv2.LINE_AA)
    return frames


def _logo_sting(random: Random) -> Frames:
    """A shape that grows to its place before one colour, and stays."""
    ground, ink = (tuple(int(value) for value in random.integers(0, 256, 3)) for _ in range(2))
    corners = random.uniform(-1, 1, (int(random.integers(3, 8)), 2))
    frames = np.empty((_SECONDS * BASIS_FPS, _HEIGHT, _WIDTH, 3), np.uint8)
    frames[:] = ground
    word, words = str(random.choice(_WORDS)), np.random.default_rng(int(random.integers(1 << 31)))
    at = (0.5, 0.85)
    for number, frame in enumerate(frames):
        reach = _HEIGHT * 0.3 * min(1.0, (number + 2) / (1.5 * BASIS_FPS))
        shape = corners * reach + (_WIDTH / 2, _HEIGHT * 0.42)
        cv2.fillPoly(frame, [np.asarray(shape, np.int32)], ink, cv2.LINE_AA)
        if number > 2 * BASIS_FPS:
            _write(frame, word, at, words, 1.2, ink)
    return frames


def _gradient(random: Random) -> Frames:
    ends = random.integers(0, 256, (2, 3))
    share = np.linspace(0, 1, _HEIGHT)[:, None]
    column = ends[0] * (1 - share) + ends[1] * share
    return np.tile(np.asarray(column, np.uint8)[:, None], (1, _WIDTH, 1))


def _write(
    frame: Frames,
    text: str,
    at: tuple[float, float],
    random: Random,
    size: float,
    ink: tuple[int, ...] | None = None,
) -> None:
    """Centred on ``at``, shares of the width and the height; in any colour unless ``ink`` is given."""
    ink = ink or tuple(int(value) for value in random.integers(0, 256, 3))
    (width, height), _ = cv2.getTextSize(text, _FONT, size, 2)
    place = (int(at[0] * _WIDTH - width / 2), int(at[1] * _HEIGHT + height / 2))
    cv2.putText(frame, text, place, _FONT, size, ink, 2, cv2.LINE_AA)
