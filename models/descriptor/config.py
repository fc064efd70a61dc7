"""All that decides what the copy descriptor learns, and how what was learned is made a backbone."""

from __future__ import annotations

import dataclasses

from cliptrace.models.training.config import EDITS, EditsConfig, Training


@dataclasses.dataclass(frozen=True, kw_only=True)
class DescriptorTraining(Training):
    """The network and its training; examples; the export.

    start: the backbone whose weights the trunk begins with. first_trained: the layer from which on it learns, "" for
    all, "none" for none. trunk_rate, head_rate: of learning, at their highest. projected: dimension of the projection
    while it is trained. temperature, entropy_weight, anchor_weight: of the losses (losses.py). same_picture: two
    pictures whose frozen embeddings are this similar may show the same thing and are never a negative pair; nor are two
    moments of a video less than ``same_moment_s`` apart.

    pictures: of a batch, each as it is and in ``copies`` edited ones. sizes: input sides, one drawn a batch.
    per_second: pictures of a video. recompressed: share of the copies that go through a codec, at ``codec_size``
    squared. grouped: share of a batch that comes in groups of ``group`` moments of one video, the hardest negatives.

    input_size, dimension: of the backbone. edited_every: of the pictures, so many go into the first whitening as an
    edited copy as well. shrinkage: of both whitenings. background: pictures whose embeddings normalise scores.
    calibration: pictures whose activations say how the 8 bits of the int8 graph are spread. min_similarity, min_score:
    what benchmarks.alignment.thresholds chose for copy_lite0, rounded; each training has a scale of its own
    (docs/backbones.md).
    """

    steps: int = 2000
    warm_up: int = 100
    weight_decay: float = 0.0
    averaging: float = 0.995
    longest_gradient: float = 1.0
    start: str = "efficientnet_lite0"
    first_trained: str = "block1_expand"
    trunk_rate: float = 2e-4
    head_rate: float = 2e-3
    projected: int = 512
    temperature: float = 0.05
    entropy_weight: float = 5.0
    anchor_weight: float = 5.0
    same_picture: float = 0.85
    same_moment_s: float = 1.5

    pictures: int = 32
    copies: int = 2
    sizes: tuple[int, ...] = (160, 160, 192)
    per_second: int = 4
    recompressed: float = 0.5
    codec_size: int = 256
    grouped: float = 0.35
    group: int = 4
    edits: EditsConfig = EDITS

    input_size: int = 192
    dimension: int = 256
    edited_every: int = 3
    shrinkage: float = 0.5
    background: int = 2000
    calibration: int = 200
    min_similarity: float = 0.2
    min_score: float = 0.15
