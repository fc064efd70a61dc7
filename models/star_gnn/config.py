"""All that decides what STAR-GNN learns: footage, pairs of copies, the lattice, the network, training."""

from __future__ import annotations

import dataclasses
from typing import Literal, get_args

from cliptrace.models.training.config import EDITS, EditsConfig, Training

Convolution = Literal["gcn", "cluster_gcn", "sgcn"]
CONVOLUTIONS: tuple[Convolution, ...] = get_args(Convolution)
Aggregation = Literal["mean", "max"]
Loss = Literal["triplet", "contrastive"]


@dataclasses.dataclass(frozen=True, kw_only=True)
class LatticeFootage:
    """How footage is edited and its regions are embedded, once.

    per_second: frames; longest_s: of a video that are used. variants: of each video, as it is and edited.
    recompressed: share of the edited ones that go through a codec. dimension: of a region, where the backbone projects
    nothing itself. centred_every: frames between two that the regions' mean is made of.
    """

    per_second: float = 2.0
    longest_s: float = 60.0
    variants: int = 6
    recompressed: float = 0.5
    dimension: int = 256
    centred_every: int = 2
    edits: EditsConfig = EDITS


@dataclasses.dataclass(frozen=True, kw_only=True)
class CopiesConfig:
    """How two copies of one video are cut from it.

    least: share of the video that a copy keeps at least, in one piece. dropped: of its frames that may be missing.
    frames: of a copy at most. same_scene: share of a batch's videos that have a neighbour from the same folder in it,
    the hardest negatives. twin_alike, twin_share: videos of which so many frames have a similarity of so much share
    footage, and are no negatives of each other. natural: share of second copies that are another video of the
    footage, where that has a copy. in_step: correlation of what changes, frame by frame, from which on two videos are
    copies; fewest: frames that must lie side by side for that, and ``least`` of the shorter video.
    """

    least: float = 0.5
    dropped: float = 0.5
    frames: int = 16
    same_scene: float = 0.5
    twin_alike: float = 0.9
    twin_share: float = 0.1
    natural: float = 0.5
    in_step: float = 0.8
    fewest: int = 6


@dataclasses.dataclass(frozen=True, kw_only=True)
class StarGNNTraining(Training):
    """STAR-GNN. rate: of learning, at its highest. videos: of a batch, two copies of each.

    convolution, aggregation: of the lattice (§3.3). weighted: whether edges have cosine weights (§4.3.3). scales: of
    the regions that are nodes, in squares a side (table 2). width: numbers of a video's vector. margin: of the triplet
    loss, λ of §4.1. apart: distance that the contrastive loss wants between two videos. share: of the training videos.
    """

    steps: int = 150
    warm_up: int = 20
    weight_decay: float = 1e-4
    averaging: float = 0.98
    longest_gradient: float = 5.0
    rate: float = 1e-3
    videos: int = 32
    convolution: Convolution = "sgcn"
    aggregation: Aggregation = "mean"
    loss: Loss = "triplet"
    weighted: bool = True
    scales: tuple[int, ...] = (1, 2, 3)
    width: int = 256
    margin: float = 0.5
    apart: float = 1.0
    share: float = 1.0
    footage: LatticeFootage = LatticeFootage()
    copies: CopiesConfig = CopiesConfig()
