"""Drawn films whose moments are known: a textured room, and discs that wander before it."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from cliptrace.models.verification.film import Film
from cliptrace.models.verification.pictures import encode

SIDE = 192


def room(seed: int) -> NDArray[np.uint8]:
    """uint8[192, 192]: soft random texture, as rough as furniture."""
    noise = np.random.default_rng(seed).normal(0, 1, (SIDE, SIDE)).astype(np.float32)
    soft = cv2.GaussianBlur(noise, (0, 0), 5)
    return np.asarray(np.clip(128 + 45 * soft / soft.std(), 0, 255), np.uint8)


def film(seed: int, seconds: float, per_second: float = 8, room_seed: int = 0, speed: float = 1, start_s: float = 0):
    """(times, uint8[N, 192, 192, 3]): what a camera saw from ``start_s`` on, played at a speed. seed: of what moves."""
    times = np.arange(0, seconds, 1 / per_second)
    return times, np.stack([_frame(seed, room_seed, start_s + speed * float(time)) for time in times])


def as_film(times: NDArray[np.float64], frames: NDArray[np.uint8]) -> Film:
    pictures = encode(frames)
    return Film(times, lambda: pictures)


def _frame(seed: int, room_seed: int, second: float) -> NDArray[np.uint8]:
    frame = cv2.cvtColor(room(room_seed), cv2.COLOR_GRAY2RGB)
    ways = np.random.default_rng(seed).uniform(0.4, 1.6, (3, 2)), np.random.default_rng(seed + 1).uniform(0, 6, (3, 2))
    for rate, phase in zip(*ways, strict=True):
        x, y = (96 + 80 * np.sin(rate * second + phase)).astype(int).tolist()
        cv2.circle(frame, (x, y), 18, (240, 240, 240), -1, cv2.LINE_AA)
    return np.asarray(frame, np.uint8)
