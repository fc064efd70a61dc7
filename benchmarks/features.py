"""Embeddings of a bench's videos, kept between runs: every basis frame once, of which keyframe settings take theirs.

A frame's embedding does not depend on which other frames are kept, so what a selector would have embedded is a part of
what is kept here, bit for bit.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

import models.backbones
import models.runtime
import transforms.extract
import transforms.media
from models.backbones.registry import Embedder
from models.keyframes import Selection, make_selector
from schemas.config import BASIS_FPS, TILE_S, BackboneConfig, KeyframeConfig, Limits
from schemas.records import VideoSource
from transforms.extract import extract_range, join_ranges
from transforms.media.probe import content_sha256, probe
from transforms.media.ranges import split

THREADS = 2


@dataclasses.dataclass(frozen=True, slots=True)
class Keyframes:
    """Of one video. times: float64[K], seconds. embeddings: float32[K, D], rows of unit L2 norm."""

    times: NDArray[np.float64]
    embeddings: NDArray[np.float32]


@dataclasses.dataclass(frozen=True, slots=True)
class BasisFrames:
    """All basis frames of one video. Arrays as in Keyframes; thumbs: uint8[K, 32, 32, 3], what selectors look at."""

    times: NDArray[np.float64]
    embeddings: NDArray[np.float32]
    thumbs: NDArray[np.uint8]

    def select(self, config: KeyframeConfig) -> Keyframes:
        """The keyframes that the product would have kept: selectors start anew with each tile."""
        selector = make_selector(config, BASIS_FPS)
        tiles = np.split(np.arange(len(self.times)), np.flatnonzero(np.diff(self.times // TILE_S)) + 1)
        kept = np.concatenate([tile[selector(self.thumbs[tile])[0]] for tile in tiles])
        return Keyframes(self.times[kept], self.embeddings[kept])


def basis_frames(paths: Sequence[Path], backbone: BackboneConfig, cache: Path) -> dict[str, BasisFrames]:
    """File name → basis frames, decoded and embedded by the product's own code, or taken from ``cache``."""
    cache.mkdir(parents=True, exist_ok=True)
    embedder = Embedder.open(backbone)
    recipe = _recipe(backbone)
    started = time.monotonic()
    with ThreadPoolExecutor(THREADS) as pool:
        frames = list(pool.map(lambda path: _cached(path, embedder, recipe, cache), paths))
    print(f"features of {len(paths)} videos: {time.monotonic() - started:.0f} s", file=sys.stderr)
    return {path.name: video for path, video in zip(paths, frames, strict=True)}


def _cached(path: Path, embedder: Embedder, recipe: str, cache: Path) -> BasisFrames:
    kept = cache / f"{content_sha256(str(path))[:16]}-{recipe}.npz"
    if not kept.is_file():
        frames = _extract(path, embedder)
        unfinished = kept.with_suffix(".part.npz")
        np.savez(unfinished, times=frames.times, embeddings=frames.embeddings, thumbs=frames.thumbs)
        unfinished.rename(kept)
    with np.load(kept) as arrays:
        return BasisFrames(arrays["times"], arrays["embeddings"], arrays["thumbs"])


def _extract(path: Path, embedder: Embedder) -> BasisFrames:
    limits = Limits()
    thumbs: list[NDArray[np.uint8]] = []

    def keep_all(tile: NDArray[np.uint8]) -> Selection:
        thumbs.append(tile)
        return np.arange(len(tile)), np.ones(len(tile), np.float32)

    source = VideoSource(path.name, str(path))
    parts = split(source, probe(str(path), limits), limits)
    features = join_ranges([extract_range(str(path), part, keep_all, embedder, limits) for part in parts])
    return BasisFrames(features.times, features.embeddings, np.concatenate(thumbs))


def _recipe(backbone: BackboneConfig) -> str:
    """Digest of the settings and of the code that features come from; where weights lie does not matter."""
    settings = dataclasses.replace(backbone, path="", whitening="", graph="")
    rooms = (*models.backbones.__path__, *transforms.media.__path__)
    files = [file for room in rooms for file in sorted(Path(room).glob("*.py"))]
    files += [Path(str(module.__file__)) for module in (models.runtime, transforms.extract)]
    digest = hashlib.sha256(json.dumps(dataclasses.asdict(settings), sort_keys=True).encode())
    for file in files:
        digest.update(file.read_bytes())
    return digest.hexdigest()[:16]
