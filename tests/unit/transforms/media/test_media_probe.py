"""What is asked of a file before anything is decoded, and what is refused."""

from __future__ import annotations

import json
import math
import os
import socket
import struct
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from cliptrace.schemas.config import Limits
from cliptrace.schemas.errors import CliptraceError, MediaError
from cliptrace.transforms.folders import is_video
from cliptrace.transforms.media.decode import Decoder
from cliptrace.transforms.media.probe import info_of, probe

Make = Callable[..., str]
TONE = ("-f", "lavfi", "-i", "sine=duration=1")


def refusal(path: str | Path, limits: Limits | None = None) -> str:
    with pytest.raises(MediaError) as error:
        probe(str(path), limits or Limits())
    return str(error.value)


def test_describes_a_clip(clip: str) -> None:
    info = probe(clip, Limits())
    assert (info.duration_s, info.fps, info.width, info.height) == (2.0, 10.0, 64, 48)
    assert (info.codec, info.pixel_format, info.rotation, info.interlaced) == ("h264", "yuv420p", 0, False)
    assert info.container == "mov,mp4,m4a,3gp,3g2,mj2"
    assert info.size_bytes == Path(clip).stat().st_size
    assert info.content_sha256 == ""


def test_size_is_as_displayed_after_rotation(clip: str, make: Make) -> None:
    info = probe(make("turned.mp4", "-i", clip, "-c", "copy", "-metadata:s:v", "rotate=90"), Limits())
    assert (info.width, info.height) == (48, 64)
    assert info.rotation in (90, 270)


@pytest.mark.parametrize("suffix", ["mp4", "mkv"])
def test_duration_is_that_of_the_pictures(clip: str, make: Make, suffix: str) -> None:
    late = make(
        f"late.{suffix}", "-itsoffset", "0.5", "-i", clip, "-f", "lavfi", "-i", "sine=duration=6", "-c:v", "copy"
    )
    assert probe(late, Limits()).duration_s == pytest.approx(2.5, abs=0.01)


@pytest.mark.parametrize("tag", ["a while", "00:00:00.000", "99:00:00.000", "00:00:02"])
def test_a_tag_that_says_when_the_pictures_end_is_trusted_within_the_file(tag: str) -> None:
    stream = {"codec_type": "video", "width": 8, "height": 8, "tags": {"DURATION": tag}}
    container = {"format_name": "matroska,webm", "duration": "20.0", "start_time": "0.5"}
    info = info_of(json.dumps({"streams": [stream], "format": container}).encode(), 1, Limits())
    assert info.duration_s == (1.5 if tag == "00:00:02" else 19.5)


def test_duration_may_be_missing(make: Make) -> None:
    source = ("-f", "lavfi", "-i", "testsrc2=size=64x48:rate=10:duration=1")
    live = make("live.webm", *source, "-c:v", "libvpx", "-live", "1")
    assert math.isnan(probe(live, Limits()).duration_s)
    assert not probe(live, Limits()).has_duration


def test_interlaced(make: Make) -> None:
    fields = ("-vf", "tinterlace=interleave_top", "-flags", "+ildct+ilme", "-c:v", "mpeg2video")
    path = make("fields.ts", "-f", "lavfi", "-i", "testsrc2=size=64x64:rate=50:duration=1", *fields)
    assert probe(path, Limits()).interlaced


@pytest.mark.parametrize(
    "name", ["-i clip.mp4", "a 'b' \"c\" $(d).mp4", "line\nbreak.mp4", "concat:a.mp4|b.mp4", "é%03d.mp4"]
)
def test_names_are_literal(clip: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    (tmp_path / name).write_bytes(Path(clip).read_bytes())
    monkeypatch.chdir(tmp_path)
    assert probe(name, Limits()).duration_s == 2.0


def test_no_file(tmp_path: Path) -> None:
    assert refusal(tmp_path / "none.mp4") == "file does not exist"
    assert refusal("nul\0.mp4") == "file cannot be read: embedded null byte"
    assert refusal(tmp_path / ("long" * 100)) == "file cannot be read: File name too long"


def test_what_is_no_file_is_not_opened(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.mp4")
    before = time.monotonic()
    assert refusal(tmp_path / "pipe.mp4") == "not a regular file"
    assert refusal(tmp_path) == "not a regular file"
    assert refusal("/dev/zero") == "not a regular file"
    assert time.monotonic() - before < 1


def test_no_video(tmp_path: Path) -> None:
    files = {
        "empty.mp4": (b"", "file is empty (0 bytes)"),
        "text.mp4": (b"just words\n", "not a video: mov: moov atom not found"),
        "text.txt": (b"just words\n", "not a video: Invalid data found when processing input"),
    }
    for name, (content, message) in files.items():
        (tmp_path / name).write_bytes(content)
        assert refusal(tmp_path / name) == message


@pytest.mark.parametrize("name", ["a.png", "a.jpg", "a.jpeg", "a.webp", "a.bmp", "a.tiff"])
def test_a_picture_is_told_from_a_video_of_one_frame(make: Make, clip: str, name: str) -> None:
    info = probe(make(name, "-i", clip, "-frames:v", "1"), Limits())
    assert (info.is_picture, info.width, info.height) == (True, 64, 48)
    assert not probe(make("one.mp4", "-i", clip, "-frames:v", "1"), Limits()).is_picture


def test_truncated_before_its_index(clip: str, make: Make, tmp_path: Path) -> None:
    whole = Path(make("index_last.mp4", "-i", clip, "-c", "copy")).read_bytes()
    (tmp_path / "cut.mp4").write_bytes(whole[: len(whole) // 2])
    assert refusal(tmp_path / "cut.mp4") == "not a video: mov: moov atom not found"


def test_sound_is_no_video(make: Make) -> None:
    assert refusal(make("sound.m4a", *TONE)) == "has no video stream"


def test_a_cover_picture_is_no_video(make: Make) -> None:
    cover = make("cover.png", "-f", "lavfi", "-i", "testsrc2=size=64x48", "-frames:v", "1")
    options = ("-map", "0", "-map", "1", "-c:v", "copy", "-disposition:v", "attached_pic")
    assert refusal(make("song.m4a", *TONE, "-i", cover, *options)) == "has no video stream"


def test_playlists_reach_nothing(clip: str, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as canary:
        canary.settimeout(0.2)
        url = f"http://127.0.0.1:{canary.getsockname()[1]}/part.ts"
        playlists = {
            "hls": f"#EXTM3U\n#EXT-X-TARGETDURATION:5\n#EXTINF:5,\n{url}\n#EXT-X-ENDLIST\n",
            "concat": f"ffconcat version 1.0\nfile '{clip}'\n",
            "dash": f'<MPD profiles="urn:mpeg:dash:profile:full:2011"><BaseURL>{url}</BaseURL></MPD>',
            "sdp": "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=video 9 RTP/AVP 96\n",
        }
        for kind, text in playlists.items():
            path = tmp_path / f"{kind}.mp4"
            path.write_text(text)
            assert refusal(path) == f"not a video: {kind}: not an accepted container"
        with pytest.raises(TimeoutError):
            canary.accept()


def test_names_that_would_choose_another_demuxer_choose_none(clip: str, make: Make, tmp_path: Path) -> None:
    """Image sequences, subtitles, scripts: whether ffmpeg goes by the name or by the content."""
    picture = Path(make("frame001.jpg", "-f", "lavfi", "-i", "testsrc2=size=64x48", "-frames:v", "1")).read_bytes()
    (tmp_path / "frame001.jpg").write_bytes(picture)
    texts = {
        "frame%03d.mpg.jpg": (b"no" + picture, "an accepted container"),
        "lines.srt": (b"1\n00:00:00,000 --> 00:00:09,000\nHello\n\n", "an accepted container"),
        "lines.ass": (b"[Script Info]\n[Events]\nDialogue: 0,0:00:00.00,0:00:09.00,,,,0,0,0,,Hi\n", "an accepted"),
        "list.ffconcat": (f"ffconcat version 1.0\nfile '{clip}'\n".encode(), "an accepted container"),
        "stream.m3u8": (
            f"#EXTM3U\n#EXT-X-TARGETDURATION:5\n#EXTINF:5,\n{clip}\n#EXT-X-ENDLIST\n".encode(),
            "an accepted container",
        ),
        "script.avs": (f'DirectShowSource("{clip}")'.encode(), "not a video: "),
    }
    for name, (content, message) in texts.items():
        (tmp_path / name).write_bytes(content)
        assert message in refusal(tmp_path / name), name
    (tmp_path / "frame%03d.jpg").write_bytes(picture)
    assert probe(str(tmp_path / "frame%03d.jpg"), Limits()).container == "jpeg_pipe"


def test_a_movie_that_names_another_file_does_not_open_it(clip: str, make: Make, tmp_path: Path) -> None:
    """QuickTime's data references: the samples of a track may lie in any file, which ffmpeg opens if it is told to."""
    whole = Path(make("index_last.mov", "-i", clip, "-c", "copy", "-f", "mov")).read_bytes()
    secret = tmp_path / "secret.mov"
    secret.write_bytes(whole)
    (tmp_path / "pointing.mov").write_bytes(with_data_reference(whole, str(secret)))
    options = ["-v", "error", "-count_frames", "-of", "csv=p=0", "-show_entries", "stream=nb_read_frames"]
    told = ["-enable_drefs", "1", "-use_absolute_path", "1"]
    shown = subprocess.run(
        ["ffprobe", *told, *options, str(tmp_path / "pointing.mov")], capture_output=True, text=True, check=True
    )
    assert shown.stdout.strip() == "20"  # the file is what it claims to be
    os.utime(secret, ns=(1, secret.stat().st_mtime_ns))
    info = probe(str(tmp_path / "pointing.mov"), Limits())
    with (
        Decoder(str(tmp_path / "pointing.mov"), info, Limits(), size=32) as tiles,
        pytest.raises(MediaError, match=r"^no frame could be decoded"),
    ):
        list(tiles)
    assert secret.stat().st_atime_ns == 1


def with_data_reference(movie: bytes, path: str) -> bytes:
    """A movie whose index comes last, with the samples of its first track in the file at ``path``."""
    name = path.encode() + b"\0" * (len(path) % 2)
    alias = bytes(10 + 28 + 12 + 64 + 16) + struct.pack(">HH", 1, 1) + bytes(16)
    alias += struct.pack(">HH", 2, len(name)) + name + struct.pack(">hH", -1, 0)
    entry = struct.pack(">I4sI", 12 + len(alias), b"alis", 0) + alias
    start = movie.index(b"dref") + 12
    old = struct.unpack(">I", movie[start : start + 4])[0]
    content = bytearray(movie[:start] + entry + movie[start + old :])
    for box in (b"moov", b"trak", b"mdia", b"minf", b"dinf", b"dref"):
        at = content.rindex(box, 0, start) - 4
        content[at : at + 4] = struct.pack(">I", struct.unpack(">I", content[at : at + 4])[0] + len(entry) - old)
    return bytes(content)


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"[]",
        b"{",
        b'{"streams": 5}',
        b'{"streams": [{"codec_type": "video", "width": 1e999}]}',
        b'{"streams": [{"codec_type": "video", "width": 8, "height": 8, "avg_frame_rate": "x"}]}',
        b'{"streams": [{"codec_type": "video", "width": 8, "height": 8, "side_data_list": [{"rotation": "nan"}]}]}',
        b'{"streams": [{"codec_type": "video", "codec_name": 7}]}',
        b"[" * 100_000,
    ],
)
def test_an_answer_that_makes_no_sense(answer: bytes) -> None:
    with pytest.raises(MediaError) as error:
        info_of(answer, 1, Limits())
    assert str(error.value) == "not a video: ffprobe's description of it makes no sense"


def test_a_crash_of_ffprobe_is_the_files_own_failure(clip: str, fake_ffmpeg: Callable[[str, str], None]) -> None:
    fake_ffmpeg("ffprobe", "kill -SEGV $$")
    assert refusal(clip) == "not a video: ffmpeg crashed: Segmentation fault"


def test_limits(clip: str) -> None:
    size = Path(clip).stat().st_size
    assert refusal(clip, Limits(max_duration_s=1.5)) == "video is too long: 2.0 s, the limit is 1.5 s"
    assert refusal(clip, Limits(max_file_bytes=99)) == f"file is too big: {size} bytes, the limit is 99"
    assert refusal(clip, Limits(max_pixels=3000)) == "picture is too large: 64x48, the limit is 3000 pixels"


def test_header_that_claims_a_huge_picture(make: Make, tmp_path: Path) -> None:
    source = ("-f", "lavfi", "-i", "testsrc2=size=64x48:rate=10:duration=1")
    content = bytearray(Path(make("raw.avi", *source, "-c:v", "rawvideo", "-pix_fmt", "yuv420p")).read_bytes())
    struct.pack_into("<ii", content, content.index(b"strf") + 12, 60000, 60000)
    (tmp_path / "huge.avi").write_bytes(content)
    assert refusal(tmp_path / "huge.avi") == "picture is too large: 60000x60000, the limit is 67108864 pixels"


def test_silent_ffprobe(clip: str, fake_ffmpeg: Callable[[str, str], None]) -> None:
    fake_ffmpeg("ffprobe", "exec sleep 60")
    assert refusal(clip, Limits(probe_s=0.2)) == "ffprobe cannot read it: no output for 0.2 s"


def test_endless_ffprobe(clip: str, fake_ffmpeg: Callable[[str, str], None]) -> None:
    fake_ffmpeg("ffprobe", "exec cat /dev/zero")
    assert refusal(clip) == "not a video: ffprobe's description of it is endless"


def test_missing_ffprobe(clip: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(CliptraceError) as error:
        probe(clip, Limits())
    assert str(error.value) == "ffmpeg is not installed: apt-get install ffmpeg"


CONTAINERS = {
    "m2t": ("mpeg2video", "mpegts", "mpegts"),
    "evo": ("mpeg2video", "vob", "mpeg"),
    "mod": ("mpeg2video", "vob", "mpeg"),
    "wtv": ("mpeg2video", "wtv", "wtv"),
    "dvr-ms": ("wmv2", "asf", "asf"),
    "lrv": ("mpeg4", "mp4", "mov,mp4,m4a,3gp,3g2,mj2"),
    "264": ("libx264", "h264", "h264"),
    "mjpeg": ("mjpeg", "mjpeg", "mjpeg"),
    "mjpg": ("mjpeg", "mjpeg", "mjpeg"),
    "apng": ("apng", "apng", "apng"),
}


@pytest.mark.parametrize("suffix", CONTAINERS)
def test_containers_that_folders_are_searched_for(make: Make, suffix: str) -> None:
    codec, muxer, container = CONTAINERS[suffix]
    source = ("-f", "lavfi", "-i", "testsrc2=size=64x48:rate=25:duration=1")
    path = make(f"a.{suffix}", *source, "-c:v", codec, "-f", muxer)
    info = probe(path, Limits())
    assert info.container == container
    assert is_video(Path(path).name)
    with Decoder(path, info, Limits(), size=16) as tiles:
        assert 7 <= sum(len(tile.times) for tile in tiles) <= 9
