"""All that decides what SKE and SPD learn: footage, pairs cut together from it, maps, teacher, networks, training.

What stands beside the code instead is geometry that inference shares (grid.py, detect.py, tiles.py), and how
boilerplate is drawn (boilerplate.py).
"""

from __future__ import annotations

import dataclasses

from cliptrace.models.training.config import EDITS, EditsConfig, Training

Range = tuple[float, float]
"""From, to: drawn evenly."""
Shares = tuple[tuple[float, float], ...]
"""What → how often."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class FootageConfig:
    """How footage is edited and embedded, once (clips.py).

    variants: of each video, as it is and edited. recompressed: share of the edited ones that go through a codec.
    boilerplate: pieces of it, and variants of each. background: embeddings of other scenes that scores are normalised
    with.
    """

    variants: int = 16
    recompressed: float = 0.5
    boilerplate: int = 32
    boilerplate_variants: int = 6
    background: int = 2000
    edits: EditsConfig = EDITS


@dataclasses.dataclass(frozen=True, kw_only=True)
class PairsConfig:
    """How a pair of videos is cut together (pairs.py); numbers below 1 are shares unless they are said to be else.

    lengths_s: every twentieth of the lengths of copied segments, in VCDB (8,708 of them) and in VSC22 train (2,707).
    counts: of the pairs with 1, 2, 3 and 4 or more segments, in VCDB. speeds: every twentieth of those in VSC22 train.
    """

    lengths_s: tuple[tuple[float, ...], ...] = (
        (1, 3, 4, 5, 7, 8, 9, 10, 11, 14, 14, 18, 24, 37, 43, 68, 92, 138, 154, 209),
        (2.2, 4.7, 5.4, 5.9, 6.3, 6.8, 7.2, 7.8, 8.3, 9.1, 9.8, 10.6, 11.5, 12.4, 13.5, 14.7, 16.3, 18.2, 21.3, 28),
    )
    counts: tuple[float, ...] = (0.75, 0.12, 0.05, 0.08)
    speeds: tuple[float, ...] = (
        *(0.6, 0.67, 0.75, 0.82, 0.89, 0.98, 1, 1, 1, 1, 1, 1, 1, 1, 1.05, 1.13, 1.2, 1.28, 1.37, 1.44, 1.5),
    )
    shortest_s: float = 1.5
    """Of a copy, in either video."""
    long_s: float = 20.0
    long: float = 0.3
    long_share: Range = (0.3, 1.0)
    """Where there is room for a copy of ``long_s``, one may take this much of it: the annotated lengths seldom do."""
    filled: Range = (0.3, 1.0)
    """How much of the room a video takes."""
    as_it_is: float = 0.3
    """Copies that may be unedited, too."""
    other_speed: float = 0.35
    any_speed: float = 0.12
    any_speed_range: Range = (-0.8, 0.8)
    """Copies at a speed of VSC22's, and at any; of that the logarithm."""
    backward: float = 0.12
    held: float = 0.1
    held_frames: tuple[int, int] = (2, 9)
    """Copies that show each frame several times; at least, and less than."""
    other_place: float = 0.9
    """Copies that are left out where they are of seconds which an earlier one has shown."""
    gap_s: Range = (0.0, 6.0)
    hard: float = 0.3
    """Gaps with other footage of the reference's places."""
    gaps_edited: float = 0.5
    distractors_edited: float = 0.5
    """Gaps edited as the copies beside them; videos without a copy that are edited."""
    all_copied: float = 0.5
    end_copied: float = 0.8
    """Queries that may begin and end with their copies, and either end of those that does."""
    one_shot: float = 0.4
    """References of one clip, most of them still: where something is copied from is hard to see."""
    longer_first: float = 0.5
    """Exponent of a clip's length in how often it is drawn for the others."""
    reference_edited: float = 0.15
    shared: float = 0.25
    shared_s: Range = (1.0, 6.0)
    shared_first: float = 0.5
    """Pairs that share boilerplate, how much of it, and how often it comes first in a video."""
    video_shared: float = 0.2
    video_edited: float = 0.8
    """Of single videos: with boilerplate, edited."""
    twin_alike: float = 0.9
    twin_share: float = 0.1
    """Clips of which so many frames have a similarity of so much share footage: one never fills a gap beside the
    other."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class MapsConfig:
    """How a similarity map is made of a pair (examples.py)."""

    sides: tuple[tuple[int, float, int], ...] = ((64, 0.4, 32), (128, 0.35, 12), (256, 0.17, 4), (512, 0.08, 1))
    """Side of a batch's maps in pixels, how often, and maps a batch."""
    coarser: tuple[tuple[float, ...], ...] = ((1.0,), (1.0, 1.0, 2.0), (1.0, 1.0, 2.0, 4.0), (1.0, 2.0, 4.0))
    """Of each side: how many times PIXEL_S a pixel may be, as in the maps of long videos."""
    mosaic: float = 0.4
    mosaic_side: int = 128
    """Maps of four others, and the smallest that may be one."""
    copied: float = 0.45
    """Of the maps; the others hold no copy. Of what a search brings, far fewer do."""
    attempts: int = 4
    """For a map whose copies can be seen; and among so many distractors the most alike are taken."""
    brightest: float = 0.98
    """Quantile of a map's pixels that says how alike distractors are."""
    visible: float = 0.1
    """Similarity along a copy's line below which nobody could find it."""
    smallest: float = 1.0
    """Pixels of a copy on either side, below which it is none."""
    rates: Shares = ((0.5, 0.05), (1.0, 0.25), (1.5, 0.15), (2.0, 0.3), (4.0, 0.15), (8.0, 0.1))
    """Keyframes a second of the reference, about."""
    denser: Shares = ((1.0, 0.4), (2.0, 0.1), (4.0, 0.2), (8.0, 0.3))
    """How many times as many the query has: nobody stores those."""
    densest: float = 4.0
    """Keyframes a pixel, at most."""
    uniform: float = 0.7
    uneven: float = 0.25
    """Videos with evenly spaced keyframes, and by which share there may be fewer or more; others' are by content."""
    content_threshold: Range = (-4.0, -2.3)
    content_gap: float = 2.0
    """Of keyframes by content: logarithm of the threshold, and longest gap in keyframes of the rate."""
    fewer_dimensions: float = 0.5
    kept_dimensions: Range = (0.2, 1.0)
    """Maps as a smaller descriptor has them, and how much of the embeddings that sees."""
    worn: float = 0.5
    wear: Range = (0.0, 0.9)
    reference_wear: Range = (0.0, 0.3)
    """Maps of worn embeddings, noise by length of the query's, and how much of that the reference's have."""
    rescaled: float = 0.5
    scale: Range = (0.8, 1.2)
    shift: Range = (-0.1, 0.2)
    """Maps as other backbones have them, or none that normalises."""
    hits: float = 0.2
    hit_threshold: Range = (0.05, 0.25)
    """Maps that hold only what a search would hit."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class TeacherConfig:
    """What a frame must be to become a keyframe (teacher.py).

    price: what a keyframe costs; a frame that its keyframe resembles with cosine s costs 1 - s. limit_s: longest
    stretch with one keyframe. dark, flat, blurred: levels of 255; mean luma, its standard deviation, and that of its
    Laplacian, below which a thumb says little. poor: what it costs more to take such a frame.
    """

    price: float = 0.3
    limit_s: float = 3.0
    dark: float = 16.0
    flat: float = 6.0
    blurred: float = 2.0
    poor: float = 4.0


@dataclasses.dataclass(frozen=True, kw_only=True)
class _SSAN(Training):
    """What all three trainings have in common. rate: of learning, at its highest."""

    rate: float
    warm_up: int = 200
    weight_decay: float = 0.02
    averaging: float = 0.998
    longest_gradient: float = 5.0


@dataclasses.dataclass(frozen=True, kw_only=True)
class SKETraining(_SSAN):
    """SKE. tiles: of a batch; filled: how much of a tile is no padding.

    widths: channels of the network's layers. context: layers that compare blocks with others. reach: frames that such
    a layer sees along the sequence. rarest: logit of an untrained network.
    """

    steps: int = 1500
    rate: float = 2e-3
    tiles: int = 4
    filled: Range = (0.3, 1.0)
    widths: tuple[int, ...] = (16, 32, 48, 64)
    context: int = 3
    reach: int = 9
    rarest: float = -1.5
    teacher: TeacherConfig = TeacherConfig()
    footage: FootageConfig = FootageConfig()
    pairs: PairsConfig = PairsConfig()


@dataclasses.dataclass(frozen=True, kw_only=True)
class SPDTraining(_SSAN):
    """SPD. widths: channels of its five grids; neck: of what they have in common. sharpness: how fast a pair fades that
    is not the best of its row and column. quiet: similarity; what varies less is noise. most: deviations from the mean,
    beyond which they make no difference. rarest: logit that an untrained network gives every cell: nearly all hold
    nothing. sizes: longer sides in pixels of the copies that each grid is responsible for. on_line, near_line: in
    cells, across the line; what lies on it must be found, what lies near it may be. box_weight: of GIoU beside BCE.
    """

    steps: int = 6000
    rate: float = 2e-3
    widths: tuple[int, ...] = (24, 48, 64, 96, 128)
    neck: int = 32
    sharpness: float = 20.0
    quiet: float = 0.03
    most: float = 4.0
    rarest: float = -4.0
    sizes: tuple[Range, ...] = ((0.0, 14.0), (10.0, 36.0), (28.0, 84.0), (68.0, 180.0), (150.0, 1e9))
    on_line: float = 0.75
    near_line: float = 1.75
    box_weight: float = 2.0
    maps: MapsConfig = MapsConfig()
    footage: FootageConfig = FootageConfig()
    pairs: PairsConfig = PairsConfig()


@dataclasses.dataclass(frozen=True, kw_only=True)
class SSANTraining(_SSAN):
    """Both, each for itself as ``ske`` and ``spd`` say but for their seed, and then together for ``steps``.

    pairs: of a batch. reach: basis frames; how far a keyframe speaks for its neighbours, as a deviation. sharpness: of
    the choice between keyframes. dense_queries: share of the pairs whose query has all of its basis frames. ValueError
    where the two do not learn from the same videos.
    """

    steps: int = 800
    rate: float = 4e-4
    pairs: int = 2
    reach: float = 4.0
    sharpness: float = 2.0
    dense_queries: float = 0.5
    ske: SKETraining = SKETraining()
    spd: SPDTraining = SPDTraining()

    def __post_init__(self) -> None:
        if (self.ske.footage, self.ske.pairs) != (self.spd.footage, self.spd.pairs):
            raise ValueError("SKE and SPD can only be trained together on the same footage and the same kind of pairs")
