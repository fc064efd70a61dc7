"""Odd but sound files, made by ffmpeg, or by Pillow, from drawn films: each of their seconds shows its number."""

from __future__ import annotations

import dataclasses
import subprocess
from collections.abc import Callable
from pathlib import Path

from PIL import Image

from benchmarks.attacks.media import ffmpeg
from benchmarks.hostile import second_codes

_FPS = 25
_WIDTH, _HEIGHT = 192, 108
_SECONDS = 6
_PACKET_BYTES, _TABLES = 188, 3
"""Of a transport stream that ffmpeg writes: the packets, of which the first three say what is in it."""
_BEGINS_PICTURE = b"\x41\x00"
"""In its packets: begins what is in the first stream."""
_X264 = ("-c:v", "libx264", "-preset", "veryfast", "-pix_fmt", "yuv420p")
_MPEG2 = ("-c:v", "mpeg2video", "-q:v", "4", "-pix_fmt", "yuv420p", "-g", "12")
_FIELDS = (*_MPEG2, "-flags", "+ildct+ilme", "-vf", "setfield=tff", "-top", "1")
_UNEVEN = ("-vf", "select='not(mod(n,7))+between(n,60,75)+eq(n,25)'", "-fps_mode", "vfr")


@dataclasses.dataclass(frozen=True, slots=True)
class Films:
    """What files are made from. film: seconds 0 to 5. other: seconds 8 to 13. large: as film, with larger pictures.
    single: the code of second 9, one picture."""

    film: str
    other: str
    large: str
    single: str


@dataclasses.dataclass(frozen=True, slots=True)
class Odd:
    """One file. oddity: what it is, in words. write: makes it."""

    name: str
    oddity: str
    write: Callable[[Films, Path], None]


def draw_films(folder: Path) -> Films:
    folder.mkdir()
    film = _drawn(folder / "film.mkv", range(_SECONDS), _WIDTH, _HEIGHT)
    other = _drawn(folder / "other.mkv", range(8, 8 + _SECONDS), _WIDTH, _HEIGHT)
    large = _drawn(folder / "large.mkv", range(_SECONDS), 320, 240)
    Image.fromarray(second_codes.picture(9, 64, 48)).save(folder / "single.png")
    return Films(film, other, large, str(folder / "single.png"))


def _drawn(path: Path, numbers: range, width: int, height: int) -> str:
    raw = b"".join(second_codes.picture(number, width, height).tobytes() * _FPS for number in numbers)
    given = ["-f", "rawvideo", "-pix_fmt", "rgb24", "-s", f"{width}x{height}", "-r", str(_FPS), "-i", "pipe:0"]
    command = ["ffmpeg", "-v", "error", "-y", *given, "-c:v", "ffv1", str(path)]
    subprocess.run(command, input=raw, check=True)
    return str(path)


def _made(name: str, oddity: str, *options: str, inputs: tuple[str, ...] = ("-i", "{film}")) -> Odd:
    """By one ffmpeg. options and inputs name films in braces."""

    def write(films: Films, path: Path) -> None:
        ffmpeg(*(word.format(**dataclasses.asdict(films)) for word in inputs), *options, str(path))

    return Odd(name, oddity, write)


def _joined(name: str, oddity: str, *parts: tuple[str, ...]) -> Odd:
    """The bytes of several streams, one behind the other."""

    def write(films: Films, path: Path) -> None:
        made = path.with_name(f"part-{path.name}")
        for number, part in enumerate(parts):
            ffmpeg(*(word.format(**dataclasses.asdict(films)) for word in part), str(made))
            with path.open("ab" if number else "wb") as file:
                file.write(made.read_bytes())
        made.unlink()

    return Odd(name, oddity, write)


def _animated(name: str, oddity: str) -> Odd:
    """By Pillow: every second a picture, shown for an uneven while."""

    def write(_: Films, path: Path) -> None:
        pictures = [Image.fromarray(second_codes.picture(number, _WIDTH, _HEIGHT)) for number in range(_SECONDS)]
        durations = [400, 1700, 90, 1100, 250, 900]
        pictures[0].save(path, save_all=True, append_images=pictures[1:], duration=durations, quality=90)

    return Odd(name, oddity, write)


def _cut(films: Films, path: Path) -> None:
    """As a phone cuts: the packets stay, an edit list hides what is before the cut."""
    whole = path.with_name(f"whole-{path.name}")
    ffmpeg("-i", films.film, *_X264, "-g", "250", str(whole))
    ffmpeg("-ss", "2.2", "-i", str(whole), "-c", "copy", str(path))
    whole.unlink()


def _recorded(films: Films, path: Path) -> None:
    """Two seconds a key frame; the packets of the first second are lost."""
    ffmpeg("-i", films.film, *_X264, "-g", "50", "-keyint_min", "50", "-sc_threshold", "0", "-f", "mpegts", str(path))
    stream = path.read_bytes()
    packets = range(0, len(stream), _PACKET_BYTES)
    begins = [at for at in packets if stream[at + 1 : at + 3] == _BEGINS_PICTURE]
    path.write_bytes(stream[: _TABLES * _PACKET_BYTES] + stream[begins[_FPS] :])


def _turned(films: Films, path: Path) -> None:
    stored = path.with_name(f"stored-{path.name}")
    ffmpeg("-i", films.film, "-vf", "transpose=clock", *_X264, str(stored))
    ffmpeg("-i", str(stored), "-c", "copy", "-metadata:s:v", "rotate=90", str(path))
    stored.unlink()


def _tone(seconds: float) -> tuple[str, ...]:
    return ("-f", "lavfi", "-i", f"sine=duration={seconds}")


ODD = (
    Odd("turned.mp4", "pictures stored on their side, turned by a display matrix", _turned),
    _made(
        "programmes.tp",
        "interlaced MPEG-2, two programmes",
        *("-map", "0", "-map", "1", *_FIELDS, "-program", "st=0", "-program", "st=1", "-f", "mpegts"),
        inputs=("-i", "{film}", "-i", "{other}"),
    ),
    _made("fields.ts", "interlaced H.264", *_X264, "-flags", "+ildct+ilme", "-x264-params", "tff=1"),
    _made("uneven.mp4", "variable frame rate, 3 to 25 a second", *_UNEVEN, *_X264),
    _made("slow.mkv", "a picture every two seconds", "-r", "0.5", *_X264),
    _made(
        "late.mp4",
        "pictures begin 1.5 s after the sound",
        *("-map", "0:v", "-map", "1:a", "-fps_mode", "vfr", *_X264),
        inputs=("-itsoffset", "1.5", "-i", "{film}", *_tone(7.5)),
    ),
    Odd("cut.mp4", "an edit list hides the first 2.2 s", _cut),
    _made(
        "cover.m4v",
        "a cover picture beside the film",
        *("-map", "0", "-map", "1", "-c:v:0", "png", "-disposition:v:0", "attached_pic"),
        *("-c:v:1", "libx264", "-pix_fmt:v:1", "yuv420p", "-f", "mp4"),
        inputs=("-i", "{single}", "-i", "{film}"),
    ),
    _made(
        "poster.mov",
        "a stream of one picture before the film's",
        *("-map", "0", "-map", "1", "-c:v:0", "mjpeg", "-c:v:1", "libx264", "-pix_fmt:v:1", "yuv420p"),
        *("-disposition:v:0", "0", "-disposition:v:1", "default"),
        inputs=("-i", "{single}", "-i", "{film}"),
    ),
    _made(
        "second.mkv",
        "two films, the second one has the default flag",
        *("-map", "0", "-map", "1", *_X264, "-disposition:v:0", "0", "-disposition:v:1", "default"),
        inputs=("-i", "{other}", "-i", "{film}"),
    ),
    _made("anamorphic.mpg", "pixels that are not square", "-vf", "setsar=16/11", *_MPEG2),
    _made("raw.mjpeg", "JPEG pictures without a container", "-c:v", "mjpeg", "-q:v", "3"),
    _made("animated.apng", "animated PNG", "-r", "5", "-plays", "0"),
    _made("uneven.gif", "GIF with uneven delays", *_UNEVEN),
    _animated("uneven.webp", "animated WebP with uneven delays"),
    _animated("uneven.avif", "animated AVIF with uneven delays"),
    _made(
        "deep.mkv", "HEVC, 10 bits, 4:2:2", "-c:v", "libx265", "-pix_fmt", "yuv422p10le", "-x265-params", "log-level=1"
    ),
    _made("prores.mov", "ProRes 4444 with alpha", "-c:v", "prores_ks", "-pix_fmt", "yuva444p10le"),
    _made(
        "alpha.webm", "VP9 whose dark is transparent", *("-vf", "colorkey=black,format=yuva420p"), "-c:v", "libvpx-vp9"
    ),
    _made("alpha.mov", "Animation whose dark is transparent", "-vf", "colorkey=black,format=argb", "-c:v", "qtrle"),
    _joined(
        "sizes.ts",
        "the size of the pictures changes midway",
        ("-t", "3", "-i", "{film}", *_X264, "-bf", "0"),
        ("-ss", "3", "-i", "{large}", *_X264, "-bf", "0", "-output_ts_offset", "3"),
    ),
    _joined(
        "jump.ts",
        "the clock jumps by an hour",
        ("-t", "3", "-i", "{film}", *_X264, "-bf", "0"),
        ("-ss", "3", "-i", "{film}", *_X264, "-bf", "0", "-output_ts_offset", "3600"),
    ),
    _joined(
        "restart.ts",
        "the clock begins anew",
        ("-t", "3", "-i", "{film}", *_X264, "-bf", "0", "-output_ts_offset", "500"),
        ("-ss", "3", "-i", "{film}", *_X264, "-bf", "0"),
    ),
    _made("sound.mkv", "sound for 20 s, pictures for 6", *_X264, inputs=("-i", "{film}", *_tone(20))),
    _made("single.mp4", "a video of one frame", "-frames:v", "1", *_X264),
    _made("fragments.mp4", "fragmented, no index", "-movflags", "frag_keyframe+empty_moov", "-g", "25", *_X264),
    _made("raw.h264", "H.264 without a container or timestamps", *_X264),
    _made(
        "full.mp4",
        "full range of levels, as JPEG has",
        *("-vf", "scale=out_range=full", "-c:v", "libx264", "-pix_fmt", "yuvj420p", "-color_range", "pc"),
    ),
    _made("odd.webm", "pictures of 175 × 99", "-vf", "scale=175:99", "-c:v", "libvpx", "-b:v", "1M"),
    _made("bframes.avi", "MPEG-4 with B-frames in AVI", "-c:v", "mpeg4", "-bf", "2", "-q:v", "3"),
    _made("theora.ogv", "Theora whose repeated pictures are empty packets", "-c:v", "libtheora", "-q:v", "8"),
    _made("media.wmv", "WMV in ASF", "-c:v", "wmv2", "-q:v", "3"),
    _made("fast.mp4", "120 pictures a second", "-r", "120", *_X264),
    _made(
        "camera.dv",
        "DV of a camcorder, its pixels not square",
        *("-vf", "scale=720:576", "-c:v", "dvvideo", "-pix_fmt", "yuv420p"),
    ),
    _made("raw.obu", "AV1 without a container", "-c:v", "libsvtav1", "-pix_fmt", "yuv420p"),
    Odd("recording.ts", "broadcast that begins between two key frames", _recorded),
    _made("clock.flv", "FLV whose clock begins at 40 s", *_X264, "-output_ts_offset", "40"),
)
