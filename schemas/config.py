"""Settings that change results: they are stored in gallery.json, and two galleries with the same ones agree."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any, Literal, get_args

from cliptrace.schemas.errors import UsageError

TILE_S = 72.0
"""Seconds of one SKE tile: 24 × 24 basis frames at 8 fps (SSAN §3.1). Keyframe selection starts anew with each tile."""

BASIS_FPS = 8
"""Basis frames a second (SSAN §3.1)."""

VIDEO_SUFFIXES = frozenset(
    f".{name}"
    for name in (
        *("3g2", "3gp", "3gp2", "3gpp", "f4v", "insv", "ismv", "lrv", "m4v", "mj2", "mov", "mp4", "mqv", "qt"),
        *("mk3d", "mkv", "webm", "avi", "divx", "amv", "flv", "asf", "wm", "wmv", "dvr-ms", "wtv", "rm", "rmvb"),
        *("m2t", "m2ts", "mts", "tod", "tp", "trp", "ts", "evo", "m2p", "mod", "mpe", "mpeg", "mpg", "vob", "vro"),
        *("264", "265", "avc", "h264", "h265", "hevc", "ivf", "m1v", "m2v", "mjpeg", "mjpg", "obu", "vc1", "y4m"),
        *("dif", "dv", "mxf", "nut", "ogm", "ogv", "apng", "gif"),
    )
)
"""What a folder is searched for. A file that is named itself, by a glob or in a manifest is tried whatever its name."""

Streams = Literal["shown", "all"]
"""Which video streams of a file that has several are videos: the one that players show, or all."""

QUERY_VIEWS = ("mirror", "turns", "halves", "insets")
"""What else than the plain keyframe may be embedded of a query (models/views.py)."""

FOUND_VIEW = "found"
"""The picture in a picture, where one is found (models/borders/inset.py)."""

GALLERY_VIEWS = ("halves", "insets", FOUND_VIEW)
"""What else may be embedded of a gallery's keyframes, for a query that is but a part of their picture."""

DEFAULT_GALLERY_VIEWS = (FOUND_VIEW,)
"""What a gallery is made with unless ``cliptrace index --stored-views`` says otherwise."""

DEFAULT_BACKBONE = "copy_lite0"
"""What a gallery is made with unless ``cliptrace index --backbone`` says otherwise."""

DESCRIPTORS = ("mean", "parts", "star_gnn")
"""What a video may be described by as a whole (models/video_descriptors)."""

NO_DESCRIPTOR = "none"


def parse_descriptor(text: str) -> tuple[str, str]:
    """A video descriptor as a person names it → its name, and the whole path of its weights ("" for those that ship).

    UsageError for one that is none of DESCRIPTORS, nor ``star_gnn:FOLDER``.
    """
    name, colon, folder = text.partition(":")
    if name not in DESCRIPTORS or (colon and (name != "star_gnn" or not folder)):
        raise UsageError(f"{text}: no video descriptor; there are {', '.join(DESCRIPTORS)}, and star_gnn:FOLDER")
    return name, str(Path(folder).resolve()) if folder else ""


def descriptor_name(text: str) -> str:
    """A video descriptor, or NO_DESCRIPTOR, as a gallery has it. UsageError as ``parse_descriptor``."""
    return text if text == NO_DESCRIPTOR else ":".join(filter(None, parse_descriptor(text)))


DEFAULT_DESCRIPTOR, OTHERS_DESCRIPTOR = "star_gnn", "mean"
"""What a gallery is made with unless ``cliptrace index --descriptor`` says otherwise: the first one was trained on the
default backbone's maps; other backbones have the second."""

Retrieval = Literal["frame", "video", "both"]
"""How match finds the videos that a query is compared with: by frames, by video descriptors, or by either."""

MatchMode = Literal["copy", "moment"]
"""What match looks for: the same footage, or the same happening in other footage."""

DEFAULT_CLIPS = "lite0_motion"
"""Clip features (models/clips) that ``cliptrace index --moments`` stores unless it names others."""

LOCATORS = ("anchor_free", "graph", "frames")
"""What may find the moments of a video (models/relocalization): two networks that have learned from DEFAULT_CLIPS, and
what takes any features. The first that takes a gallery's does, unless ``cliptrace match --locator`` says otherwise."""


def parse_locator(text: str) -> tuple[str, str]:
    """A locator as a person names it → its name, and the folder of its weights ("" for those that ship).

    UsageError for one that is none of LOCATORS, nor ``anchor_free:FOLDER``.
    """
    name, colon, folder = text.partition(":")
    if name not in LOCATORS or (colon and (name != "anchor_free" or not folder)):
        raise UsageError(f"{text}: must be one of {', '.join(LOCATORS)}, or anchor_free:FOLDER")
    return name, folder


MOMENT_VIDEOS = 20
"""Videos in which moments are looked for, unless ``--top-k`` says otherwise: each is read and compared as a whole."""

MOMENTS_PER_VIDEO = 5
"""Most moments that are told of a query and a video."""

RANKED_VIDEOS = 100
"""Videos that match compares with a query where their descriptors name them, and ``--top-k`` says nothing else."""

TOP = 10
"""Videos that a search ranks of each query unless it is told otherwise."""

DEFAULT_VIEWS: tuple[str, ...] = ()
"""What is embedded of a query unless ``cliptrace match --views`` says otherwise."""


@dataclasses.dataclass(frozen=True, slots=True)
class Limits:
    """What one untrusted file may cost.

    range_s: a longer video is cut into ranges of this many seconds (whole tiles) that decode in parallel.
    stall_s: seconds ffmpeg may stay silent; speed_floor: slowest decoding, in × real time, before it is killed.
    memory_bytes: address space of one ffmpeg process.
    """

    max_pixels: int = 8192 * 8192
    max_duration_s: float = 48 * 3600.0
    max_file_bytes: int = 256 << 30
    range_s: float = 5 * TILE_S
    probe_s: float = 30.0
    stall_s: float = 60.0
    speed_floor: float = 0.2
    memory_bytes: int = 4 << 30


SKE_POINTS = {"fine": (1.0, 1.25), "balanced": (1.5, 1.75), "coarse": (2.0, 2.5), "coarsest": (4.0, 5.0)}
"""Accuracy against storage: name → score that is worth a keyframe, and seconds within which there is one anyway."""


@dataclasses.dataclass(frozen=True, slots=True)
class KeyframeConfig:
    """Which basis frames are kept.

    uniform: ``per_second`` frames a second. content: a frame whose 32×32 thumb differs from the last kept one by more
    than ``threshold`` (mean absolute difference, 0..1), and at least one frame every ``max_gap_s`` seconds. ske: one
    wherever the learned selector's scores add up to ``threshold``, and one more every ``max_gap_s`` seconds. express:
    the codec's own key frames, and no other is decoded: the rest of the file costs nothing, and is not known.

    weights: folder of the learned selector's weights; "" for those that ship. weights_sha256: their digest, in what is
    stored.
    """

    selector: Literal["uniform", "content", "ske", "express"] = "uniform"
    per_second: float = 2.0
    threshold: float = 0.06
    max_gap_s: float = 1.0
    weights_sha256: str = ""
    weights: str = ""

    @classmethod
    def ske(cls, point: str = "balanced", weights: str = "") -> KeyframeConfig:
        """point: one of SKE_POINTS."""
        threshold, max_gap_s = SKE_POINTS[point]
        return cls("ske", threshold=threshold, max_gap_s=max_gap_s, weights=weights)

    @property
    def key_frames_only(self) -> bool:
        """Whether no other frames are decoded."""
        return self.selector == "express"

    def to_json(self) -> dict[str, Any]:
        """Without ``weights`` where they ship: a cliptrace that knows of no others reads it, too."""
        values = dataclasses.asdict(self)
        return values if self.weights else {name: value for name, value in values.items() if name != "weights"}

    def __str__(self) -> str:
        """As it is given on the command line."""
        if self.selector == "ske":
            points = {values: name for name, values in SKE_POINTS.items()}
            point = points.get((self.threshold, self.max_gap_s), f"{self.threshold:g},{self.max_gap_s:g}")
            return f"ske:{point}" + (f":{self.weights}" if self.weights else "")
        if self.selector == "express":
            return self.selector
        return f"{self.selector}:{self.per_second if self.selector == 'uniform' else self.threshold:g}"


ALIGNER_NAMES = ("spd", "tn", "dp", "hough", "dtw")


def parse_aligner(text: str) -> tuple[str, str]:
    """An aligner as a person names it → its name, and the folder of its weights ("" for those that ship).

    UsageError for one that is none of ALIGNER_NAMES, nor ``spd:FOLDER``.
    """
    name, colon, folder = text.partition(":")
    if name not in ALIGNER_NAMES or (colon and (name != "spd" or not folder)):
        raise UsageError(f"{text}: must be one of {', '.join(ALIGNER_NAMES)}, or spd:FOLDER")
    return name, folder


Engine = Literal["exact", "milvus"]
"""What searches a gallery's keyframes: a product with all of them, or the vector store."""
ENGINES: tuple[Engine, ...] = get_args(Engine)

KeepRule = Literal["resolution", "bitrate", "length", "oldest"]
"""Which of a group of copies to keep: the most pixels, bits a second or seconds, or the one that was indexed first."""
KEEP_RULES: tuple[KeepRule, ...] = get_args(KeepRule)

GroupsBy = Literal["frame", "descriptor"]
"""What says which videos of a gallery are compared with each other."""

NEIGHBOURS = 50
"""Videos that each one meets by its descriptor; where it is among the nearest of others, it meets those, too."""

DEDUP_MIN_SCORE = 0.8
"""Lowest score of a segment that makes an upload a duplicate: of 9,823 pairs of uploads and distractors, look-alikes
of the training and validation splits among them, three reach it (benchmarks/results/calibration.json); a copy is lost
only where none of its group is found."""

GROUPS_MIN_SECONDS = 3.0
"""Least seconds that two videos of one group share. Chosen on 137 videos of footage: of what had less, signs of two
seconds by one person were taken for copies."""

DEFAULT_KEYFRAMES = KeyframeConfig.ske()
"""What a gallery is made with unless ``cliptrace index --keyframes`` says otherwise."""

QUERY_KEYFRAMES = KeyframeConfig("uniform", per_second=BASIS_FPS)
"""What is searched of a query unless ``cliptrace match --keyframes`` says otherwise: nobody stores it."""


@dataclasses.dataclass(frozen=True, slots=True)
class BackboneConfig:
    """A network that turns frames into feature maps or vectors, and how its output becomes an embedding.

    format: "onnx" and "torchscript" name a file; "efficientnet_lite0" is the built-in network.
    path: the weights; sha256: of that file. Relative paths are taken from the config file's folder when it is read, and
    from models/weights ever after, so that a gallery opens where the package is installed elsewhere.
    graph: the built-in network as an ONNX graph over the same weights, for the CPU; "" for the other formats.
    graph_int8: the same computing in 8 bits, which is taken instead; "" for none.
    input_size: frames are decoded at input_size × input_size. mean, std: per RGB channel, of values in 0..1.
    output: "map" float32[N, C, h, w], pooled by ``pooling``; "vector" float32[N, C], taken as it is.
    whitening: a safetensors file with ``mean`` [C] and ``projection`` [C, D]; "" for none.
    crop_borders: whether bars and frames around the picture are cut off before it is embedded (models/borders).
    min_similarity: similarity, normalised by the background if there is one, from which two keyframes may be copies.
    min_score: lowest score of a segment that is reported. Both as the benchmarks chose them for this backbone.
    background: a safetensors file with ``embeddings`` [B, D] of footage that is nobody's, by which similarities are
        normalised when queries are matched; "" for none. It changes no embedding.
    """

    name: str
    format: Literal["efficientnet_lite0", "onnx", "torchscript"]
    path: str
    sha256: str
    input_size: int
    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    output: Literal["map", "vector"]
    dimension: int
    pooling: Literal["mac", "rmac", "spoc", "gem", "none"] = "rmac"
    whitening: str = ""
    whitening_sha256: str = ""
    graph: str = ""
    graph_sha256: str = ""
    graph_int8: str = ""
    graph_int8_sha256: str = ""
    crop_borders: bool = False
    min_similarity: float = 0.4
    min_score: float = 0.15
    background: str = ""
    background_sha256: str = ""
