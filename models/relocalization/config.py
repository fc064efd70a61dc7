"""All that decides what a locator learns: how videos are composed, proposals, the networks, training."""

from __future__ import annotations

import dataclasses
from typing import Literal, get_args

from cliptrace.models.training.config import Training

Fusion = Literal["graph", "product", "attention", "none"]
FUSIONS: tuple[Fusion, ...] = get_args(Fusion)
DIMENSION = 500
"""Of clip features (§5.2.2)."""
Range = tuple[float, float]
"""From, to: drawn evenly."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Layout:
    """Of one data set, every twentieth of: seconds of a moment, and of what lies before, between and after; and how
    many videos have 1, 2, 3 … moments."""

    lengths_s: tuple[float, ...]
    gaps_s: tuple[float, ...]
    counts: tuple[float, ...]


ACTIVITYNET = Layout(
    lengths_s=(
        *(1.6, 3.1, 4.4, 5.8, 7.6, 9.6, 12.1, 15.3, 19.1, 23.7),
        *(29.7, 36.5, 45.1, 54.9, 66.7, 81.1, 100.3, 122.7, 152.0, 190.2),
    ),
    gaps_s=(
        *(0.0, 0.0, 0.2, 0.5, 1.7, 2.9, 4.1, 5.3, 6.6, 8.0),
        *(9.6, 11.4, 13.5, 16.1, 19.4, 23.6, 29.0, 37.2, 51.5, 85.7),
    ),
    counts=(0.755, 0.13, 0.048, 0.028, 0.039),
)
"""Of 14,377 videos of version 1.3."""
THUMOS14 = Layout(
    lengths_s=(
        *(0.7, 1.0, 1.2, 1.4, 1.6, 1.8, 2.0, 2.3, 2.6, 3.0),
        *(3.4, 3.9, 4.5, 5.3, 5.9, 6.5, 7.4, 8.3, 10.3, 14.1),
    ),
    gaps_s=(
        *(0.0, 0.0, 0.2, 0.5, 0.7, 1.0, 1.4, 1.8, 2.2, 2.7),
        *(3.4, 4.3, 5.3, 6.7, 8.6, 11.0, 13.9, 18.1, 26.5, 48.5),
    ),
    counts=(0.061, 0.08, 0.08, 0.07, 0.709),
)
"""Of its 213 test videos."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Composition:
    """How an untrimmed video is put together from clips (compose.py). Numbers below 1 are shares, unless they are said
    to be else.

    layouts: each as often as the other. most: moments of a video. longest_s: of a reference. query_s: of a query.
    shortest_s: of a moment. joined: moments of several pieces of the same label, up to ``pieces``. other: pieces of
    the gaps in which something else happens that has a label. piece_s: of a gap. scenes: examples in which another
    piece of the same unlabelled clip is looked for. longest_gap_s: before, between and after moments. wear: noise that
    features get, by length.
    """

    layouts: tuple[Layout, ...] = (ACTIVITYNET, THUMOS14)
    most: int = 5
    longest_s: float = 120.0
    query_s: Range = (1.5, 12.0)
    shortest_s: float = 1.0
    joined: float = 0.25
    pieces: int = 3
    other: float = 0.4
    piece_s: Range = (1.5, 10.0)
    scenes: float = 0.5
    longest_gap_s: float = 40.0
    wear: Range = (0.0, 0.4)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Proposing:
    """Temporal actionness grouping (Zhao et al., ICCV 2017, §4.2), and how the classifier learns.

    floods: thresholds of actionness, below 1. tolerances: shares of a group that must be action. most_alike: tIoU above
    which two proposals are one. most: proposals of a reference. longest: steps that basins are joined to. width: of the
    classifier.
    """

    floods: tuple[float, ...] = (0.1, 0.3, 0.5, 0.7, 0.9)
    tolerances: tuple[float, ...] = (0.95, 0.75, 0.55)
    most_alike: float = 0.85
    most: int = 100
    longest: int = 400
    width: int = 64


@dataclasses.dataclass(frozen=True, kw_only=True)
class _Locating(Training):
    """What all trainings of this room have in common. batch: examples. rate: of learning, at its highest."""

    steps: int = 600
    warm_up: int = 100
    weight_decay: float = 1e-3
    averaging: float = 0.99
    longest_gradient: float = 5.0
    batch: int = 16
    rate: float = 1e-3
    composition: Composition = Composition()


@dataclasses.dataclass(frozen=True, kw_only=True)
class GraphTraining(_Locating):
    """The multi-graph model; the defaults are the paper's. length: T, steps of a query and of a proposal. width: of all
    layers. layers: L. scales: the k of each graph. fusion: what joins the nodes; "graph" is the paper's, "none" its
    CNN. shared: whether one LSTM reads query and proposals; the paper has an LSTM each. masked: whether padding takes
    part in nothing. regression: whether the best proposal is refined. margin: γ. ridge: λ. box_rate: of learning to
    refine. proposing: where proposals come from.
    """

    length: int = 40
    width: int = 128
    layers: int = 2
    scales: tuple[int, ...] = (1, 2, 3)
    fusion: Fusion = "graph"
    shared: bool = False
    masked: bool = True
    regression: bool = True
    margin: float = 0.5
    ridge: float = 1e-5
    dropout: float = 0.2
    box_rate: float = 3e-3
    proposing: Proposing = Proposing()


@dataclasses.dataclass(frozen=True, kw_only=True)
class AnchorFreeTraining(_Locating):
    """The anchor-free locator. width: of its layers. dilations: of the convolutions along the reference. absent: share
    of the references that hold no moment. box_weight: of how well a moment is bounded, beside whether it is one.
    rarest: logit of an untrained network."""

    width: int = 64
    dilations: tuple[int, ...] = (1, 2, 4, 8, 1)
    dropout: float = 0.2
    absent: float = 0.3
    box_weight: float = 1.0
    rarest: float = -2.0


@dataclasses.dataclass(frozen=True, kw_only=True)
class MapTraining(_Locating):
    """The detector on the semantic map: SPD's network, with other features and other labels. projected: dimensions in
    which query and reference are compared, learned with it. absent: as of the anchor-free locator."""

    absent: float = 0.3
    rate: float = 2e-3
    projected: int = 128
