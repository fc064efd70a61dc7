"""Ranges of long videos, gathered in a stream that never ends."""

from __future__ import annotations

from typing import Any

import apache_beam as beam
import numpy as np
from apache_beam.runners.portability.fn_api_runner import FnApiRunner
from apache_beam.testing.util import assert_that

from cliptrace.schemas.records import RangeFeatures, VideoInfo, VideoRange, VideoSource
from cliptrace.transforms.features import _file_of, _GatherRanges


def part(index: int, fingerprint: str) -> RangeFeatures:
    source, info = VideoSource("a.mp4", "/in/a.mp4", fingerprint), VideoInfo(90.0, 25.0, 320, 240, "h264")
    empty = np.zeros(0, np.float32)
    return RangeFeatures(
        VideoRange(source, info, index=index, count=3),
        np.zeros(0),
        empty,
        np.zeros((0, 4), np.float32),
        np.zeros(0),
        1.0,
    )


def test_parts_of_a_version_that_failed_are_no_parts_of_the_next() -> None:
    """Of the first version, range 1 became a dead letter; it was tried again in vain, and then the file was mended."""
    parts = [part(0, "1"), part(2, "1"), part(0, "1"), *(part(index, "2") for index in range(3))]

    def check(videos: list[Any]) -> None:
        (video,) = videos
        assert sorted((each.range.source.fingerprint, each.range.index) for each in video) == [
            ("2", 0),
            ("2", 1),
            ("2", 2),
        ]

    with beam.Pipeline(FnApiRunner()) as pipeline:
        videos = pipeline | beam.Create(parts) | beam.WithKeys(_file_of) | beam.ParDo(_GatherRanges())
        assert_that(videos, check)
