"""Which frames come out, and how decoding ends."""

from __future__ import annotations

import dataclasses
import math
import struct
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from cliptrace.schemas.config import Limits
from cliptrace.schemas.errors import CliptraceError, MediaError
from cliptrace.schemas.records import VideoSource
from cliptrace.transforms.media.decode import Decoder, Tile
from cliptrace.transforms.media.probe import costly_starts, probe
from cliptrace.transforms.media.ranges import split

Make = Callable[..., str]
Decode = Callable[..., tuple[NDArray[np.uint8], Decoder]]
Fake = Callable[[str, str], None]

LONG = "long clip"
TONE = ("-f", "lavfi", "-i", "sine=duration=150")
FIELDS = ("-vf", "tinterlace=interleave_top", "-flags", "+ildct+ilme")
H264 = ("-c:v", "libx264", "-preset", "veryfast", "-bf", "3", "-pix_fmt", "yuv420p")


def source(rate: str = "10", duration: int = 2, size: str = "64x48") -> tuple[str, ...]:
    return ("-f", "lavfi", "-i", f"testsrc2=size={size}:rate={rate}:duration={duration}")


def brightness(frames: NDArray[np.uint8]) -> NDArray[np.float64]:
    return frames.mean(axis=(1, 2, 3))


def difference(a: NDArray[np.uint8], b: NDArray[np.uint8]) -> float:
    return float(np.abs(a.astype(np.int16) - b.astype(np.int16)).mean())


# The grid


def test_tiles(long_clip: str) -> None:
    limits = Limits()
    with Decoder(long_clip, probe(long_clip, limits), limits, size=16) as decoder:
        tiles = [(tile.times, tile.frames.shape, tile.frames.dtype) for tile in decoder]
    assert [shape for _, shape, _ in tiles] == [(576, 16, 16, 3), (576, 16, 16, 3), (48, 16, 16, 3)]
    assert all(dtype == np.uint8 for _, _, dtype in tiles)
    np.testing.assert_array_equal(np.concatenate([times for times, _, _ in tiles]), np.arange(1200) / 8)
    assert (decoder.decoded_s, decoder.warning) == (150.0, "")


def test_frame_k_shows_second_k_eighths(make: Make, decode: Decode) -> None:
    numbered = ("-f", "lavfi", "-i", "color=black:size=32x32:rate=8:duration=3,geq=lum='16+9*N':cb=128:cr=128")
    frames, _ = decode(make("numbered.mkv", *numbered, "-c:v", "ffv1"))
    expected = np.round((np.arange(24) * 9) * 255 / 219)
    np.testing.assert_allclose(brightness(frames), expected, atol=1.0)


def test_of_key_frames_each_stays_until_the_next(make: Make, decode: Decode) -> None:
    keys = make("keys.mp4", *source("10", 7), *H264, "-g", "20", "-sc_threshold", "0")  # every two seconds
    frames, decoder = decode(keys, key_frames_only=True)
    every, _ = decode(keys)
    assert (decoder.decoded_s, decoder.warning) == (7.0, "")
    np.testing.assert_array_equal(frames[:48:16], every[:48:16])
    for second in (0, 2, 4):
        begin = 8 * second
        assert (frames[begin : begin + 16] == frames[begin]).all()
        assert (frames[begin] != every[begin + 8]).any()


def test_a_key_frame_comes_in_one_tile_alone(make: Make) -> None:
    def tiles(name: str, frames: int, start_s: float) -> list[list[float]]:
        """frames: between key frames, 10 a second."""
        keys = make(name, *source("10", 150), *H264, "-g", str(frames), "-sc_threshold", "0")
        info = probe(keys, Limits())
        with Decoder(keys, info, Limits(), start_s=start_s, size=16, key_frames_only=True) as decoder:
            return [[tile.times[0].item(), tile.times[-1].item()] for tile in decoder]

    assert tiles("slow.mp4", 500, 0.0) == [[0, 71.875], [100, 100]]
    assert tiles("slow.mp4", 500, 72.0) == [[100, 100]]
    assert tiles("slow.mp4", 500, 144.0) == []
    # One that begins with a range is its own, as in the whole.
    assert tiles("even.mp4", 360, 0.0) == [[0, 71.875], [72, 143.875], [144, 144]]
    assert tiles("even.mp4", 360, 72.0) == [[72, 143.875], [144, 144]]


def test_damage_among_key_frames_is_told(make: Make, decode: Decode, tmp_path: Path) -> None:
    keys = Path(make("whole.mp4", *source("10", 20), *H264, "-g", "20", "-movflags", "faststart"))
    cut = tmp_path / "cut.mp4"
    cut.write_bytes(keys.read_bytes()[: keys.stat().st_size // 2])
    _, decoder = decode(str(cut), key_frames_only=True)
    assert decoder.decoded_s < 15
    assert decoder.warning.startswith("decoding ended at ")


def test_seconds_before_the_first_picture_are_nobodys(clip: str, make: Make, decode: Decode) -> None:
    tone = ("-f", "lavfi", "-i", "sine=duration=3")
    late = make("late.mp4", "-itsoffset", "1", "-i", clip, *tone, "-map", "0:v", "-map", "1:a", "-c:v", "copy")
    frames, decoder = decode(late)
    whole, _ = decode(clip)
    np.testing.assert_array_equal(frames, whole)
    assert (decoder.decoded_s, decoder.warning) == (3.0, "")
    with Decoder(late, probe(late, Limits()), Limits()) as tiles:
        assert [tile.times.tolist() for tile in tiles] == [[1 + k / 8 for k in range(16)]]


def test_a_broadcast_shows_nothing_before_its_first_key_frame(make: Make, decode: Decode, tmp_path: Path) -> None:
    stream = Path(make("whole.ts", *source("10", 4), *H264, "-g", "20", "-keyint_min", "20")).read_bytes()
    packets = [stream[at : at + 188] for at in range(0, len(stream), 188)]
    pictures = [number for number, packet in enumerate(packets) if packet[1:3] == b"\x41\x00"]
    # What is in it, and the stream from its sixth picture on: in the order of decoding, fifteen before a key frame.
    (tmp_path / "cut.ts").write_bytes(b"".join(packets[:3] + packets[pictures[5] :]))
    info = probe(str(tmp_path / "cut.ts"), Limits())
    assert info.late_s == pytest.approx(1.5, abs=0.35)
    with Decoder(str(tmp_path / "cut.ts"), info, Limits()) as tiles:
        [times] = [tile.times.tolist() for tile in tiles]
    assert times[0] == math.floor(info.late_s * 8) / 8


def test_a_transport_stream_begins_at_0_whatever_its_clock_says(clip: str, make: Make, decode: Decode) -> None:
    path = make("clock.ts", "-i", clip, "-c", "copy", "-output_ts_offset", "1000")
    np.testing.assert_array_equal(decode(path)[0], decode(clip)[0])


def test_matroska_that_starts_late_is_whole(clip: str, make: Make, decode: Decode) -> None:
    path = make("clock.mkv", "-i", clip, "-c", "copy", "-output_ts_offset", "1000")
    frames, decoder = decode(path)
    np.testing.assert_array_equal(frames, decode(clip)[0])
    assert (decoder.decoded_s, decoder.warning) == (2.0, "")


def test_matroska_without_its_cues_gives_what_is_there(make: Make, decode: Decode, tmp_path: Path) -> None:
    content = Path(make("short.mkv", *source("10", 10), *H264)).read_bytes()
    (tmp_path / "cut.mkv").write_bytes(content[: len(content) // 2])
    frames, decoder = decode(str(tmp_path / "cut.mkv"))
    assert 8 <= len(frames) < 72
    assert decoder.warning.startswith(f"decoding ended at {len(frames) / 8:.1f} s of 10.0 s")


def test_a_transport_stream_whose_clock_restarts_is_read_to_its_end(
    clip: str, make: Make, decode: Decode, tmp_path: Path
) -> None:
    once = Path(make("once.ts", "-i", clip, "-c", "copy")).read_bytes()
    (tmp_path / "twice.ts").write_bytes(once + once)
    frames, decoder = decode(str(tmp_path / "twice.ts"))
    assert decoder.decoded_s == pytest.approx(4.0, abs=0.25)
    assert difference(frames[:15], frames[16:31]) < 8


VARIANTS: dict[str, tuple[str, tuple[str, ...]]] = {
    "b-frames": ("b.mp4", (*source(duration=150), *H264)),
    "open gop": ("open.mp4", (*source(duration=150), *H264, "-g", "24", "-x264-params", "open-gop=1")),
    "one keyframe": ("one.mp4", (*source(duration=150), *H264, "-g", "9999", "-keyint_min", "9999")),
    "intra refresh": ("refresh.mp4", (*source(duration=150), *H264, "-x264-params", "intra-refresh=1:keyint=30")),
    "matroska": ("b.mkv", (*source("24000/1001", 150), *H264)),
    "vp9": ("b.webm", (*source("6", 150), "-c:v", "libvpx-vp9", "-deadline", "realtime", "-cpu-used", "8")),
    "hevc": ("hevc.mp4", (*source("6", 150), "-c:v", "libx265", "-preset", "ultrafast", "-pix_fmt", "yuv420p")),
    "ntsc": ("ntsc.mov", (*source("30000/1001", 150), *H264)),
    "0.5 fps": ("slow.mp4", (*source("1/2", 150), *H264)),
    "1 fps": ("one.mkv", (*source("1", 150), *H264)),
    "5 fps": ("five.mp4", (*source("5", 150), *H264)),
    "variable rate": ("vfr.mp4", (*source("30", 150), "-vf", "select='lt(mod(n*n,11),3)'", "-vsync", "vfr", *H264)),
    "fragments": ("parts.mp4", (*source(duration=150), *H264, "-movflags", "frag_keyframe+empty_moov")),
    "late start": ("late.mp4", ("-itsoffset", "0.7", "-i", LONG, *TONE, "-map", "0", "-map", "1", "-c:v", "copy")),
    "edit list": ("edit.mp4", ("-ss", "1.3", "-i", LONG, "-c", "copy")),
    "interlaced": ("fields.mkv", (*source("20", 150, "64x64"), *FIELDS, *H264)),
    "transport stream": ("b.ts", (*source(duration=150), *H264)),
    "avi": ("b.avi", (*source(duration=150), "-c:v", "mpeg4", "-bf", "2")),
}  # fmt: skip


@pytest.mark.parametrize("variant", VARIANTS)
def test_ranges_yield_what_the_whole_yields(long_clip: str, make: Make, decode: Decode, variant: str) -> None:
    name, arguments = VARIANTS[variant]
    path = make(name, *(long_clip if word == LONG else word for word in arguments))
    limits = Limits(range_s=72.0)
    whole, decoder = decode(path)
    ranges = split(VideoSource("id", path), probe(path, limits), limits)
    assert len(ranges) == (1 if variant in ("transport stream", "avi") else 3)
    parts = [decode(path, start_s=r.start_s, end_s=r.end_s) for r in ranges]
    assert np.concatenate([frames for frames, _ in parts]).tobytes() == whole.tobytes()
    assert sum(part.decoded_s for _, part in parts) == decoder.decoded_s == pytest.approx(150.0, abs=1.5)
    assert [part.warning for _, part in parts] == [""] * len(parts)


def test_a_range_starts_with_a_whole_tile_of_a_seekable_container(clip: str) -> None:
    info = probe(clip, Limits())
    with pytest.raises(ValueError, match=r"^a range starts with a whole tile, not at 10\.0 s$"):
        Decoder(clip, info, Limits(), start_s=10.0)
    with pytest.raises(ValueError, match=r"^a video in mpegts is decoded from its beginning, not from 72\.0 s$"):
        Decoder(clip, dataclasses.replace(info, container="mpegts"), Limits(), start_s=72.0)


# The pictures


def test_variable_frame_rate_keeps_its_timing(make: Make, decode: Decode) -> None:
    steps = "color=black:size=32x32:rate=40:duration=4,geq=lum='16+50*floor(T)':cb=128:cr=128"
    path = make(
        "vfr.mkv",
        "-f",
        "lavfi",
        "-i",
        steps,
        "-vf",
        "select='lt(t,2)+eq(n,85)+gte(t,3)'",
        "-vsync",
        "vfr",
        "-c:v",
        "ffv1",
    )
    frames, _ = decode(path)
    # The frame at 2.125 s stands alone between 2 s and 3 s, at a fortieth of the rate around it.
    seconds = np.repeat([0, 1, 2, 3], [8, 9, 7, 8])
    np.testing.assert_allclose(brightness(frames), np.round(seconds * 50 * 255 / 219), atol=1.0)


@pytest.mark.parametrize("rotate", [90, 180, 270])
def test_rotation_is_applied(clip: str, make: Make, decode: Decode, rotate: int) -> None:
    turned = make("turned.mp4", "-i", clip, "-c", "copy", "-metadata:s:v", f"rotate={rotate}")
    info = probe(turned, Limits())
    assert info.rotation in ((180,) if rotate == 180 else (90, 270))
    upright = np.rot90(decode(clip, size=64)[0], -info.rotation // 90, axes=(1, 2))
    frames, _ = decode(turned, size=64)
    others = [np.rot90(upright, turns, axes=(1, 2)) for turns in (1, 2, 3)]
    assert difference(frames, upright) < min(difference(frames, other) for other in others) / 4


@pytest.mark.parametrize(("rotation", "mirrored"), [(turn, flip) for turn in (0, 90, 180, 270) for flip in (0, 1)])
def test_pictures_are_upright_as_ffmpeg_turns_them(
    clip: str, decode: Decode, tmp_path: Path, rotation: int, mirrored: int
) -> None:
    path = str(tmp_path / "turned.mp4")
    Path(path).write_bytes(with_matrix(Path(clip).read_bytes(), rotation, bool(mirrored)))
    info = probe(path, Limits())
    assert (info.rotation, info.mirrored) == (rotation, bool(mirrored))
    command = ["ffmpeg", "-v", "error", "-i", path, "-vf", "fps=8,scale=64:64:flags=area", "-f", "rawvideo"]
    raw = subprocess.run([*command, "-pix_fmt", "rgb24", "-"], capture_output=True, check=True).stdout
    turned = np.frombuffer(raw, np.uint8).reshape(-1, 64, 64, 3)[:16]
    assert difference(decode(path, size=64)[0], turned) < 10


def with_matrix(movie: bytes, rotation: int, mirrored: bool) -> bytes:
    """An mp4 whose pictures are to be mirrored, and then turned clockwise."""
    cosine, sine = {0: (1, 0), 90: (0, 1), 180: (-1, 0), 270: (0, -1)}[rotation]
    flip = -1 if mirrored else 1
    rows = (cosine, sine, 0, -sine * flip, cosine * flip, 0)
    at = movie.index(b"tkhd") + 4 + 40
    return movie[:at] + struct.pack(">6i", *(number << 16 for number in rows)) + movie[at + 24 :]


@pytest.mark.parametrize("fields", [False, True])
def test_pictures_that_change_their_size_keep_the_grid(
    make: Make, decode: Decode, tmp_path: Path, fields: bool
) -> None:
    """Also where each second has another size: what is on screen is neither lost nor repeated."""
    coded = (*FIELDS, "-c:v", "mpeg2video") if fields else (*H264, "-bf", "0")
    path = tmp_path / "sizes.ts"
    with path.open("wb") as file:
        for second in range(6):
            grey = f"color=0x{30 + 35 * second:02x}{30 + 35 * second:02x}{30 + 35 * second:02x}"
            grey += f":size={('96x64', '64x96')[second % 2]}:rate={50 if fields else 25}:duration=1"
            shifted = ("-output_ts_offset", str(second), "-muxdelay", "0")
            file.write(Path(make("part.ts", "-f", "lavfi", "-i", grey, *coded, *shifted)).read_bytes())
    frames, decoder = decode(str(path))
    assert decoder.decoded_s == pytest.approx(6.0, abs=0.25)
    np.testing.assert_allclose(brightness(frames)[4:48:8], 30 + 35 * np.arange(6), atol=3)


def test_ranges_begin_where_a_keyframe_is_near(make: Make) -> None:
    limits = Limits(range_s=72.0)
    sparse = ("-force_key_frames", "0,71,270", "-g", "9999", "-keyint_min", "9999", "-sc_threshold", "0")
    for name in ("a.mp4", "a.mkv"):
        path = make(name, *source("2", 300), "-c:v", "libx264", "-preset", "ultrafast", "-bf", "0", *sparse)
        assert costly_starts(path, probe(path, limits), limits) == {72.0, 144.0, 216.0}
    late = make("late.mkv", *source("2", 160), "-c:v", "libx264", "-g", "20", "-output_ts_offset", "1000")
    assert costly_starts(late, probe(late, limits), limits) == set()


def test_where_ffprobe_does_not_answer_a_video_is_not_cut(long_clip: str, fake_ffmpeg: Fake) -> None:
    limits = Limits(range_s=72.0)
    info = probe(long_clip, limits)
    for answer in ("exit 1", "echo {}", "echo '{\"packets\": []}'", "echo '{\"packets\": [{}, {}]}'"):
        fake_ffmpeg("ffprobe", answer)
        assert costly_starts(long_clip, info, limits) == {72.0, 144.0}


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("odd.mp4", (*source(), "-vf", "scale=63:47", "-c:v", "libx264", "-pix_fmt", "yuv444p")),
        ("deep.mp4", (*source(), "-c:v", "libx264", "-pix_fmt", "yuv420p10le")),
        ("alpha.mov", (*source(), "-c:v", "prores_ks", "-pix_fmt", "yuva444p10le")),
    ],
)
def test_unusual_pictures_look_the_same(
    clip: str, make: Make, decode: Decode, name: str, arguments: tuple[str, ...]
) -> None:
    frames, decoder = decode(make(name, *arguments))
    assert (decoder.decoded_s, decoder.warning) == (2.0, "")
    assert difference(frames, decode(clip)[0]) < 6


def test_interlaced_pictures_are_not_combed(make: Make) -> None:
    bars = "color=black:size=64x64:rate=50:duration=1,geq=lum='if(lt(mod(X+4*N,32),16),30,220)':cb=128:cr=128"
    path = make("bars.ts", "-f", "lavfi", "-i", bars, *FIELDS, "-c:v", "mpeg2video", "-q:v", "2")
    limits = Limits()
    info = probe(path, limits)

    def combing(interlaced: bool) -> float:
        """Mean difference between a row and the one below, between upright bars that have none."""
        with Decoder(path, dataclasses.replace(info, interlaced=interlaced), limits, size=64) as decoder:
            frames = next(iter(decoder)).frames.astype(np.int16)
        return float(np.abs(np.diff(frames, axis=1)).mean())

    assert info.interlaced
    assert combing(interlaced=False) > 30
    assert combing(interlaced=True) < 5


# The end


def test_missing_duration_is_no_warning(clip: str, make: Make, decode: Decode) -> None:
    for name in ("raw.h264", "live.mkv"):
        path = make(name, "-i", clip, "-c", "copy", *(("-live", "1") if name == "live.mkv" else ()))
        assert math.isnan(probe(path, Limits()).duration_s)
        assert decode(path)[1].warning == ""


def test_truncated_mp4(long_clip: str, decode: Decode, tmp_path: Path) -> None:
    content = Path(long_clip).read_bytes()
    path = tmp_path / "cut.mp4"
    path.write_bytes(content[: len(content) // 2])
    frames, decoder = decode(str(path))
    assert 50 < decoder.decoded_s < 100
    assert len(frames) == decoder.decoded_s * 8
    start, _, reason = decoder.warning.partition(": ")
    assert start == f"decoding ended at {decoder.decoded_s:.1f} s of 150.0 s"
    assert reason.startswith("mov: stream 0, offset 0x")
    assert reason.endswith(": partial file")


def test_a_range_behind_the_truncation_has_no_frames_and_a_warning(
    long_clip: str, decode: Decode, tmp_path: Path
) -> None:
    content = Path(long_clip).read_bytes()
    (tmp_path / "cut.mp4").write_bytes(content[: len(content) // 2])
    frames, decoder = decode(str(tmp_path / "cut.mp4"), start_s=144.0)
    assert len(frames) == decoder.decoded_s == 0
    assert decoder.warning == "decoding ended at 144.0 s of 150.0 s"


def test_truncated_mkv(long_clip: str, make: Make, decode: Decode, tmp_path: Path) -> None:
    content = Path(make("whole.mkv", "-i", long_clip, "-c", "copy")).read_bytes()
    (tmp_path / "cut.mkv").write_bytes(content[: len(content) // 2])
    _, decoder = decode(str(tmp_path / "cut.mkv"))
    assert 50 < decoder.decoded_s < 100
    assert (
        decoder.warning == f"decoding ended at {decoder.decoded_s:.1f} s of 150.0 s: matroska: File ended prematurely"
    )


def test_concealed_damage_is_no_warning(long_clip: str, decode: Decode, tmp_path: Path) -> None:
    content = bytearray(Path(long_clip).read_bytes())
    for position in range(len(content) // 2, len(content) * 3 // 4, 2000):
        content[position] ^= 0xFF
    (tmp_path / "damaged.mp4").write_bytes(content)
    _, decoder = decode(str(tmp_path / "damaged.mp4"))
    assert (decoder.decoded_s, decoder.warning) == (150.0, "")


def test_no_frame_at_all(clip: str, decode: Decode, fake_ffmpeg: Fake) -> None:
    fake_ffmpeg("ffmpeg", r"printf '[h264 @ 0x55aa] bad\033[31m thing\nConversion failed!\n' >&2; exit 1")
    with pytest.raises(MediaError) as error:
        decode(clip)
    assert str(error.value) == "no frame could be decoded: h264: bad [31m thing"


def test_a_stalled_ffmpeg_is_killed(
    clip: str, decode: Decode, fake_ffmpeg: Fake, children: Callable[[], list[str]]
) -> None:
    fake_ffmpeg("ffmpeg", f"head -c {5 * 32 * 32 * 3} /dev/zero; exec sleep 60")
    frames, decoder = decode(clip, Limits(stall_s=0.3))
    assert len(frames) == 5
    assert decoder.warning == "decoding ended at 0.6 s of 2.0 s: no output for 0.3 s"
    assert children() == []


def test_an_ffmpeg_slower_than_the_floor_is_killed(clip: str, decode: Decode, fake_ffmpeg: Fake) -> None:
    fake_ffmpeg("ffmpeg", f"while :; do head -c {32 * 32 * 3} /dev/zero; sleep 0.1; done")
    frames, decoder = decode(clip, Limits(stall_s=1.0, speed_floor=10.0))
    assert len(frames) > 1
    assert " s of 2.0 s: too slow, killed after " in decoder.warning


def test_a_slow_reader_is_not_the_fault_of_ffmpeg(long_clip: str, monkeypatch: pytest.MonkeyPatch) -> None:
    limits = Limits(stall_s=5.0)
    with Decoder(long_clip, probe(long_clip, limits), limits, size=32) as decoder:
        tiles = iter(decoder)
        next(tiles)
        clock = time.monotonic
        monkeypatch.setattr("cliptrace.transforms.media.process.time.monotonic", lambda: clock() + 1000)
        assert sum(len(tile.times) for tile in tiles) == 624
    assert decoder.warning == ""


def test_chatter_does_not_block(clip: str, decode: Decode, fake_ffmpeg: Fake) -> None:
    noise = "head -c 3000000 /dev/zero | tr '\\0' x >&2"
    fake_ffmpeg("ffmpeg", f"{noise}; head -c {16 * 32 * 32 * 3} /dev/zero; {noise}; exit 3")
    frames, decoder = decode(clip)
    assert len(frames) == 16
    assert decoder.warning == f"decoding ended at 2.0 s of 2.0 s: {'x' * 300}"


def test_a_stream_without_end_stops_at_the_limit(clip: str, make: Make, decode: Decode) -> None:
    path = make("raw.h264", "-i", clip, "-c", "copy")
    frames, decoder = decode(path, Limits(max_duration_s=0.5))
    assert len(frames) == 4
    assert decoder.warning == "decoding ended at 0.5 s: no video may be longer"


def test_memory_is_limited(make: Make, decode: Decode) -> None:
    path = make("large.mp4", "-f", "lavfi", "-i", "color=red:size=8000x8000:rate=2:duration=2", "-c:v", "mpeg4")
    with pytest.raises(MediaError) as error:
        decode(path, Limits(memory_bytes=400 << 20))
    assert str(error.value).startswith("no frame could be decoded: mpeg4: get_buffer() failed")


def test_closed_early_leaves_no_process(long_clip: str, children: Callable[[], list[str]]) -> None:
    limits = Limits()
    info = probe(long_clip, limits)
    with Decoder(long_clip, info, limits) as decoder:
        next(iter(decoder))
        assert len(children()) == 1
    assert children() == []


def test_an_exception_leaves_no_process(long_clip: str, children: Callable[[], list[str]]) -> None:
    def consume(tile: Tile) -> None:
        raise RuntimeError(f"consumer of {len(tile.times)} frames")

    limits = Limits()
    info = probe(long_clip, limits)
    with pytest.raises(RuntimeError, match="consumer of 576 frames"), Decoder(long_clip, info, limits) as decoder:
        consume(next(iter(decoder)))
    assert children() == []


def test_missing_ffmpeg(clip: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    info = probe(clip, Limits())
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(CliptraceError) as error, Decoder(clip, info, Limits()):
        pass
    assert str(error.value) == "ffmpeg is not installed: apt-get install ffmpeg"


@pytest.mark.parametrize("suffix", ["ts", "mpg"])
def test_a_clock_that_jumps_is_no_loss(make: Make, decode: Decode, tmp_path: Path, suffix: str) -> None:
    source = ("-f", "lavfi", "-i", "testsrc2=size=64x48:rate=25:duration=2", "-c:v", "mpeg2video")
    parts = [make(f"{at}.{suffix}", *source, "-output_ts_offset", str(at)) for at in (0, 500)]
    (tmp_path / f"jump.{suffix}").write_bytes(b"".join(Path(part).read_bytes() for part in parts))
    frames, decoder = decode(str(tmp_path / f"jump.{suffix}"))
    assert decoder.decoded_s == pytest.approx(4.0, abs=0.25)
    assert len(frames) == round(decoder.decoded_s * 8)
    assert decoder.warning == ""
