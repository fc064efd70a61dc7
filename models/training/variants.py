"""Footage edited, encoded and embedded once, as it is and several times as people change it; kept on disk.

What is done in pixels costs minutes a video. What is done in time (cuts, speed, direction, gaps) costs nothing on
embeddings, so a method draws that anew for every example.
"""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cliptrace.models.backbones.registry import Embedder
from cliptrace.models.borders import cropped, find_borders
from cliptrace.models.thumbs import thumbs
from cliptrace.models.training.codec import recompressed
from cliptrace.models.training.config import EditsConfig
from cliptrace.models.training.edits import edited, squeezed
from cliptrace.models.training.footage import SHORT_SIDE
from cliptrace.schemas.config import BASIS_FPS, TILE_S

Frames = NDArray[np.uint8]
Features = dict[str, NDArray[Any]]
"""By name: of frames, regions, shots or clips, whatever a method is trained on; the first axis is time."""
_TILE = round(BASIS_FPS * TILE_S)
_THREADS = 2


def frame_features(frames: Frames, embedder: Embedder) -> Features:
    """uint8[N, H, W, 3], RGB, of one tile → thumbs uint8[N, 32, 32, 3] and embeddings float16[N, D], as a gallery has
    them."""
    squares = np.stack([squeezed(frame, embedder.config.input_size) for frame in frames])
    small = thumbs(squares)
    if embedder.config.crop_borders:
        squares = cropped(squares, find_borders(squares, small))
    return {"thumbs": small, "embeddings": embedder.embed(squares).astype(np.float16)}


def in_variants(
    frames: Frames,
    behind: Frames,
    features: Callable[[Frames], Features],
    variants: int,
    recompressed_share: float,
    edits: EditsConfig,
    seed: Sequence[int],
) -> Features:
    """Features of a video at BASIS_FPS, [V, N, …] each; variant 0 is the video as it is, every other one has a recipe.

    frames: uint8[N, H, W, 3], RGB; behind: other footage, for edits that add some. features: of a tile's frames.
    recompressed_share: of the edited tiles, which go through a codec as well.
    """

    def shown(variant: int, part: slice) -> Frames:
        if not variant:
            return frames[part]
        recipe = [*seed, variant]  # one for all frames: each is edited with a generator that starts from the same seed
        copies = [
            squeezed(edited(frame, behind[at % len(behind)], np.random.default_rng(recipe), edits)[0], SHORT_SIDE)
            for at, frame in enumerate(frames[part], part.start)
        ]
        random = np.random.default_rng([*recipe, 1])
        stacked = np.stack(copies)
        return recompressed(stacked, random, edits) if random.random() < recompressed_share else stacked

    tiles = [slice(start, start + _TILE) for start in range(0, len(frames), _TILE)]
    made = [[features(shown(variant, part)) for part in tiles] for variant in range(variants)]
    names = made[0][0]
    return {name: np.stack([np.concatenate([part[name] for part in each]) for each in made]) for name in names}


def kept(cache: Path, made_by: str, count: int, make: Callable[[int], Features]) -> list[Features]:
    """What ``make`` makes of the numbers below ``count``, each in a file of ``cache`` that is found again.

    made_by: all that the features depend on; where it is another text, they are made anew.
    """
    digest = hashlib.sha256(made_by.encode()).hexdigest()[:16]
    cache.mkdir(parents=True, exist_ok=True)

    def load(number: int) -> Features:
        file = cache / f"{digest}-{number:05}.npz"
        if not file.is_file():
            made = make(number)
            partial = file.with_suffix(".part.npz")
            np.savez(partial, **made)  # type: ignore[arg-type]  # for all mypy knows, one is named allow_pickle
            partial.rename(file)
            variants, length, *_ = next(iter(made.values())).shape
            print(f"{file.name}: {length} frames in {variants} variants", file=sys.stderr)
        with np.load(file) as content:
            return {name: content[name] for name in content.files}

    with ThreadPoolExecutor(_THREADS) as pool:
        return list(pool.map(load, range(count)))
