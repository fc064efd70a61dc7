"""What ffmpeg and ffprobe are asked. Hostile input in mind: one local file, real video containers, nothing else."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import ffmpeg

from cliptrace.schemas.config import BASIS_FPS, Limits
from cliptrace.schemas.records import VideoInfo
from cliptrace.transforms.media import webp

CONTAINERS = (
    # Each name stands for its whole family in ffmpeg's list ("mov" for mp4, m4v, 3gp; "matroska" for webm).
    *("mov", "matroska", "avi", "mpegts", "mpeg", "flv", "asf", "ogg", "mxf", "nut", "dv", "rm", "ivf", "wtv"),
    *("gif", "apng"),
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
    "stream=index,codec_type,codec_name,width,height,pix_fmt,field_order,avg_frame_rate,r_frame_rate,start_time,duration"
    ":stream_disposition=default,attached_pic,timed_thumbnails,still_image:stream_tags=rotate,enc_key_id,DURATION"
    ":stream_side_data=rotation,displaymatrix:program_stream=index:format=format_name,start_time,duration"
)
_COUNTED_PACKETS = 1000
_MOTION_JPEG = (".mjpeg", ".mjpg")
"""By its content, a stream of JPEG pictures is the first of them."""
_UPRIGHT = {
    (0, True): ("vflip",),
    (90, False): ("transpose=clock",),
    (90, True): ("transpose=cclock_flip",),
    (180, False): ("hflip", "vflip"),
    (180, True): ("hflip",),
    (270, False): ("transpose=cclock",),
    (270, True): ("transpose=clock_flip",),
}
"""What turns a stored picture upright, by rotation and whether it is mirrored, as ffmpeg's own -autorotate does."""


def file_url(path: str) -> str:
    """The file at ``path`` and nothing else: no dash, colon or ``concat:`` in its name means anything to ffmpeg."""
    return f"file:{Path(path).absolute()}"


def probe_command(path: str, limits: Limits) -> list[str]:
    """ffprobe's description of the file's streams as JSON on stdout; of what it cannot read, another's in its words."""
    with Path(path).open("rb") as file:
        head = file.read(32)
    if webp.is_animated(head):
        return webp.describe_command(path)
    return _ffprobe(path, limits, "-show_entries", _PROBE_ENTRIES)


def packets_command(path: str, limits: Limits) -> list[str]:
    """How many of the first packets of the file's video belong to each stream, as JSON on stdout."""
    first = ("-select_streams", "V", "-count_packets", "-read_intervals", f"%+#{_COUNTED_PACKETS}")
    return _ffprobe(path, limits, *first, "-show_entries", "stream=index,nb_read_packets")


def keys_command(path: str, stream: int, limits: Limits) -> list[str]:
    """When the first packets of a stream are shown, and which are key frames, as JSON on stdout."""
    first = ("-select_streams", f"V:{stream}", "-read_intervals", f"%+#{_COUNTED_PACKETS}")
    return _ffprobe(path, limits, *first, "-show_entries", "packet=pts_time,flags")


def seek_command(path: str, stream: int, seeks_s: Sequence[float], limits: Limits) -> list[str]:
    """Where decoding of a stream would begin for each seek: one packet each as JSON on stdout."""
    intervals = ",".join(f"{seek_s}%+#1" for seek_s in seeks_s)
    options = ("-select_streams", f"V:{stream}", "-read_intervals", intervals)
    return _ffprobe(path, limits, *options, "-show_entries", "packet=pts_time")


def _ffprobe(path: str, limits: Limits, *options: str) -> list[str]:
    given = [word for name, value in _input_options(path, limits).items() for word in (f"-{name}", str(value))]
    return ["ffprobe", "-v", "error", "-of", "json", *options, *given, "-i", file_url(path)]


def decode_command(
    path: str,
    info: VideoInfo,
    *,
    start_s: float,
    seek_s: float | None,
    frames: int,
    size: int,
    limits: Limits,
    key_frames_only: bool = False,
) -> list[str]:
    """``frames`` rgb24 pictures of ``size``² pixels, 8 a second from ``start_s`` on, raw on stdout.

    seek_s: where decoding begins, at or before ``start_s``; None to read from the beginning without a seek, which a
    container without an index, or one that lost it, would not survive. key_frames_only: the codec's; each is repeated
    until the next one, and nothing between them is decoded.
    """
    if info.container == webp.CONTAINER:
        return webp.decode_command(path, size=size, frames=frames, max_pixels=limits.max_pixels)
    # One filter graph for the whole stream: a graph that is rebuilt whenever the size of the pictures changes would
    # begin its grid anew each time. So nothing before the scaler may depend on the size, as turning does.
    options: dict[str, object] = {
        **_input_options(path, limits),
        "threads": 1,
        "reinit_filter": 0,
        "noautorotate": None,
        **({"skip_frame": "nokey"} if key_frames_only else {}),
    }
    if seek_s is not None:
        # Timestamps stay those of the file, so that every range lays its frames on the same grid; the frames between
        # the keyframe and start_s are kept, because one of them is still on screen at start_s.
        options |= {"ss": seek_s, "noaccurate_seek": None, "copyts": None, "start_at_zero": None}
    stored = (info.height, info.width) if info.rotation in (90, 270) else (info.width, info.height)
    filters = [
        *([f"scale={stored[0]}:{stored[1]}", "yadif=deint=interlaced"] if info.interlaced else []),
        # In microseconds the grid is exact whatever the time base of the file.
        "settb=AVTB",
        # The last frame is passed on: of a video of one frame it is all there is.
        # Rounded up, each moment shows the frame that is on screen then, and not one that comes up to 1/16 s later.
        f"fps={BASIS_FPS}:round=up:start_time={start_s}:eof_action=pass",
        f"scale={size}:{size}:flags={SCALER}",
        *_UPRIGHT.get((info.rotation, info.mirrored), ()),
        # Counts from 0, so that ffmpeg's own frame rate control finds nothing to repeat or drop.
        "setpts=N",
    ]
    output = {"format": "rawvideo", "pix_fmt": "rgb24", "vf": ",".join(filters), "frames:v": frames, "threads": 1}
    # "V" is a video stream that is no cover picture.
    stream = ffmpeg.input(file_url(path), **options)[f"V:{info.stream}"].output("pipe:1", **output)
    command: list[str] = stream.compile(
        cmd=["ffmpeg", "-hide_banner", "-nostdin", "-loglevel", "error", "-filter_threads", "1"]
    )
    return command


def _input_options(path: str, limits: Limits) -> Mapping[str, object]:
    forced = {"f": "mjpeg"} if Path(path).suffix.lower() in _MOTION_JPEG else {}
    return {
        **forced,
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
