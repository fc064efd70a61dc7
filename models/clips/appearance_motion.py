"""Clip features without a clip network: what an ImageNet network sees, how that changes, and where the picture does.

Two frames of every half second go through the network. Their mean tells what is seen; the absolute difference of their
feature maps, averaged over places, tells what changes; differences of the small pictures tell where. The three, each on
one scale, are projected to 500 dimensions by PCA, as the C3D features of the literature are.
"""

from __future__ import annotations

import dataclasses

import numpy as np
import safetensors.numpy
from numpy.typing import NDArray

from cliptrace.models.backbones.registry import load_config
from cliptrace.models.runtime import Device, Session, open_session
from cliptrace.models.thumbs import thumbs
from cliptrace.models.weights import folder_of, read_config, read_verified, sha256_of
from cliptrace.schemas.config import BASIS_FPS
from cliptrace.schemas.errors import UsageError

Floats = NDArray[np.float32]
Frames = NDArray[np.uint8]

BACKBONE = "efficientnet_lite0"
STEP_S = 0.5
STEP = round(STEP_S * BASIS_FPS)
"""Basis frames of a step: the first and the third go through the network, all four through the small pictures."""
CHANNELS = 1280
GRID = 8
"""Squares a side, of which each says how much changes there."""
WIDTHS = (CHANNELS, CHANNELS, GRID * GRID)
"""Of the three parts: what is seen, what changes, where."""
_BATCH = 8
_PROJECTION = "projection.safetensors"


def step_parts(frames: Frames, session: Session) -> Floats:
    """uint8[N, S, S, 3] → float32[K, 2624]: the three parts of each step, beside one another, as they come."""
    short = -len(frames) % STEP
    if short:
        frames = np.concatenate([frames, np.repeat(frames[-1:], short, axis=0)])
    steps = frames.reshape(-1, STEP, *frames.shape[1:])
    rows = []
    for start in range(0, len(steps), _BATCH):
        some = steps[start : start + _BATCH]
        maps = session.run(np.ascontiguousarray(some[:, :: STEP // 2].reshape(-1, *frames.shape[1:])))
        first, second = maps[0::2], maps[1::2]
        seen = (first + second).mean(axis=(2, 3)) / 2
        changed = np.abs(second - first).mean(axis=(2, 3))
        rows.append(np.concatenate([seen, changed, _where(some)], axis=1))
    return np.concatenate([np.empty((0, sum(WIDTHS)), np.float32), *rows])


def _where(steps: Frames) -> Floats:
    """uint8[K, 4, S, S, 3] → float32[K, 64], in [0, 1]: how much each square of the picture changes."""
    count, frames = steps.shape[:2]
    small = thumbs(steps.reshape(-1, *steps.shape[2:])).astype(np.float32).mean(axis=3)
    side = small.shape[1]
    small = small.reshape(count, frames, GRID, side // GRID, GRID, side // GRID)
    changed = np.abs(np.diff(small, axis=1)).mean(axis=(1, 3, 5)) / 255
    return np.asarray(np.sqrt(changed).reshape(count, -1), np.float32)


@dataclasses.dataclass(frozen=True, slots=True)
class Projection:
    """PCA. scale: float32[2624], by which each part is brought to one scale; mean: float32[2624]; directions:
    float32[2624, D]."""

    scale: Floats
    mean: Floats
    directions: Floats

    @classmethod
    def fit(cls, parts: Floats, dimension: int) -> Projection:
        """parts: float32[N, 2624], as ``step_parts`` makes them. Each of the three gets the same total variance."""
        spread = parts.std(axis=0, dtype=np.float64)
        sides = np.split(spread, np.cumsum(WIDTHS)[:-1])
        scale = np.concatenate([np.full(len(side), 1 / np.maximum(np.linalg.norm(side), 1e-9)) for side in sides])
        scaled = parts * scale
        mean = scaled.mean(axis=0)
        centred = scaled - mean
        _, directions = np.linalg.eigh(centred.T @ centred)
        return cls(*(np.asarray(each, np.float32) for each in (scale, mean, directions[:, ::-1][:, :dimension])))

    def apply(self, parts: Floats) -> Floats:
        """float32[K, 2624] → float32[K, D], of about unit length."""
        return np.asarray((parts * self.scale - self.mean) @ self.directions, np.float32)

    def to_bytes(self) -> bytes:
        """The content of a safetensors file, the directions as float16."""
        directions = self.directions.astype(np.float16, order="C")
        content: bytes = safetensors.numpy.save({"scale": self.scale, "mean": self.mean, "directions": directions})
        return content


def open_projection(weights: str) -> tuple[Projection, str]:
    """weights: one of the folders that ship by its name, or any other by its path. Also its digest. UsageError for
    another folder."""
    folder = folder_of(weights)
    sha256 = str(read_config(folder, (_PROJECTION,))["sha256"][_PROJECTION])
    tensors = safetensors.numpy.load(read_verified(folder / _PROJECTION, sha256))
    try:
        return Projection(*(tensors[name].astype(np.float32) for name in ("scale", "mean", "directions"))), sha256
    except KeyError as error:
        raise UsageError(f"{folder}: not a projection of clip features: {error!r}") from error


class AppearanceMotion:
    """The clip encoder of this module (models/clips/__init__.py says what it must do)."""

    step_s = STEP_S

    def __init__(self, sha256: str, session: Session, projection: Projection, input_size: int) -> None:
        self.sha256, self.input_size = sha256, input_size
        self._session, self._projection = session, projection
        self.dimension = projection.directions.shape[1]

    @classmethod
    def open(cls, weights: str, device: Device = "cpu") -> AppearanceMotion:
        """weights: as ``open_projection`` takes it."""
        backbone = load_config(BACKBONE)
        projection, digest = open_projection(weights)
        sha256 = sha256_of(f"{backbone.sha256} {digest}".encode())
        return cls(sha256, open_session(backbone, device), projection, backbone.input_size)

    def encode(self, frames: Frames) -> Floats:
        """uint8[N, S, S, 3] → float32[K, D]."""
        return self._projection.apply(step_parts(frames, self._session))
