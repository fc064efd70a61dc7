"""Embeddings of a bench's videos, kept between runs: every basis frame once, of which keyframe settings take theirs.

A frame's embedding does not depend on which other frames are kept, so what a selector would have embedded is a part of
what is kept here, bit for bit. Where one setting is all that is asked for, ``keyframes`` embeds nothing else.
"""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import itertools
import json
import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

import cliptrace.models.backbones
import cliptrace.models.borders
import cliptrace.models.keyframes
import cliptrace.models.runtime
import cliptrace.models.verification.pictures
import cliptrace.models.verification.stills
import cliptrace.models.views
import cliptrace.transforms.extract
import cliptrace.transforms.media
from cliptrace.models.backbones.registry import Embedder, config_to_json
from cliptrace.models.keyframes import Selection, Selector, make_selector
from cliptrace.models.stoplist import is_uniform
from cliptrace.pipelines.models import identity
from cliptrace.schemas.config import BASIS_FPS, TILE_S, BackboneConfig, KeyframeConfig, Limits
from cliptrace.schemas.records import FrameFeatures, VideoSource
from cliptrace.transforms.contents import content_sha256
from cliptrace.transforms.extract import extract_range, join_ranges
from cliptrace.transforms.media.probe import probe
from cliptrace.transforms.media.ranges import split

THREADS = 2
Video = TypeVar("Video")
Arrays = dict[str, NDArray[Any]]


@dataclasses.dataclass(frozen=True, slots=True)
class Keyframes:
    """Of one video. times: float64[K], seconds. embeddings: float32[K, D], or [K, V, D] in V views; unit L2 norm.

    cuts: float64[C], seconds, as FrameFeatures has them; none where nobody asks where segments end. blank: bool[K], of
    one colour; none are where nobody looks. pictures, stills: as FrameFeatures has them.
    """

    times: NDArray[np.float64]
    embeddings: NDArray[np.float32]
    cuts: NDArray[np.float64] = dataclasses.field(default_factory=lambda: np.empty(0))
    blank: NDArray[np.bool_] = dataclasses.field(default_factory=lambda: np.empty(0, np.bool_))
    pictures: tuple[bytes, ...] = ()
    stills: tuple[tuple[float, float], ...] = ()


@dataclasses.dataclass(frozen=True, slots=True)
class BasisFrames:
    """All basis frames of one video. Arrays as in Keyframes; thumbs: uint8[K, 32, 32, 3], what selectors look at."""

    times: NDArray[np.float64]
    embeddings: NDArray[np.float32]
    cuts: NDArray[np.float64]
    thumbs: NDArray[np.uint8]
    pictures: tuple[bytes, ...] = ()
    stills: tuple[tuple[float, float], ...] = ()

    def chosen_by(self, selector: Selector) -> Keyframes:
        """The keyframes that the product would have kept: selectors start anew with each tile."""
        tiles = np.split(np.arange(len(self.times)), np.flatnonzero(np.diff(self.times // TILE_S)) + 1)
        kept = np.concatenate([tile[selector(self.thumbs[tile])[0]] for tile in tiles])
        pictures = tuple(self.pictures[number] for number in kept) if self.pictures else ()
        blank = is_uniform(self.thumbs[kept])
        return Keyframes(self.times[kept], self.embeddings[kept], self.cuts, blank, pictures, self.stills)


def basis_frames(paths: Sequence[Path], backbone: BackboneConfig, cache: Path) -> dict[str, BasisFrames]:
    """File name → basis frames, decoded and embedded by the product's own code, or taken from ``cache``."""
    embedder, made_by = Embedder.open(backbone), recipe(backbone)

    def one(path: Path) -> BasisFrames:
        arrays = kept(_name(path, made_by, cache), lambda: _basis_arrays(path, embedder))
        pictures, at = arrays["pictures"].tobytes(), np.cumsum(arrays["picture_bytes"]).tolist()
        return BasisFrames(
            arrays["times"],
            arrays["embeddings"],
            arrays["cuts"],
            arrays["thumbs"],
            tuple(pictures[start:end] for start, end in itertools.pairwise([0, *at])),
            tuple((float(start), float(end)) for start, end in arrays["stills"]),
        )

    return {path.name: video for path, video in _each(paths, one, cache).items()}


def keyframes(
    paths: Sequence[Path], backbone: BackboneConfig, cache: Path, config: KeyframeConfig, views: tuple[str, ...] = ()
) -> dict[Path, Keyframes]:
    """Path → the keyframes that ``config`` keeps. Only they are embedded: at 2 a second, a quarter of the work."""
    embedder, selector = Embedder.open(backbone), make_selector(config, BASIS_FPS)
    asked = json.dumps([dataclasses.asdict(config), views], sort_keys=True)
    made_by = recipe(backbone, asked, cliptrace.models.keyframes.__path__, [Path(cliptrace.models.views.__file__)])

    def one(path: Path) -> Keyframes:
        def make() -> Arrays:
            features = _extract(path, embedder, selector, views)
            return {"times": features.times, "embeddings": features.embeddings, "cuts": features.cuts}

        arrays = kept(_name(path, made_by, cache), make)
        return Keyframes(arrays["times"], arrays["embeddings"], arrays["cuts"])

    return _each(paths, one, cache)


def kept(file: Path, make: Callable[[], Arrays]) -> Arrays:
    """What ``make`` returned when ``file`` was not there yet. A file that is there is whole."""
    if not file.is_file():
        arrays = make()
        unfinished = file.with_suffix(".part.npz")
        np.savez(unfinished, **arrays)  # type: ignore[arg-type]
        unfinished.rename(file)
    with np.load(file) as loaded:
        return dict(loaded)


def recipe(backbone: BackboneConfig, more: str = "", rooms: Sequence[str] = (), files: Sequence[Path] = ()) -> str:
    """Digest of the settings and of the code that features come from.

    more, rooms, files: other settings, and other packages' folders and files whose code has a part in it.
    """
    settings = identity(config_to_json(backbone))
    all_rooms = (
        *cliptrace.models.backbones.__path__,
        *cliptrace.models.borders.__path__,
        *cliptrace.transforms.media.__path__,
        *rooms,
    )
    code = [file for room in all_rooms for file in sorted(Path(room).glob("*.py"))]
    others = (
        cliptrace.models.runtime,
        cliptrace.models.verification.pictures,
        cliptrace.models.verification.stills,
        cliptrace.transforms.extract,
    )
    code += [Path(str(module.__file__)) for module in others]
    digest = hashlib.sha256((json.dumps(settings, sort_keys=True) + more).encode())
    for file in (*code, *files):
        digest.update(_code(file))
    return digest.hexdigest()[:16]


@functools.cache
def _code(file: Path) -> bytes:
    """As it was when first asked for: what this process runs does not change when somebody edits the file."""
    return file.read_bytes()


def _each(paths: Sequence[Path], one: Callable[[Path], Video], cache: Path) -> dict[Path, Video]:
    cache.mkdir(parents=True, exist_ok=True)
    started = time.monotonic()
    with ThreadPoolExecutor(THREADS) as pool:
        videos = list(pool.map(one, paths))
    print(f"features of {len(paths)} videos: {time.monotonic() - started:.0f} s", file=sys.stderr)
    return dict(zip(paths, videos, strict=True))


def _name(path: Path, made_by: str, cache: Path) -> Path:
    return cache / f"{content_sha256(str(path))[:16]}-{made_by}.npz"


def _basis_arrays(path: Path, embedder: Embedder) -> Arrays:
    thumbs: list[NDArray[np.uint8]] = []

    def keep_all(tile: NDArray[np.uint8]) -> Selection:
        thumbs.append(tile)
        return np.arange(len(tile)), np.ones(len(tile), np.float32)

    features = _extract(path, embedder, keep_all)
    return {
        "times": features.times,
        "embeddings": features.embeddings,
        "cuts": features.cuts,
        "thumbs": np.concatenate(thumbs),
        "pictures": np.frombuffer(b"".join(features.pictures), np.uint8),
        "picture_bytes": np.array([len(picture) for picture in features.pictures], np.int64),
        "stills": np.array(features.stills, np.float64).reshape(-1, 2),
    }


def _extract(path: Path, embedder: Embedder, selector: Selector, views: tuple[str, ...] = ()) -> FrameFeatures:
    limits = Limits()
    parts = split(VideoSource(path.name, str(path)), probe(str(path), limits), limits)
    return join_ranges([extract_range(str(path), part, selector, embedder, limits, views) for part in parts])
