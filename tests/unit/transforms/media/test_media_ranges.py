"""Where a video is cut."""

from __future__ import annotations

import math

import pytest

from cliptrace.schemas.config import Limits
from cliptrace.schemas.records import VideoInfo, VideoSource
from cliptrace.transforms.media.ranges import seek_before, split, starts_of

SOURCE = VideoSource("id", "video.mp4")


def cuts(
    duration_s: float, container: str = "mov,mp4,m4a,3gp,3g2,mj2", range_s: float = 144.0
) -> list[tuple[float, float]]:
    info = VideoInfo(duration_s, 25.0, 64, 48, "h264", container)
    ranges = split(SOURCE, info, Limits(range_s=range_s))
    assert [(r.index, r.count) for r in ranges] == [(k, len(ranges)) for k in range(len(ranges))]
    assert all(r.source is SOURCE and r.info is info for r in ranges)
    return [(r.start_s, r.end_s) for r in ranges]


def test_whole_tiles_and_an_open_end() -> None:
    assert cuts(300.0) == [(0.0, 144.0), (144.0, 288.0), (288.0, math.inf)]
    assert cuts(300.0, range_s=100.0) == [(0.0, 72.0), (72.0, 144.0), (144.0, 216.0), (216.0, 288.0), (288.0, math.inf)]


def test_a_range_is_at_least_a_tile() -> None:
    assert cuts(100.0, range_s=1.0) == [(0.0, 72.0), (72.0, math.inf)]


def test_a_short_tail_goes_with_the_range_before() -> None:
    assert cuts(144.0) == cuts(145.0) == [(0.0, math.inf)]
    assert cuts(145.1) == [(0.0, 144.0), (144.0, math.inf)]


@pytest.mark.parametrize("duration_s", [0.5, math.nan, 0.0, -1.0, math.inf])
def test_short_or_unknown_is_one_range(duration_s: float) -> None:
    assert cuts(duration_s) == [(0.0, math.inf)]


@pytest.mark.parametrize("container", ["mpegts", "avi", "flv", "h264", "ogg", ""])
def test_containers_without_a_trusted_index_are_not_cut(container: str) -> None:
    assert cuts(3600.0, container) == [(0.0, math.inf)]
    assert len(cuts(3600.0, "matroska,webm")) == 25


def test_a_file_of_several_video_streams_is_not_cut() -> None:
    info = VideoInfo(3600.0, 25.0, 64, 48, "h264", "matroska,webm", others=(1,))
    assert starts_of(info, Limits()) == [0.0]


def test_no_range_begins_where_decoding_would_begin_long_before() -> None:
    info = VideoInfo(300.0, 25.0, 64, 48, "h264", "mov,mp4,m4a,3gp,3g2,mj2")
    limits = Limits(range_s=72.0)
    assert starts_of(info, limits) == [0.0, 72.0, 144.0, 216.0, 288.0]
    ranges = split(SOURCE, info, limits, {72.0, 216.0, 288.0})
    assert [(r.start_s, r.end_s, r.index, r.count) for r in ranges] == [(0.0, 144.0, 0, 2), (144.0, math.inf, 1, 2)]


def test_a_seek_goes_sixteen_frames_and_two_seconds_back() -> None:
    assert seek_before(72.0, VideoInfo(300.0, 8.0, 64, 48, "h264")) == 68.0
    assert seek_before(72.0, VideoInfo(300.0, 0.0, 64, 48, "h264")) == 54.0
    assert seek_before(1.0, VideoInfo(300.0, 8.0, 64, 48, "h264")) == 0.0
