"""Which regions of a video's frames its vector is made of, as a picture."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cliptrace.models.backbones.registry import Embedder, load_config
from cliptrace.models.borders import cropped, find_borders
from cliptrace.models.keyframes import make_selector
from cliptrace.models.star_gnn.attention import attention, heat
from cliptrace.models.star_gnn.inference import open_star_gnn
from cliptrace.models.star_gnn.strip import draw
from cliptrace.models.stoplist import is_uniform
from cliptrace.models.thumbs import thumbs
from cliptrace.schemas.config import BASIS_FPS, DEFAULT_BACKBONE, DEFAULT_KEYFRAMES, TILE_S, Limits
from cliptrace.schemas.errors import CliptraceError, MediaError, UsageError
from cliptrace.transforms.media.decode import Decoder
from cliptrace.transforms.media.probe import probe

_MOST, _CELLS = 10, 12
"""Frames of a picture, and cells a side that show where a region is."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class ExplainOptions:
    """video: a local file. output: the PNG. weights: STAR-GNN's that ship by their name, or a folder."""

    video: str
    output: str
    weights: str = "star_gnn"


@dataclasses.dataclass(frozen=True, slots=True)
class ExplainReport:
    """keyframes: of the first tile of the video that show more than one colour; shown: of them, in the picture."""

    keyframes: int
    shown: int


def run(options: ExplainOptions) -> ExplainReport:
    """UsageError for an output that cannot be written; CliptraceError, with the file's name, for a broken video."""
    backbone = load_config(DEFAULT_BACKBONE)
    network = open_star_gnn(options.weights)
    if network.backbone_sha256 != backbone.sha256:
        raise UsageError(
            f"{options.weights}: was trained on another backbone than {backbone.name}; train it on this one"
        )
    embedder = Embedder.open(backbone)
    try:
        seconds, frames = first_keyframes(options.video, embedder)
    except MediaError as error:
        raise CliptraceError(f"{options.video}: {error}") from error
    _, regions = embedder.embed_with_regions(frames)
    ours, plain = attention(network, network.of_regions(regions))
    shown = np.unique(np.linspace(0, len(frames) - 1, min(_MOST, len(frames))).round().astype(int))
    rows = {
        name: heat(weights[shown], network.scales, _CELLS) for name, weights in (("pooling", plain), ("STAR-GNN", ours))
    }
    try:
        Path(options.output).write_bytes(draw(frames[shown], seconds[shown], rows))
    except OSError as error:
        raise UsageError(f"{options.output}: cannot write: {error.strerror}") from error
    return ExplainReport(len(frames), len(shown))


def first_keyframes(video: str, embedder: Embedder) -> tuple[NDArray[np.float64], NDArray[np.uint8]]:
    """Seconds float64[K] and frames uint8[K, S, S, 3] that are embedded of the first tile, K at least 1. MediaError."""
    limits = Limits()
    with Decoder(video, probe(video, limits), limits, end_s=TILE_S, size=embedder.config.input_size) as decoder:
        tile = next(iter(decoder))
        small = thumbs(tile.frames)
        positions, _ = make_selector(DEFAULT_KEYFRAMES, BASIS_FPS)(small)
        positions = positions[~is_uniform(small[positions])]
        if not len(positions):
            raise MediaError(f"shows nothing but one colour in its first {TILE_S:.0f} s")
        frames = tile.frames[positions]
        if embedder.config.crop_borders:
            frames = cropped(frames, find_borders(tile.frames, small)[positions])
        return tile.times[positions], frames
