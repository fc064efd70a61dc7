"""What ffmpeg and ffprobe are asked. Hostile input in mind: one local file, real video containers, nothing else."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import ffmpeg

from cliptrace.schemas.config import BASIS_FPS, Limits

CONTAINERS = (
    # Each name stands for its whole family in ffmpeg's list ("mov" for mp4, m4v, 3gp; "matroska" for webm).
    *("mov", "matroska", "avi", "mpegts", "mpeg", "flv", "asf", "ogg", "mxf", "gif", "nut", "dv", "rm", "ivf", "wtv"),
    *("h264", "hevc", "m4v", "mpegvideo", "mjpeg", "vc1", "av1", "obu", "yuv4mpegpipe"),
)
"""Demuxers that may open a file. Playlists (hls, dash, concat …) name other files and hosts, image demuxers read
sequences, subtitle and device demuxers are no video: none of them is here."""

PICTURES = ("png_pipe", "jpeg_pipe", "webp_pipe", "bmp_pipe", "tiff_pipe")
"""Demuxers of one picture, from one file."""
_JPEG, _JPEG_SUFFIXES = b"\xff\xd8\xff", frozenset({".jpg", ".jpeg", ".jpe", ".jfif"})

SCALER = "area+accurate_rnd+full_chroma_int"
"""Area averaging does not alias when it shrinks, at half the cost of bicubic. full_chroma_int keeps the colour of
edges: 11 to 18 dB nearer to exact averaging, for 0.2 ms a frame at most."""

_PROBE_ENTRIES = (
    "stream=codec_type,codec_name,width,height,pix_fmt,field_order,avg_frame_rate,r_frame_rate,start_time,duration"
    ":stream_disposition=attached_pic,timed_thumbnails:stream_tags=rotate,enc_key_id:stream_side_data=rotation"
    ":format=format_name,start_time,duration"
)


def file_url(path: str) -> str:
    """The file at ``path`` and nothing else: no dash, colon or ``concat:`` in its name means anything to ffmpeg."""
    return f"file:{Path(path).absolute()}"


def probe_command(path: str, limits: Limits) -> list[str]:
    """ffprobe's description of the file's streams as JSON on stdout."""
    options = [word for name, value in _input_options(path, limits).items() for word in (f"-{name}", str(value))]
    return ["ffprobe", "-v", "error", "-of", "json", "-show_entries", _PROBE_ENTRIES, *options, "-i", file_url(path)]


def decode_command(
    path: str, *, start_s: float, seek_s: float | None, frames: int, size: int, deinterlace: bool, limits: Limits
) -> list[str]:
    """``frames`` rgb24 pictures of ``size``² pixels, 8 a second from ``start_s`` on, raw on stdout.

    seek_s: where decoding begins, at or before ``start_s``; None to read from the beginning without a seek, which a
    container without an index, or one that lost it, would not survive.
    """
    options: dict[str, object] = {**_input_options(path, limits), "threads": 1}
    if seek_s is not None:
        # Timestamps stay those of the file, so that every range lays its frames on the same grid; the frames between
        # the keyframe and start_s are kept, because one of them is still on screen at start_s.
        options |= {"ss": seek_s, "noaccurate_seek": None, "copyts": None, "start_at_zero": None}
    filters = [
        *(["yadif=deint=interlaced"] if deinterlace else []),
        # In microseconds the grid is exact whatever the time base of the file.
        "settb=AVTB",
        # The last frame is passed on: of a video of one frame it is all there is.
        # Rounded up, each moment shows the frame that is on screen then, and not one that comes up to 1/16 s later.
        f"fps={BASIS_FPS}:round=up:start_time={start_s}:eof_action=pass",
        f"scale={size}:{size}:flags={SCALER}",
        # Counts from 0, so that ffmpeg's own frame rate control finds nothing to repeat or drop.
        "setpts=N",
    ]
    output = {"format": "rawvideo", "pix_fmt": "rgb24", "vf": ",".join(filters), "frames:v": frames, "threads": 1}
    # "V" is a video stream that is no cover picture.
    stream = ffmpeg.input(file_url(path), **options)["V:0"].output("pipe:1", **output)
    command: list[str] = stream.compile(
        cmd=["ffmpeg", "-hide_banner", "-nostdin", "-loglevel", "error", "-filter_threads", "1"]
    )
    return command


def _input_options(path: str, limits: Limits) -> Mapping[str, object]:
    return {
        # By such a name ffmpeg would take a sequence of files for it.
        **({"f": "jpeg_pipe"} if _is_jpeg(path) else {}),
        "protocol_whitelist": "file,pipe",
        "format_whitelist": ",".join(CONTAINERS + PICTURES),
        "max_pixels": limits.max_pixels,
    }


def _is_jpeg(path: str) -> bool:
    if Path(path).suffix.lower() not in _JPEG_SUFFIXES:
        return False
    with Path(path).open("rb") as file:
        return file.read(len(_JPEG)) == _JPEG
