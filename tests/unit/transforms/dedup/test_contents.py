"""Exact copies, by Beam's state."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import apache_beam as beam
from apache_beam.runners.portability.fn_api_runner import FnApiRunner
from apache_beam.testing.util import assert_that

from schemas.records import ProbedVideo, VideoInfo, VideoSource
from transforms.dedup.contents import TellContents, copy_of

INFO = VideoInfo(10.0, 25.0, 320, 240, "h264")


def video(video_id: str, content: str, duration_s: float = 10.0) -> ProbedVideo:
    source = VideoSource(video_id, f"/in/{video_id}", "1-1")
    return ProbedVideo(source, dataclasses.replace(INFO, content_sha256=content, duration_s=duration_s))


def test_one_of_each_content_goes_on() -> None:
    videos = [video("a", "x"), video("b", "x"), video("c", "y"), video("d", "x"), video("a", "x")]

    def check(outputs: list[Any]) -> None:
        leaders = [v.source.video_id for v in outputs if isinstance(v, ProbedVideo)]
        copies = {j.video_id: j.links[0].other_id for j in outputs if not isinstance(j, ProbedVideo)}
        (first,) = {video_id for video_id in leaders if video_id != "c"}
        assert "c" in leaders
        assert set(copies.values()) == {first}
        assert set(leaders) | set(copies) == {"a", "b", "c", "d"}

    with beam.Pipeline(FnApiRunner()) as pipeline:
        contents = pipeline | beam.Create(videos) | TellContents()
        assert_that((contents.leaders, contents.copies) | beam.Flatten(), check)


def test_a_copy_is_all_of_the_other() -> None:
    (link,) = copy_of("a", video("b", "x")).links
    assert (link.other_id, link.score, link.share, link.other_share, link.exact) == ("a", 1.0, 1.0, 1.0, True)
    assert [(s.query_start, s.query_end, s.ref_start, s.ref_end) for s in link.segments] == [(0.0, 10.0, 0.0, 10.0)]
    assert copy_of("a", video("b", "x", math.nan)).links[0].segments == ()
