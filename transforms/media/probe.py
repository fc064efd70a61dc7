"""What a container says about its video, asked before anything is decoded."""

from __future__ import annotations

import json
import math
import re
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cliptrace.schemas.config import Limits
from cliptrace.schemas.errors import MediaError
from cliptrace.schemas.records import VideoInfo
from cliptrace.schemas.text import text_of
from cliptrace.transforms.media.command import file_url, probe_command
from cliptrace.transforms.media.process import Process

_ANSWER_BYTES = 4 << 20
_TOO_LARGE = re.compile(r"Picture size (\d+x\d+) (?:exceeds|is invalid)")
_INTERLACED = frozenset({"tt", "bb", "tb", "bt"})


def probe(path: str, limits: Limits) -> VideoInfo:
    """Describe the first video stream that is no cover picture.

    Raises MediaError where there is none or where it is beyond ``limits``. ``content_sha256`` stays empty.
    """
    size_bytes = _regular_file_size(path, limits)
    return info_of(_ask(path, limits), size_bytes, limits)


def info_of(answer: bytes, size_bytes: int, limits: Limits) -> VideoInfo:
    """What ffprobe's answer, which repeats what the file claims, says of the video. Raises MediaError as ``probe``."""
    try:
        described = json.loads(answer)
        streams = described.get("streams", [])
        stream = next((s for s in streams if _is_video(s)), None)
        info = _describe(stream, described.get("format", {}), size_bytes) if stream else None
    except (ValueError, TypeError, AttributeError, ArithmeticError, RecursionError) as error:
        raise MediaError("not a video: ffprobe's description of it makes no sense") from error
    if info is None:
        raise MediaError("has no video stream" if streams else "not a video: it has no streams")
    return _check(info, limits)


def _regular_file_size(path: str, limits: Limits) -> int:
    """Size in bytes. Looks without opening: opening a FIFO or a device may block or have effects."""
    try:
        status = Path(path).stat()
    except FileNotFoundError:
        raise MediaError("file does not exist") from None
    except (OSError, ValueError) as error:
        raise MediaError(f"file cannot be read: {getattr(error, 'strerror', None) or error}") from None
    if not stat.S_ISREG(status.st_mode):
        raise MediaError("not a regular file")
    if status.st_size == 0:
        raise MediaError("file is empty (0 bytes)")
    if status.st_size > limits.max_file_bytes:
        raise MediaError(f"file is too big: {status.st_size} bytes, the limit is {limits.max_file_bytes}")
    return status.st_size


def _ask(path: str, limits: Limits) -> bytes:
    buffer = bytearray(_ANSWER_BYTES)
    command = probe_command(path, limits)
    with Process(command, file_url(path), memory_bytes=limits.memory_bytes, stall_s=limits.probe_s) as ffprobe:
        filled = ffprobe.fill(memoryview(buffer))
        if filled == _ANSWER_BYTES:
            raise MediaError("not a video: ffprobe's description of it is endless")
        if ffprobe.killed:
            raise MediaError(f"ffprobe cannot read it: {ffprobe.killed}")
        if large := _TOO_LARGE.search("\n".join(ffprobe.errors)):
            raise _too_large(large[1], limits)
        if ffprobe.returncode != 0:
            raise MediaError(f"not a video: {ffprobe.reason}")
    return bytes(buffer[:filled])


def _is_video(stream: Mapping[str, Any]) -> bool:
    disposition = stream.get("disposition", {})
    is_cover = disposition.get("attached_pic") or disposition.get("timed_thumbnails")
    return stream.get("codec_type") == "video" and not is_cover


def _describe(stream: Mapping[str, Any], container: Mapping[str, Any], size_bytes: int) -> VideoInfo:
    rotation = _rotation(stream)
    width, height = int(stream.get("width", 0)), int(stream.get("height", 0))
    if rotation in (90, 270):
        width, height = height, width
    return VideoInfo(
        duration_s=_duration_s(stream, container),
        fps=_rate(stream.get("avg_frame_rate")) or _rate(stream.get("r_frame_rate")),
        width=width,
        height=height,
        codec=text_of(stream.get("codec_name", "unknown")),
        container=text_of(container.get("format_name", "")),
        pixel_format=text_of(stream.get("pix_fmt", "")),
        rotation=rotation,
        interlaced=stream.get("field_order") in _INTERLACED,
        size_bytes=size_bytes,
        late_s=_late_s(stream, container),
    )


def _check(info: VideoInfo, limits: Limits) -> VideoInfo:
    if info.width <= 0 or info.height <= 0:
        raise MediaError(f"video stream ({info.codec}) has no readable size")
    if info.width * info.height > limits.max_pixels:
        raise _too_large(f"{info.width}x{info.height}", limits)
    if info.has_duration and info.duration_s > limits.max_duration_s:
        raise MediaError(f"video is too long: {info.duration_s:.1f} s, the limit is {limits.max_duration_s:.1f} s")
    return info


def _too_large(size: str, limits: Limits) -> MediaError:
    return MediaError(f"picture is too large: {size}, the limit is {limits.max_pixels} pixels")


def _duration_s(stream: Mapping[str, Any], container: Mapping[str, Any]) -> float:
    """Where the video stream ends, in seconds from the container's start; else the container's duration, else NaN.

    The stream comes first because sound may outlast the pictures, and then nothing is missing when they end.
    """
    end_s = _seconds(stream.get("duration")) + _late_s(stream, container)
    # Matroska counts its duration from 0, not from where it starts.
    start_s = _seconds(container.get("start_time")) if "matroska" in container.get("format_name", "") else 0.0
    container_s = _seconds(container.get("duration")) - (start_s if start_s > 0 else 0.0)
    duration_s = end_s if end_s > 0 else container_s
    return duration_s if 0 < duration_s < math.inf else math.nan


def _late_s(stream: Mapping[str, Any], container: Mapping[str, Any]) -> float:
    """0.0 where the container does not say."""
    late_s = _seconds(stream.get("start_time")) - _seconds(container.get("start_time"))
    return late_s if math.isfinite(late_s) else 0.0


def _seconds(text: str | None) -> float:
    return float(text) if text else math.nan


def _rate(text: str | None) -> float:
    """Frames a second; 0.0 where unknown."""
    numerator, denominator = map(int, (text or "0/0").split("/"))
    return max(numerator / denominator, 0.0) if denominator else 0.0


def _rotation(stream: Mapping[str, Any]) -> int:
    """Degrees clockwise, in quarter turns. The display matrix counts counter-clockwise, the old tag clockwise."""
    for side_data in stream.get("side_data_list", []):
        if "rotation" in side_data:
            return round(-float(side_data["rotation"]) / 90) % 4 * 90
    return round(float(stream.get("tags", {}).get("rotate", 0)) / 90) % 4 * 90
