"""What a container says about its video, asked before anything is decoded."""

from __future__ import annotations

import dataclasses
import json
import math
import re
import stat
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from cliptrace.schemas.config import TILE_S, Limits
from cliptrace.schemas.errors import MediaError
from cliptrace.schemas.records import VideoInfo
from cliptrace.schemas.text import text_of
from cliptrace.transforms.media.command import (
    file_url,
    keys_command,
    packets_command,
    probe_command,
    seek_command,
)
from cliptrace.transforms.media.encryption import is_encrypted
from cliptrace.transforms.media.process import Process
from cliptrace.transforms.media.ranges import seek_before, starts_of
from cliptrace.transforms.media.streams import films, shown, video_streams

_ANSWER_BYTES = 4 << 20
_TOO_LARGE = re.compile(r"Picture size (\d+x\d+) (?:exceeds|is invalid)")
_CLOCK = re.compile(r"(\d{1,4}):(\d\d):(\d\d(?:\.\d{1,9})?)", re.ASCII)
_INTERLACED = frozenset({"tt", "bb", "tb", "bt"})
_BROADCAST = "mpegts"
_LONGEST_WAIT_S = 20.0
"""For a broadcast's first key frame; where it seems to come later, the clock has jumped."""


def probe(path: str, limits: Limits, stream: int | None = None) -> VideoInfo:
    """Describe the video stream that players show, or the one with the number ``stream``.

    Raises MediaError where there is none, where it is encrypted, and where it is beyond ``limits``. ``content_sha256``
    stays empty.
    """
    size_bytes = _regular_file_size(path, limits)
    if is_encrypted(path):
        raise _encrypted()
    answer = _ask(probe_command(path, limits), path, limits)
    several = answer.count(b'"codec_type": "video"') > 1  # covers among them, which then are counted for nothing
    packets = _ask(packets_command(path, limits), path, limits) if several else b"{}"
    info = info_of(answer, size_bytes, limits, packets, stream)
    return dataclasses.replace(info, late_s=info.late_s + _wait_s(path, info, limits))


def info_of(
    answer: bytes, size_bytes: int, limits: Limits, packets: bytes = b"{}", stream: int | None = None
) -> VideoInfo:
    """What ffprobe's answers, which repeat what the file claims, say of the video. Raises MediaError as ``probe``.

    packets: how many each video stream has, where there are several.
    """
    try:
        described = json.loads(answer)
        videos = video_streams(described)
        numbers = films(videos, json.loads(packets).get("streams", []))
        if numbers and stream is None:
            stream = shown(videos, numbers, described.get("programs", []))
        info = None
        if stream in numbers:
            if "enc_key_id" in videos[stream].get("tags", {}):  # so ffprobe tells it of Matroska
                raise _encrypted()
            info = _describe(videos[stream], described.get("format", {}), size_bytes)
            info = dataclasses.replace(info, stream=stream, others=tuple(n for n in numbers if n != stream))
    except (ValueError, TypeError, AttributeError, ArithmeticError, RecursionError) as error:
        raise MediaError("not a video: ffprobe's description of it makes no sense") from error
    if info is None:
        which = "" if stream is None else f" {stream}"
        raise MediaError(
            f"has no video stream{which}" if described.get("streams") else "not a video: it has no streams"
        )
    return _check(info, limits)


def costly_starts(path: str, info: VideoInfo, limits: Limits) -> set[float]:
    """Seconds at which a range would begin long after the keyframe that its decoding begins with; all of them where
    ffprobe cannot tell."""
    starts = starts_of(info, limits)[1:]
    if not starts:
        return set()
    seeks = [info.begin_s + seek_before(start_s, info) for start_s in starts]
    try:
        packets = json.loads(_ask(seek_command(path, info.stream, seeks, limits), path, limits))["packets"]
        landed = [float(packet["pts_time"]) - info.begin_s for packet in packets]
        return {start_s for start_s, at_s in zip(starts, landed, strict=True) if not start_s - at_s < TILE_S}
    except (MediaError, ValueError, TypeError, LookupError, AttributeError, RecursionError):
        return set(starts)


def _wait_s(path: str, info: VideoInfo, limits: Limits) -> float:
    """From where a stream starts to its first key frame, before which nothing can be shown; 0.0 where it starts with
    one, as it does in all but recordings of a broadcast."""
    if info.container != _BROADCAST:
        return 0.0
    try:
        packets = json.loads(_ask(keys_command(path, info.stream, limits), path, limits))["packets"]
        key = next(number for number, packet in enumerate(packets) if "K" in packet["flags"])
        wait_s = float(packets[key]["pts_time"]) - info.begin_s - info.late_s if key else 0.0
    except (MediaError, ValueError, TypeError, LookupError, AttributeError, RecursionError, StopIteration):
        return 0.0
    return wait_s if 0 < wait_s < _LONGEST_WAIT_S else 0.0


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


def _ask(command: Sequence[str], path: str, limits: Limits) -> bytes:
    buffer = bytearray(_ANSWER_BYTES)
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
        begin_s=_begin_s(container),
        mirrored=_is_mirrored(stream),
    )


def _check(info: VideoInfo, limits: Limits) -> VideoInfo:
    if info.width <= 0 or info.height <= 0:
        raise MediaError(f"video stream ({info.codec}) has no readable size")
    if info.width * info.height > limits.max_pixels:
        raise _too_large(f"{info.width}x{info.height}", limits)
    if info.has_duration and info.duration_s > limits.max_duration_s:
        raise MediaError(f"video is too long: {info.duration_s:.1f} s, the limit is {limits.max_duration_s:.1f} s")
    return info


def _encrypted() -> MediaError:
    return MediaError("is encrypted (DRM), and cliptrace has no key: decrypt it first")


def _too_large(size: str, limits: Limits) -> MediaError:
    return MediaError(f"picture is too large: {size}, the limit is {limits.max_pixels} pixels")


def _duration_s(stream: Mapping[str, Any], container: Mapping[str, Any]) -> float:
    """Where the video stream ends, in seconds from the container's start; else the container's duration, else NaN.

    The stream comes first because sound may outlast the pictures, and then nothing is missing when they end.
    """
    end_s = _seconds(stream.get("duration")) + _late_s(stream, container)
    # Matroska counts durations from 0, not from where it starts, and has those of streams in tags at most.
    is_matroska = "matroska" in container.get("format_name", "")
    start_s = max(0.0, _begin_s(container)) if is_matroska else 0.0
    tagged_s = _tagged_s(stream) if is_matroska else math.inf
    container_s = min(_seconds(container.get("duration")), tagged_s) - start_s
    duration_s = end_s if end_s > 0 else container_s
    return duration_s if 0 < duration_s < math.inf else math.nan


def _tagged_s(stream: Mapping[str, Any]) -> float:
    """Where the stream ends, by a tag that anybody may write; infinity where none says."""
    clock = _CLOCK.fullmatch(stream.get("tags", {}).get("DURATION", ""))
    hours, minutes, seconds = map(float, clock.groups()) if clock else (0.0, 0.0, 0.0)
    return 3600 * hours + 60 * minutes + seconds or math.inf


def _late_s(stream: Mapping[str, Any], container: Mapping[str, Any]) -> float:
    """0.0 where the container does not say."""
    late_s = _seconds(stream.get("start_time")) - _seconds(container.get("start_time"))
    return late_s if math.isfinite(late_s) else 0.0


def _begin_s(container: Mapping[str, Any]) -> float:
    """0.0 where the container does not say."""
    begin_s = _seconds(container.get("start_time"))
    return begin_s if math.isfinite(begin_s) else 0.0


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


def _is_mirrored(stream: Mapping[str, Any]) -> bool:
    """By the sign of the display matrix, which ffprobe prints as three numbered rows."""
    text = next((s["displaymatrix"] for s in stream.get("side_data_list", []) if "displaymatrix" in s), "")
    rows = [[int(number) for number in row.partition(":")[2].split()] for row in text.split("\n") if row]
    return bool(rows) and rows[0][0] * rows[1][1] < rows[0][1] * rows[1][0]
