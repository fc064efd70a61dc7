"""Footage as SSAN is trained on it: every clip once as it is and several times edited, as thumbs and embeddings.

Pixels are edited, encoded and embedded once and kept on disk; what is done in time (cuts, speed, direction, gaps) costs
nothing on embeddings and is drawn anew for every example (data.py).
"""

from __future__ import annotations

import dataclasses
import hashlib
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cliptrace.models.backbones.background import Background
from cliptrace.models.backbones.registry import Embedder
from cliptrace.models.borders import cropped, find_borders
from cliptrace.models.descriptor.codec import recompressed
from cliptrace.models.descriptor.edits import edited, squeezed
from cliptrace.models.descriptor.export import BACKGROUND_SIZE, blanks
from cliptrace.models.footage import SHORT_SIDE, files_below, is_video, read_video
from cliptrace.models.ssan import boilerplate
from cliptrace.models.thumbs import THUMB_SIZE, thumbs
from cliptrace.schemas.config import BASIS_FPS, TILE_S, BackboneConfig

_TILE = round(BASIS_FPS * TILE_S)
_RECOMPRESSED_SHARE = 0.5
_THREADS = 2
_BOILERPLATE, _BOILERPLATE_VARIANTS = 32, 6
NO_SCENE = -1
"""The scene of boilerplate."""
_Content = tuple[NDArray[np.uint8], NDArray[np.float16]]
"""thumbs and embeddings of a clip."""


@dataclasses.dataclass(frozen=True, slots=True)
class Clip:
    """One video at BASIS_FPS in V variants; variant 0 is the video as it is.

    scene: clips of one folder share a number, since they may show the same place.
    thumbs: uint8[V, N, 32, 32, 3]. embeddings: float16[V, N, D], rows of unit L2 norm. bias: float32[V, N], what score
    normalisation takes off a query's similarities (models/backbones/background.py); 0 for a backbone without it.
    """

    scene: int
    thumbs: NDArray[np.uint8]
    embeddings: NDArray[np.float16]
    bias: NDArray[np.float32]

    def __len__(self) -> int:
        return int(self.thumbs.shape[1])


def load_clips(
    folders: Sequence[Path], backbone: BackboneConfig, cache: Path, variants: int, seed: int
) -> tuple[list[Clip], list[Clip]]:
    """All videos below the folders, and boilerplate (boilerplate.py).

    cache: where what was made before is found again, one file a video. variants: of each video.
    """
    paths = [path for path in files_below(folders) if is_video(path)]
    embedder = Embedder.open(backbone)
    made_by = hashlib.sha256(f"{backbone} {variants} {seed} {paths}".encode()).hexdigest()[:16]
    cache.mkdir(parents=True, exist_ok=True)

    def load(number: int) -> _Content:
        file = cache / f"{made_by}-{number:05}.npz"
        if not file.is_file():
            if number < len(paths):
                frames, behind = (read_video(paths[at], BASIS_FPS) for at in (number, (number + 1 + seed) % len(paths)))
                small, embeddings = _variants(frames, behind, embedder, variants, [seed, number])
            else:
                frames = boilerplate.draw(np.random.default_rng([seed, number]))
                small, embeddings = _variants(frames, frames, embedder, _BOILERPLATE_VARIANTS, [seed, number])
            partial = file.with_suffix(".part.npz")
            np.savez(partial, thumbs=small, embeddings=embeddings)
            partial.rename(file)
            print(f"{file.name}: {len(frames)} frames in {len(small)} variants", file=sys.stderr)
        with np.load(file) as kept:
            return kept["thumbs"], kept["embeddings"]

    with ThreadPoolExecutor(_THREADS) as pool:
        content = list(pool.map(load, range(len(paths) + _BOILERPLATE)))
    folders_of = [str(path.parent) for path in paths]
    scenes = [sorted(set(folders_of)).index(folder) for folder in folders_of] + [NO_SCENE] * _BOILERPLATE
    biases = _biases(content, scenes, embedder, seed)
    clips = [Clip(scene, *each, bias) for scene, each, bias in zip(scenes, content, biases, strict=True)]
    return clips[: len(paths)], clips[len(paths) :]


def _variants(
    frames: NDArray[np.uint8], behind: NDArray[np.uint8], embedder: Embedder, variants: int, seed: Sequence[int]
) -> _Content:
    small = np.empty((variants, len(frames), THUMB_SIZE, THUMB_SIZE, 3), np.uint8)
    embeddings = np.empty((variants, len(frames), embedder.config.dimension), np.float16)
    for variant in range(variants):
        for start in range(0, len(frames), _TILE):
            part = slice(start, start + _TILE)
            shown = _edited(frames, behind, part, [*seed, variant]) if variant else frames[part]
            squares = np.stack([squeezed(frame, embedder.config.input_size) for frame in shown])
            small[variant, part] = thumbs(squares)
            if embedder.config.crop_borders:
                squares = cropped(squares, find_borders(squares, small[variant, part]))
            embeddings[variant, part] = embedder.embed(squares)
    return small, embeddings


def _edited(
    frames: NDArray[np.uint8], behind: NDArray[np.uint8], part: slice, seed: Sequence[int]
) -> NDArray[np.uint8]:
    """One recipe for all frames: each is edited with a generator that starts from the same seed."""
    copies = [
        squeezed(edited(frame, behind[index % len(behind)], np.random.default_rng(seed))[0], SHORT_SIDE)
        for index, frame in enumerate(frames[part], part.start)
    ]
    random = np.random.default_rng([*seed, 1])
    stacked = np.stack(copies)
    return recompressed(stacked, random) if random.random() < _RECOMPRESSED_SHARE else stacked


def _biases(
    content: Sequence[_Content], scenes: Sequence[int], embedder: Embedder, seed: int
) -> list[NDArray[np.float32]]:
    """What a background takes off. It is made of the other scenes: the backbone's own may hold these very clips."""
    if not embedder.config.background:
        return [np.zeros(embeddings.shape[:2], np.float32) for _, embeddings in content]
    random = np.random.default_rng(seed)
    blank = embedder.embed(blanks(embedder.config.input_size))
    backgrounds = {}
    for scene in set(scenes):
        others = [each[0] for (_, each), its in zip(content, scenes, strict=True) if its not in (scene, NO_SCENE)]
        frames = np.concatenate([blank[:0], *others]).astype(np.float32)
        chosen = frames[random.permutation(len(frames))[:BACKGROUND_SIZE]]
        backgrounds[scene] = Background(np.concatenate([chosen, blank]))
    return [backgrounds[scene].bias(each) for scene, (_, each) in zip(scenes, content, strict=True)]
