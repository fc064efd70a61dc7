"""What flows between stages. Frozen, validated where made; times are float seconds of the original timeline."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from cliptrace.schemas.config import MatchMode


class _WithArrays:
    """Says the shapes of arrays, not what is in them."""

    __slots__ = ()

    def __repr__(self) -> str:
        parts = (f"{field.name}={_shown(getattr(self, field.name))}" for field in dataclasses.fields(self))  # type: ignore[arg-type]
        return f"{type(self).__name__}({', '.join(parts)})"


def _shown(value: object) -> str:
    if isinstance(value, np.ndarray):
        return f"{value.dtype}{list(value.shape)}"
    if isinstance(value, tuple) and value and isinstance(value[0], bytes):
        return f"<{len(value):,} pictures>"
    return repr(value)


@dataclasses.dataclass(frozen=True, slots=True)
class VideoSource:
    """A video as it was named. ``fingerprint`` changes when the file does; ``attempt`` counts from 1.

    id_given: whether a manifest gave the id; else it follows from where the file is. stream: number of the file's video
    stream that is meant; None for the one that players show.
    """

    video_id: str
    uri: str
    fingerprint: str = ""
    metadata: Mapping[str, str] = dataclasses.field(default_factory=dict)
    attempt: int = 1
    id_given: bool = False
    stream: int | None = None

    def of_stream(self, stream: int) -> VideoSource:
        """Another video stream of the same file."""
        return dataclasses.replace(self, video_id=stream_id(self.video_id, stream), stream=stream)


def stream_id(video_id: str, stream: int) -> str:
    """Id of another stream than the one that players show of the file called ``video_id``."""
    return f"{video_id}#{stream}"


def file_id(video_id: str) -> str | None:
    """Of which file a video is another stream, where its id is one of ``stream_id``."""
    found, _, stream = video_id.rpartition("#")
    return found if found and stream.isdecimal() else None


@dataclasses.dataclass(frozen=True, slots=True)
class VideoInfo:
    """What the container says, before anything is decoded.

    duration_s: NaN where the container does not say. width, height: pixels as displayed, after rotation. rotation:
    degrees clockwise, one of 0, 90, 180, 270; mirrored: left and right change places before it. late_s: when the
    first picture comes, seconds from where the container starts; what is before it is sound alone. begin_s: what the
    container's clock shows there. stream: number of the stream among the file's video streams (ffmpeg's
    ``V:stream``); others: of the other ones.
    """

    duration_s: float
    fps: float
    width: int
    height: int
    codec: str
    container: str = ""
    pixel_format: str = ""
    rotation: int = 0
    interlaced: bool = False
    size_bytes: int = 0
    content_sha256: str = ""
    content_sample: str = ""
    late_s: float = 0.0
    begin_s: float = 0.0
    mirrored: bool = False
    stream: int = 0
    others: tuple[int, ...] = ()

    @property
    def is_picture(self) -> bool:
        """One that stands for itself, and no video of one frame."""
        return self.container.endswith("_pipe")

    @property
    def has_duration(self) -> bool:
        return math.isfinite(self.duration_s) and self.duration_s > 0


@dataclasses.dataclass(frozen=True, slots=True)
class ProbedVideo:
    """A video whose container was asked and whose bytes were hashed: ``info`` has its hash and its sample."""

    source: VideoSource
    info: VideoInfo


@dataclasses.dataclass(frozen=True, slots=True)
class VideoRange:
    """Part ``index`` of ``count`` of a video, ``[start_s, end_s)``; ``end_s`` is infinite for the last one."""

    source: VideoSource
    info: VideoInfo
    start_s: float = 0.0
    end_s: float = math.inf
    index: int = 0
    count: int = 1


@dataclasses.dataclass(frozen=True, slots=True, repr=False)
class RangeFeatures(_WithArrays):
    """Keyframes of one range, as in FrameFeatures. ``warning`` tells why decoding ended early, else "".

    tiles: float32[P, D], what the range adds to the video's descriptor; None where none is made. clips: float16[S, C],
    clip features from the start of the range on; None where none are made.
    """

    range: VideoRange
    times: NDArray[np.float64]
    scores: NDArray[np.float32]
    embeddings: NDArray[np.float32]
    cuts: NDArray[np.float64]
    decoded_s: float
    warning: str = ""
    pictures: tuple[bytes, ...] = ()
    stills: tuple[tuple[float, float], ...] = ()
    tiles: NDArray[np.float32] | None = None
    clips: NDArray[np.float16] | None = None


@dataclasses.dataclass(frozen=True, slots=True, repr=False)
class FrameFeatures(_WithArrays):
    """Embeddings of one video's keyframes.

    times: float64[K], seconds from the start of the video, strictly increasing.
    scores: float32[K], the keyframe selector's confidence in [0, 1].
    embeddings: float32[K, D], rows of unit L2 norm; of a query that was embedded in V views, float32[K, V, D].
    cuts: float64[C], seconds between the last frame of a shot and the first of the next, increasing.
    decoded_s: seconds that could be decoded. warning: why they are fewer than the container promised, else "".
    bias: float32[K] or float32[K, V], what is taken off the similarities of each embedding; None without any.
    stops: the part of it that is the stop-list's; None where that takes nothing.
    pictures: of each keyframe a small one (models/verification/pictures.py); none where nobody made them.
    stills: seconds [start, end) in which the video stands still, increasing.
    known_as: of a query, the id that it has itself in the gallery that is searched, which is no answer; "" for none.
    descriptor: of the whole video, float32[V, D] (models/video_descriptors); None where none was made.
    clips: its clip features, float16[S, C] (models/clips); None where none were made.
    """

    source: VideoSource
    info: VideoInfo
    times: NDArray[np.float64]
    scores: NDArray[np.float32]
    embeddings: NDArray[np.float32]
    cuts: NDArray[np.float64]
    decoded_s: float
    warning: str = ""
    bias: NDArray[np.float32] | None = None
    stops: NDArray[np.float32] | None = None
    pictures: tuple[bytes, ...] = ()
    stills: tuple[tuple[float, float], ...] = ()
    known_as: str = ""
    descriptor: NDArray[np.float32] | None = None
    clips: NDArray[np.float16] | None = None

    def __post_init__(self) -> None:
        frames = len(self.times)
        if self.embeddings.ndim not in (2, 3) or len(self.embeddings) != frames or len(self.scores) != frames:
            raise ValueError(
                f"{self.video_id}: {frames} times, {len(self.scores)} scores, "
                f"embeddings of shape {self.embeddings.shape}"
            )
        if len(self.pictures) not in (0, frames):
            raise ValueError(f"{self.video_id}: {frames} times, {len(self.pictures)} pictures")
        if self.bias is not None and self.bias.shape != self.embeddings.shape[:-1]:
            raise ValueError(
                f"{self.video_id}: a bias of shape {self.bias.shape}, embeddings of shape {self.embeddings.shape}"
            )
        if frames > 1 and not bool(np.all(np.diff(self.times) > 0)):
            raise ValueError(f"{self.video_id}: keyframe times are not strictly increasing")

    @property
    def video_id(self) -> str:
        return self.source.video_id

    @property
    def stream(self) -> int | None:
        """Which video stream it is of a file that has several; else None."""
        return self.info.stream if self.info.others else None

    @property
    def partial(self) -> bool:
        """Whether the file ended or broke before the container's duration."""
        return bool(self.warning)


@dataclasses.dataclass(frozen=True, slots=True, repr=False)
class ClipFeatures(_WithArrays):
    """What is seen and what moves in a query, step by step.

    clips: float32[S, C], as models/clips makes them. decoded_s, warning, known_as: as of FrameFeatures.
    """

    source: VideoSource
    info: VideoInfo
    clips: NDArray[np.float32]
    decoded_s: float
    warning: str = ""
    known_as: str = ""

    @property
    def video_id(self) -> str:
        return self.source.video_id


@dataclasses.dataclass(frozen=True, slots=True, repr=False)
class Candidate(_WithArrays):
    """A gallery video that shares frames with a query.

    query_frames, ref_frames: int64[H], frame numbers (row positions in FrameFeatures); similarities: float32[H].
    votes: sum of the best similarity of each query frame. seen: query frames that it shows almost as they are.
    """

    query_id: str
    ref_id: str
    query_frames: NDArray[np.int64]
    ref_frames: NDArray[np.int64]
    similarities: NDArray[np.float32]
    votes: float
    seen: int = 0

    def only(self, hits: NDArray[np.bool_]) -> Candidate:
        """With some of its hits: bool[H]."""
        arrays = {name: getattr(self, name)[hits] for name in ("query_frames", "ref_frames", "similarities")}
        return dataclasses.replace(self, **arrays)


@dataclasses.dataclass(frozen=True, slots=True)
class Segment:
    """``[query_start, query_end)`` comes from ``[ref_start, ref_end)``; seconds; score in [0, 1], higher is better.

    Of a query that is a picture, query_start and query_end are both 0. speed: reference seconds a query second, where
    the aligner tells; above 1 the copy plays faster. query_stream, ref_stream: which video stream is meant, of a file
    that has several.
    """

    query_start: float
    query_end: float
    ref_start: float
    ref_end: float
    score: float
    reversed: bool = False
    speed: float | None = None
    query_stream: int | None = None
    ref_stream: int | None = None

    def __post_init__(self) -> None:
        of_a_picture = self.query_start == self.query_end == 0.0
        if not ((self.query_start < self.query_end or of_a_picture) and self.ref_start < self.ref_end):
            raise ValueError(f"empty segment: {self}")
        if not 0.0 <= self.score <= 1.0:
            raise ValueError(f"segment score outside [0, 1]: {self}")


@dataclasses.dataclass(frozen=True, slots=True)
class Match:
    """A query video and a gallery video that share segments. ``score`` is the best segment's.

    mode: whether they share footage, or what happens in it: then each segment is a moment that shows what all of the
    query does.
    exact: their files are the same, byte for byte. below_min_score: told only because it is among the nearest, with its
    best segment. query_share, ref_share: of each video's seconds, in [0, 1], that the segments cover. Of the query:
    truncated: there was evidence of more gallery videos than it was compared with; stopped_s: seconds of it that the
    stop-list left out of the search.
    """

    query_id: str
    query_uri: str
    ref_id: str
    ref_uri: str
    score: float
    segments: tuple[Segment, ...]
    query_metadata: Mapping[str, str] = dataclasses.field(default_factory=dict)
    ref_metadata: Mapping[str, str] = dataclasses.field(default_factory=dict)
    exact: bool = False
    truncated: bool = False
    stopped_s: float = 0.0
    query_share: float = 0.0
    ref_share: float = 0.0
    below_min_score: bool = False
    mode: MatchMode = "copy"


@dataclasses.dataclass(frozen=True, slots=True)
class Ranked:
    """A gallery video, and how like a query it is as a whole. similarity: of their descriptors, in (0, 1]. rank: from 1
    on, among those of the query."""

    query_id: str
    query_uri: str
    ref_id: str
    ref_uri: str
    similarity: float
    rank: int


@dataclasses.dataclass(frozen=True, slots=True)
class Searched:
    """What a person is told of a query beside its matches. partial: its file ended or broke before its end.

    truncated, stopped_s: as in Match. other_streams: how many more video streams its file has. rejected: gallery videos
    of which all or some seconds were left out, since a person has decided so. stream: as in VideoSource.
    """

    query_id: str
    partial: bool = False
    truncated: bool = False
    stopped_s: float = 0.0
    other_streams: int = 0
    query_uri: str = ""
    rejected: int = 0
    stream: int | None = None


@dataclasses.dataclass(frozen=True, slots=True)
class Rejected:
    """Seconds, or all, of this pair were left out of the answer, since a person has decided so."""

    query_id: str
    ref_id: str


@dataclasses.dataclass(frozen=True, slots=True)
class Failure:
    """A dead letter: one video, the stage that gave up, and what to do about it."""

    uri: str
    video_id: str
    stage: str
    error: str
    message: str
    fingerprint: str = ""
    attempt: int = 1
    time: float = 0.0
