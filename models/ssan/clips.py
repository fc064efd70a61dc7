"""Footage as SSAN is trained on it: every clip once as it is and several times edited, as thumbs and embeddings."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cliptrace.models.backbones.background import Background, blanks
from cliptrace.models.backbones.registry import Embedder
from cliptrace.models.ssan import boilerplate
from cliptrace.models.ssan.config import FootageConfig
from cliptrace.models.training.footage import files_below, is_video, read_video
from cliptrace.models.training.variants import Features, frame_features, in_variants, kept
from cliptrace.schemas.config import BASIS_FPS, BackboneConfig

NO_SCENE = -1
"""The scene of boilerplate."""


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
    folders: Sequence[Path], backbone: BackboneConfig, cache: Path, config: FootageConfig, seed: int
) -> tuple[list[Clip], list[Clip]]:
    """All videos below the folders, and boilerplate (boilerplate.py).

    cache: where what was made before is found again, one file a video.
    """
    paths = [path for path in files_below(folders) if is_video(path)]
    embedder = Embedder.open(backbone)

    def make(number: int) -> Features:
        if number < len(paths):
            frames, behind = (read_video(paths[at], BASIS_FPS) for at in (number, (number + 1 + seed) % len(paths)))
            variants = config.variants
        else:
            frames = behind = boilerplate.draw(np.random.default_rng([seed, number]))
            variants = config.boilerplate_variants
        recipe = variants, config.recompressed, config.edits, [seed, number]
        return in_variants(frames, behind, lambda tile: frame_features(tile, embedder), *recipe)

    content = kept(cache, f"{backbone} {config} {seed} {paths}", len(paths) + config.boilerplate, make)
    folders_of = [str(path.parent) for path in paths]
    scenes = [sorted(set(folders_of)).index(folder) for folder in folders_of] + [NO_SCENE] * config.boilerplate
    embeddings = [each["embeddings"] for each in content]
    biases = _biases(embeddings, scenes, embedder, config.background, seed)
    clips = [Clip(scene, **each, bias=bias) for scene, each, bias in zip(scenes, content, biases, strict=True)]
    return clips[: len(paths)], clips[len(paths) :]


def _biases(
    embeddings: Sequence[NDArray[np.float16]], scenes: Sequence[int], embedder: Embedder, size: int, seed: int
) -> list[NDArray[np.float32]]:
    """What a background takes off. It is made of the other scenes: the backbone's own may hold these very clips."""
    if not embedder.config.background:
        return [np.zeros(each.shape[:2], np.float32) for each in embeddings]
    random = np.random.default_rng(seed)
    blank = embedder.embed(blanks(embedder.config.input_size))
    backgrounds = {}
    for scene in set(scenes):
        others = [each[0] for each, its in zip(embeddings, scenes, strict=True) if its not in (scene, NO_SCENE)]
        frames = np.concatenate([blank[:0], *others]).astype(np.float32)
        chosen = frames[random.permutation(len(frames))[:size]]
        backgrounds[scene] = Background(np.concatenate([chosen, blank]))
    return [backgrounds[scene].bias(each) for scene, each in zip(scenes, embeddings, strict=True)]
