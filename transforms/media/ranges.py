"""How a long video is cut, so that its parts decode in parallel and yield what the whole would."""

from __future__ import annotations

import itertools
import math
from collections.abc import Container

from cliptrace.schemas.config import TILE_S, Limits
from cliptrace.schemas.records import VideoInfo, VideoRange, VideoSource

_SEEKABLE = frozenset({"mov", "matroska"})

_TAIL_S = 1.0

_LEAD_S = 2.0
_LEAD_FRAMES = 16
"""How far before its start a range seeks: decoding order runs at most 16 frames ahead of presentation."""


def seekable(info: VideoInfo) -> bool:
    """Whether decoding may begin anywhere: the containers whose index names keyframes by presentation time.

    mp4, mov, 3gp, mkv and webm do. The others have no index, count in decoding time, or restart their clock (mpegts,
    mpeg, avi, flv, asf, ogg, raw streams …): a seek may land late, so they are read from the beginning, in one piece.
    So are files of several video streams: a seek goes to the keyframe of one of them.
    """
    return info.container.split(",")[0] in _SEEKABLE and not info.others


def starts_of(info: VideoInfo, limits: Limits) -> list[float]:
    """Where ranges of ``limits.range_s`` (whole tiles) begin; only 0 where the duration is unknown or the container is
    not seekable. A tail of up to a second, which is more often sound or a rounded header than pictures, begins none."""
    step_s = max(1, round(limits.range_s / TILE_S)) * TILE_S
    count = max(1, math.ceil((info.duration_s - _TAIL_S) / step_s)) if info.has_duration and seekable(info) else 1
    return [k * step_s for k in range(count)]


def split(source: VideoSource, info: VideoInfo, limits: Limits, costly: Container[float] = ()) -> list[VideoRange]:
    """The ranges, the last one open-ended. costly: starts that are none, since decoding would begin long before."""
    starts = [start_s for start_s in starts_of(info, limits) if start_s not in costly]
    return [
        VideoRange(source, info, start_s, end_s, index, len(starts))
        for index, (start_s, end_s) in enumerate(itertools.pairwise([*starts, math.inf]))
    ]


def seek_before(start_s: float, info: VideoInfo) -> float:
    """Where to seek for a range: what is on screen at its start may have been stored long before."""
    return max(0.0, start_s - _LEAD_S - _LEAD_FRAMES * frame_s(info))


def frame_s(info: VideoInfo) -> float:
    return 1 / info.fps if info.fps > 0 else 1.0
