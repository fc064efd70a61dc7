"""The videos of all splits as regions and embeddings, made by the product's own code and kept between runs."""

from __future__ import annotations

import dataclasses
from pathlib import Path

from benchmarks.attacks.splits import Split
from benchmarks.star_gnn.footage import find_videos
from cliptrace.models.backbones.whitening import Whitening
from cliptrace.models.star_gnn.clips import Clip, load_clips
from cliptrace.models.star_gnn.config import LatticeFootage
from cliptrace.schemas.config import BackboneConfig


@dataclasses.dataclass(frozen=True, slots=True)
class Clips:
    """By split; distractors: videos that no query is of. projection: what makes nodes of regions, from train alone."""

    train: list[Clip]
    validation: list[Clip]
    test: list[Clip]
    distractors: list[Clip]
    projection: Whitening


def load(backbone: BackboneConfig, cache: Path, config: LatticeFootage) -> Clips:
    """cache: where features are found again."""
    videos = find_videos()

    def of(split: Split, distractors: bool = False) -> list[Path]:
        return [video.path for video in videos if video.split == split and video.distractor == distractors]

    train, projection = load_clips(of("train"), backbone, cache, config, 0)
    validation, test = (
        load_clips(of(split), backbone, cache, config, 0, projection)[0] for split in ("validation", "test")
    )
    once = dataclasses.replace(config, variants=1)
    others, _ = load_clips(of("test", distractors=True), backbone, cache, once, 0, projection)
    return Clips(train, validation, test, others, projection)
