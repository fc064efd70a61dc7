"""Files that no pipeline should trust, made from the repository's clips: broken, disguised, oddly named, hostile."""

from __future__ import annotations

import dataclasses
import itertools
import os
import random
import struct
import subprocess
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Literal

from benchmarks.hostile.mutations import mutated

CLIPS = Path(__file__).resolve().parents[2] / "tests" / "data" / "clips"
_REPRODUCIBLE = ("-fflags", "+bitexact", "-flags", "+bitexact", "-threads", "1")
"""Else some containers get an id by chance, and some pictures depend on which thread was first."""
GOOD = ("baseball.mp4", "coffee.mp4", "folder.mp4/juggling.mp4")

Expected = Literal["failed", "indexed", "any"]


@dataclasses.dataclass(frozen=True, slots=True)
class Case:
    """One input. name: below the folder. expected: what must become of it, where only one outcome is honest."""

    name: str
    kind: str
    expected: Expected


@dataclasses.dataclass(frozen=True, slots=True)
class Canary:
    """What inputs point to and nothing may touch. secret: a video outside the folder. url: a server on loopback."""

    secret: Path
    url: str


@dataclasses.dataclass(frozen=True, slots=True)
class _Recipe:
    kind: str
    name: str
    expected: Expected
    write: Callable[[Path], None]


def make(folder: Path, seed: int, canary: Canary, count: int) -> list[Case]:
    """Write ``count`` malformed inputs, ``GOOD`` videos beside them, and say what each is. The kinds take turns; when
    they are used up, the rest are good files of many containers with random damage."""
    folder.mkdir(parents=True)
    for name in GOOD:
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_bytes((CLIPS / Path(name).name).read_bytes())
    kinds = [list(kind) for kind in _kinds(random.Random(seed), canary)]
    turns = [kind[turn] for turn in range(max(map(len, kinds))) for kind in kinds if turn < len(kind)]
    endless = itertools.chain(turns, _damaged(random.Random(f"damaged {seed}")))
    cases = []
    for number, recipe in enumerate(itertools.islice(endless, count)):
        name = recipe.name.format(number=f"{number:02}")
        recipe.write(folder / name)
        cases.append(Case(name, recipe.kind, recipe.expected))
    return cases


def _kinds(rng: random.Random, canary: Canary) -> Iterator[Iterator[_Recipe]]:
    clip = (CLIPS / "bottles.mp4").read_bytes()
    yield _truncated(clip, rng)
    yield _flipped(clip, rng)
    yield _disguised(clip)
    yield _pointing(canary)
    yield _named_like_urls()
    yield _named(clip)
    yield _no_files(canary)
    yield _odd_streams(rng)
    yield _lying_headers(clip)


def _truncated(clip: bytes, rng: random.Random) -> Iterator[_Recipe]:
    yield _bytes("empty", "{number} empty.mp4", "failed", b"")
    for share in (0.6, 0.01, 0.3, 0.9, 0.99, 0.001):
        length = int(len(clip) * share * rng.uniform(0.95, 1.0))
        # The index of these clips comes last, so whatever is cut off takes it along.
        yield _bytes("truncated", f"{{number}} truncated at {share:g}.mp4", "any", clip[:length])
    yield _made(
        "truncated", "{number} truncated.mkv", "any", ["-c", "copy", "-f", "matroska"], keep=rng.uniform(0.4, 0.6)
    )
    yield _made("truncated", "{number} truncated.ts", "any", ["-c", "copy", "-f", "mpegts"], keep=rng.uniform(0.4, 0.6))
    faststart = ["-c", "copy", "-movflags", "+faststart", "-f", "mp4"]
    yield _made("truncated", "{number} truncated with index.mp4", "any", faststart, keep=rng.uniform(0.4, 0.6))
    yield _bytes("truncated", "{number} without its head.mp4", "any", clip[len(clip) // 3 :])


def _flipped(clip: bytes, rng: random.Random) -> Iterator[_Recipe]:
    index = clip.find(b"moov")
    regions = {
        "first bytes": (0, 64, 24),
        "middle": (len(clip) // 3, len(clip) // 2, 400),
        "index": (index, len(clip), 60),
        "everywhere": (64, len(clip), 3000),
        "one bit": (len(clip) // 2, len(clip) // 2 + 1, 1),
    }
    for where, (start, end, flips) in regions.items():
        data = bytearray(clip)
        for _ in range(flips):
            data[rng.randrange(start, end)] ^= 1 << rng.randrange(8)
        yield _bytes("bits flipped", f"{{number}} flipped bits, {where}.mp4", "any", bytes(data))
    yield _bytes("noise", "{number} noise.mp4", "failed", rng.randbytes(65536))
    yield _bytes("noise", "{number} noise with a head.mp4", "failed", clip[:32] + rng.randbytes(65536))
    yield _bytes("noise", "{number} zeros.mp4", "failed", bytes(65536))


def _disguised(clip: bytes) -> Iterator[_Recipe]:
    def archive(path: Path) -> None:
        with zipfile.ZipFile(path, "w") as file:
            file.writestr(zipfile.ZipInfo("clip.mp4"), clip)  # of 1980

    yield _bytes("not a video", "{number} text.mp4", "failed", b"This is not a video.\n" * 99)
    yield _made("not a video", "{number} png.mp4", "failed", ["-frames:v", "1", "-c:v", "png", "-f", "image2pipe"])
    yield _bytes("not a video", "{number} json.mkv", "failed", b'{"streams": [{"codec_type": "video"}]}')
    yield _Recipe("not a video", "{number} zip.mp4", "failed", archive)
    yield _made("not a video", "{number} jpeg.avi", "failed", ["-frames:v", "1", "-c:v", "mjpeg", "-f", "image2pipe"])
    yield _bytes("not a video", "{number} page.webm", "failed", b"<html><video src='x.mp4'></video></html>")
    yield _bytes("not a video", "{number} subtitles.mp4", "failed", b"1\n00:00:00,000 --> 00:00:09,000\nHello\n\n" * 9)
    yield _bytes("wrong suffix", "{number} mp4 called.avi", "indexed", clip)
    yield _made("wrong suffix", "{number} matroska called.mp4", "indexed", ["-c", "copy", "-f", "matroska"])
    yield _bytes("nested", "{number} video in a text.mp4", "any", b"text\n" * 99 + clip)


def _pointing(canary: Canary) -> Iterator[_Recipe]:
    """Files whose content asks a player to open something else."""
    secret, url = str(canary.secret), canary.url
    port = url.rpartition(":")[2]
    segment = "#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\n{}\n#EXT-X-ENDLIST\n"
    texts = {
        "{number} playlist to a file.mp4": segment.format(secret),
        "{number} playlist to a file URL.ts": segment.format(f"file://{secret}"),
        "{number} playlist to a server.mp4": segment.format(f"{url}/a.ts"),
        "{number} playlist with concat.avi": segment.format(f"concat:{url}/head|file://{secret}"),
        "{number} master playlist.mkv": f"#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\n{url}/b.m3u8\n",
        "{number} ffconcat to a file.mp4": f"ffconcat version 1.0\nfile '{secret}'\n",
        "{number} ffconcat to a server.mp4": f"ffconcat version 1.0\nfile '{url}/c.mp4'\n",
        "{number} session description.mov": f"v=0\nc=IN IP4 127.0.0.1\nt=0 0\nm=video {port} RTP/AVP 96\n",
        "{number} dash manifest.mp4": f"<MPD><Period><BaseURL>{url}/</BaseURL></Period></MPD>",
        "{number} reference.mov": f"RTSPtext\nrtsp{url.removeprefix('http')}/d.mov\n",
    }
    for name, text in texts.items():
        yield _bytes("points elsewhere", name, "failed", text.encode())


def _named_like_urls() -> Iterator[_Recipe]:
    """Good videos: only their names are tricks."""
    names = (
        "concat:{number}.mp4",
        "concat:a.mp4|{number}.mp4",
        "http:{number}.mp4",
        "file:{number}.mp4",
        "subfile,,start,0,end,0,,:{number}.mp4",
        "pipe:{number}.mp4",
        "data:video,{number}.mp4",
        "cache:{number}.mp4",
    )
    for name in names:
        yield _Recipe("name like a URL", name, "indexed", _copy)


def _named(clip: bytes) -> Iterator[_Recipe]:
    names = (
        "{number} with  spaces .mp4",
        "-i {number}.mp4",
        "--help {number}.mp4",
        "{number} 'single' \"double\" `back`.mp4",
        "{number} line\nbreak\ttab.mp4",
        "{number} frame-%03d-%d.mp4",
        "{number} [a-z]*?{{x,y}}.mp4",
        "{number} $(touch gotcha) ; rm -rf x & # | >.mp4",
        "{number} ünïcödé 日本語 🎬 \u202egpm.mp4",
        "{number} \x1b[31mred\x07.mp4",
        "{number} back\\slash, comma; colon:.mp4",
        "{number} " + "long" * 60 + ".mp4",
    )
    for name in names:
        yield _Recipe("odd name", name, "indexed", _copy)
    not_utf8 = os.fsdecode(b"\xff\xfe latin \xe9.mp4")
    yield _bytes("odd name", "{number} " + not_utf8, "any", clip)


def _no_files(canary: Canary) -> Iterator[_Recipe]:
    yield _Recipe("no file", "{number} link to nowhere.mp4", "failed", lambda path: path.symlink_to("nowhere.mp4"))
    yield _Recipe("no file", "{number} fifo.mp4", "failed", lambda path: os.mkfifo(path))
    yield _Recipe("no file", "{number} link to itself.mp4", "failed", lambda path: path.symlink_to(path.name))
    yield _Recipe("no file", "{number} link to a fifo.mp4", "failed", lambda path: path.symlink_to(_fifo(canary)))
    yield _Recipe("no file", "{number} endless device.mp4", "failed", lambda path: path.symlink_to("/dev/zero"))


def _odd_streams(rng: random.Random) -> Iterator[_Recipe]:
    tone = ["-f", "lavfi", "-i", "sine=duration=3"]
    yield _made("odd streams", "{number} sound only.mp4", "failed", ["-c:a", "aac", "-f", "mp4"], inputs=tone)
    cover = [*tone, "-i", str(CLIPS / "cars.mp4")]
    attached = ["-map", "0:a", "-map", "1:v", "-frames:v", "1", "-c:v", "mjpeg", "-disposition:v", "attached_pic"]
    yield _made(
        "odd streams", "{number} cover art.mp4", "failed", [*attached, "-c:a", "aac", "-f", "mp4"], inputs=cover
    )
    yield _made("odd streams", "{number} one frame.mp4", "indexed", ["-frames:v", "1", "-f", "mp4"])
    yield _made(
        "odd streams",
        "{number} one pixel row.avi",
        "any",
        ["-vf", "format=bgr0,scale=16:1", "-c:v", "ffv1", "-f", "avi"],
    )
    late = ["-c", "copy", "-output_ts_offset", str(rng.randrange(10**6, 10**8)), "-f", "matroska"]
    yield _made("odd streams", "{number} late timestamps.mkv", "any", late)
    gap = ["-frames:v", "20", "-vf", "setpts=PTS+gte(N\\,9)*300/TB", "-vsync", "vfr", "-f", "matroska"]
    yield _made(
        "odd streams",
        "{number} gap of minutes.mkv",
        "any",
        gap,
    )
    yield _made(
        "odd streams", "{number} no duration.mkv", "indexed", ["-c", "copy", "-f", "matroska", "-live", "1"], keep=1.0
    )
    yield _made("odd streams", "{number} raw.h264", "any", ["-c", "copy", "-bsf:v", "h264_mp4toannexb", "-f", "h264"])
    yield _made("odd streams", "{number} frame rate.mp4", "any", ["-frames:v", "9", "-r", "0.01", "-f", "mp4"])


def _lying_headers(clip: bytes) -> Iterator[_Recipe]:
    """Fields of the mp4's index replaced: sizes, times and tables that promise what the file does not hold."""
    width = clip.index(b"avc1", clip.index(b"stsd")) + 4 + 24
    huge = clip[:width] + struct.pack(">HH", 65535, 65535) + clip[width + 4 :]
    yield _bytes("lying header", "{number} huge size in the index.mp4", "any", huge)
    yield _bytes("lying header", "{number} huge png.mp4", "failed", _png_head(2**31 - 1, 2**31 - 1))
    yield _bytes(
        "lying header",
        "{number} huge picture.y4m",
        "failed",
        b"YUV4MPEG2 W60000 H60000 F25:1 C420\nFRAME\n" + bytes(999),
    )
    yield _bytes("lying header", "{number} no duration.mp4", "any", _patched(clip, b"mdhd", 16, struct.pack(">I", 0)))
    long = _patched(clip, b"mdhd", 16, struct.pack(">I", 2**32 - 1))
    yield _bytes("lying header", "{number} years long.mp4", "any", long)
    yield _bytes("lying header", "{number} no time scale.mp4", "any", _patched(clip, b"mdhd", 12, bytes(4)))
    yield _bytes("lying header", "{number} endless table.mp4", "any", _patched(clip, b"stsz", 8, b"\xff\xff\xff\xff"))
    yield _bytes(
        "lying header", "{number} frames elsewhere.mp4", "any", _patched(clip, b"stco", 8, b"\x7f\xff\xff\xff")
    )
    nested = clip[: clip.index(b"moov") - 4]
    for _ in range(2000):
        nested += struct.pack(">I4s", 2**31 - 1, b"moov")
    yield _bytes("nested", "{number} boxes in boxes.mp4", "failed", nested)


_CONTAINERS = {
    "mp4": ["-c", "copy", "-f", "mp4"],
    "mov": ["-c", "copy", "-movflags", "+faststart", "-f", "mov"],
    "fragments.mp4": ["-c", "copy", "-movflags", "frag_keyframe+empty_moov", "-f", "mp4"],
    "mkv": ["-c", "copy", "-f", "matroska"],
    "ts": ["-c", "copy", "-f", "mpegts"],
    "flv": ["-c", "copy", "-f", "flv"],
    "avi": ["-c:v", "mpeg4", "-f", "avi"],
    "webm": ["-c:v", "libvpx", "-deadline", "good", "-cpu-used", "5", "-f", "webm"],
    "mpg": ["-c:v", "mpeg2video", "-f", "mpeg"],
    "ogv": ["-c:v", "libtheora", "-f", "ogg"],
    "wmv": ["-c:v", "wmv2", "-f", "asf"],
    "gif": ["-vf", "scale=64:-1", "-f", "gif"],
    "y4m": ["-vf", "scale=32:24", "-pix_fmt", "yuv420p", "-f", "yuv4mpegpipe"],
    "mxf": ["-c:v", "mpeg2video", "-r", "25", "-f", "mxf"],
    "nut": ["-c", "copy", "-f", "nut"],
    "h264": ["-c", "copy", "-bsf:v", "h264_mp4toannexb", "-f", "h264"],
}
_SECONDS = "3"


def _damaged(rng: random.Random) -> Iterator[_Recipe]:
    """Endless: three seconds of a clip in one container after the other, a few bytes of it changed, cut or doubled."""
    whole: dict[str, bytes] = {}
    while True:
        for suffix, options in _CONTAINERS.items():
            if suffix not in whole:
                with tempfile.TemporaryDirectory() as folder:
                    path = Path(folder, f"whole.{suffix}")
                    source = ["-t", _SECONDS, "-i", str(CLIPS / "cars.mp4"), "-an"]
                    command = ["ffmpeg", "-nostdin", "-v", "error", *source, *_REPRODUCIBLE, *options, str(path)]
                    subprocess.run(command, check=True)
                    whole[suffix] = path.read_bytes()
            data = whole[suffix]
            # Every second one keeps its damage to the head, where containers say what they hold.
            head = rng.choice((len(data), min(len(data), 4096)))
            damaged = mutated(data[:head], rng) + data[head:]
            yield _bytes("random damage", f"{{number}} damaged.{suffix}", "any", damaged)


def _patched(clip: bytes, box: bytes, offset: int, value: bytes) -> bytes:
    """The first ``box`` with other bytes, ``offset`` counted from the end of its name."""
    start = clip.index(box) + len(box) + offset
    return clip[:start] + value + clip[start + len(value) :]


def _png_head(width: int, height: int) -> bytes:
    return b"\x89PNG\r\n\x1a\n" + struct.pack(">I4sIIBBBBBI", 13, b"IHDR", width, height, 8, 2, 0, 0, 0, 0)


def _copy(path: Path) -> None:
    path.write_bytes((CLIPS / "bottles.mp4").read_bytes())


def _fifo(canary: Canary) -> Path:
    path = canary.secret.with_name("secret.fifo")
    os.mkfifo(path)
    return path


def _bytes(kind: str, name: str, expected: Expected, data: bytes) -> _Recipe:
    def write(path: Path) -> None:
        path.write_bytes(data)

    return _Recipe(kind, name, expected, write)


def _made(
    kind: str, name: str, expected: Expected, options: list[str], *, inputs: list[str] | None = None, keep: float = 1.0
) -> _Recipe:
    """What ffmpeg makes of a clip, or of ``inputs``; ``keep``: the share of the bytes that is left."""

    def write(path: Path) -> None:
        source = inputs or ["-i", str(CLIPS / "cars.mp4")]
        command = ["ffmpeg", "-nostdin", "-v", "error", "-y", *source, *_REPRODUCIBLE, *options]
        command.append(f"file:{path.absolute()}")
        subprocess.run(command, check=True)
        data = path.read_bytes()
        path.write_bytes(data[: round(len(data) * keep)])

    return _Recipe(kind, name, expected, write)
