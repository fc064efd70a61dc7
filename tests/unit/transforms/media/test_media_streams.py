"""Which of several video streams is the video: by flags and programmes, and on files that have them."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from cliptrace.schemas.config import Limits
from cliptrace.schemas.errors import MediaError
from cliptrace.transforms.media.decode import Decoder
from cliptrace.transforms.media.probe import info_of, probe

Make = Callable[..., str]
H264 = ("-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p")
COLOURS = tuple(
    word
    for name, size in (("red", "64x48"), ("blue", "96x64"))
    for word in ("-f", "lavfi", "-i", f"color={name}:size={size}:rate=10:duration=2")
)
BOTH = (*COLOURS, "-map", "0:v", "-map", "1:v", *H264)


def stream(index: int, *flags: str, kind: str = "video", width: int = 64) -> dict[str, Any]:
    disposition = dict.fromkeys(flags, 1)
    return {"index": index, "codec_type": kind, "width": width, "height": 48, "disposition": disposition}


def chosen(*streams: dict[str, Any], packets: tuple[int, ...] = (), programs: tuple[int, ...] = ()) -> tuple[int, ...]:
    """Number of the stream that is shown, and of the others. packets: of each stream. programs: the stream of each."""
    programmes = [{"streams": [{"index": index}]} for index in programs]
    described = {"streams": streams, "programs": programmes, "format": {"format_name": "matroska"}}
    counts = [{"index": n, "nb_read_packets": str(count)} for n, count in enumerate(packets or [9] * len(streams))]
    info = info_of(json.dumps(described).encode(), 1, Limits(), json.dumps({"streams": counts}).encode())
    return info.stream, *info.others


def test_the_first_is_shown_unless_another_has_the_flag() -> None:
    assert chosen(stream(0)) == (0,)
    assert chosen(stream(0), stream(1)) == (0, 1)
    assert chosen(stream(0), stream(1, "default"), stream(2, "default")) == (1, 0, 2)


def test_numbers_count_video_streams_without_covers() -> None:
    streams = (stream(0, kind="audio"), stream(1, "attached_pic"), stream(2), stream(3, "timed_thumbnails"), stream(4))
    assert chosen(*streams) == (0, 2)


def test_pictures_are_no_streams_unless_there_is_nothing_else() -> None:
    assert chosen(stream(0, "default"), stream(1), packets=(1, 9)) == (1,)
    assert chosen(stream(0, "default", "still_image"), stream(1)) == (1,)
    assert chosen(stream(0), stream(1, "default"), packets=(1, 0)) == (1, 0)


def test_a_stream_of_unknown_size_is_not_shown() -> None:
    assert chosen(stream(0, "default", width=0), stream(1)) == (1, 0)


def test_of_programmes_the_first_is_shown() -> None:
    assert chosen(stream(0), stream(1), stream(2), programs=(2, 1)) == (2, 0, 1)
    assert chosen(stream(0), stream(1, "default"), programs=(0, 1)) == (1, 0)


def colour(path: str) -> NDArray[np.float64]:
    with Decoder(path, probe(path, Limits()), Limits(), size=16) as tiles:
        mean: NDArray[np.float64] = next(iter(tiles)).frames.mean(axis=(0, 1, 2))
    return mean


def test_what_is_chosen_is_decoded(make: Make) -> None:
    flagged = make("flagged.mkv", *BOTH, "-disposition:v:0", "0", "-disposition:v:1", "default")
    front_and_rear = make("dashcam.mp4", *BOTH)
    picture = make("poster.jpg", *COLOURS[:4], "-frames:v", "1")
    film = make("film.mp4", *COLOURS[4:], *H264)
    copied = ("-map", "0:v", "-map", "1:v", "-c", "copy", "-disposition:v:0", "0")
    poster = make("poster.mkv", "-framerate", "1", "-i", picture, "-i", film, *copied)
    found = {path: probe(path, Limits()) for path in (flagged, front_and_rear, poster)}
    assert [(info.stream, info.others, info.width) for info in found.values()] == [
        (1, (0,), 96), (0, (1,), 64), (1, (), 96)
    ]  # fmt: skip
    red, blue = (colour(make(f"{n}.mp4", *COLOURS[4 * n : 4 * n + 4], *H264)) for n in (0, 1))
    for path, expected in ((flagged, blue), (front_and_rear, red), (poster, blue)):
        np.testing.assert_allclose(colour(path), expected, atol=3)


def test_a_stream_may_be_named(make: Make) -> None:
    path = make("two.mp4", *BOTH)
    info = probe(path, Limits(), stream=1)
    assert (info.stream, info.others, info.width) == (1, (0,), 96)
    with pytest.raises(MediaError, match=r"^has no video stream 2$"):
        probe(path, Limits(), stream=2)


def test_two_programmes_of_a_transport_stream(make: Make) -> None:
    programs = ("-program", "program_num=7:st=0", "-program", "program_num=3:st=1")
    path = make("two.ts", *BOTH[:-6], "-c:v", "mpeg2video", *programs)
    shown = subprocess.run(
        ["ffprobe", "-v", "error", "-of", "json", "-show_entries", "program=program_id:program_stream=index", path],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    first = json.loads(shown.stdout)["programs"][0]["streams"][0]["index"]
    assert probe(path, Limits()).stream == first
