"""How a long video is cut, so that its parts decode in parallel and yield what the whole would."""

from __future__ import annotations

import math

from cliptrace.schemas.config import TILE_S, Limits
from cliptrace.schemas.records import VideoInfo, VideoRange, VideoSource

_SEEKABLE = frozenset({"mov", "matroska"})

_TAIL_S = 1.0


def seekable(info: VideoInfo) -> bool:
    """Whether decoding may begin anywhere: the containers whose index names keyframes by presentation time.

    mp4, mov, 3gp, mkv and webm do. The others have no index, count in decoding time, or restart their clock (mpegts,
    mpeg, avi, flv, asf, ogg, raw streams …): a seek may land late, so they are read from the beginning, in one piece.
    """
    return info.container.split(",")[0] in _SEEKABLE


def split(source: VideoSource, info: VideoInfo, limits: Limits) -> list[VideoRange]:
    """Ranges of ``limits.range_s`` (whole tiles), the last one open-ended.

    One range where the duration is unknown or the container is not seekable. A tail of up to a second, which is more
    often sound or a rounded header than pictures, goes with the range before it.
    """
    step_s = max(1, round(limits.range_s / TILE_S)) * TILE_S
    count = max(1, math.ceil((info.duration_s - _TAIL_S) / step_s)) if info.has_duration and seekable(info) else 1
    return [
        VideoRange(source, info, k * step_s, (k + 1) * step_s if k < count - 1 else math.inf, k, count)
        for k in range(count)
    ]
