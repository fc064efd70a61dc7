"""Exact copies, by Beam's state."""

from __future__ import annotations

import dataclasses
import math
from pathlib import Path
from typing import Any

import apache_beam as beam
import pytest
from apache_beam.pvalue import TaggedOutput
from apache_beam.runners.portability.fn_api_runner import FnApiRunner
from apache_beam.testing.util import assert_that

from cliptrace.schemas.records import ProbedVideo, VideoInfo, VideoSource
from cliptrace.schemas.verdicts import Policy, Verdict
from cliptrace.transforms.dedup.arbiter import Arbiter
from cliptrace.transforms.dedup.contents import TellContents, _FirstDoFn, copy_of
from cliptrace.transforms.dedup.log import Log
from tests.unit.transforms.dedup_examples import State, judgement

INFO = VideoInfo(10.0, 25.0, 320, 240, "h264")


def video(video_id: str, content: str, duration_s: float = 10.0) -> ProbedVideo:
    source = VideoSource(video_id, f"/in/{video_id}", "missing")  # so says fingerprint_of, too
    return ProbedVideo(source, dataclasses.replace(INFO, content_sha256=content, duration_s=duration_s))


def test_one_of_each_content_goes_on(tmp_path: Path) -> None:
    videos = [video("a", "x"), video("b", "x"), video("c", "y"), video("d", "x"), video("a", "x")]

    def check(outputs: list[Any]) -> None:
        leaders = [v.source.video_id for v in outputs if isinstance(v, ProbedVideo)]
        copies = {j.video_id: j.links[0].other_id for j in outputs if not isinstance(j, ProbedVideo)}
        (first,) = {video_id for video_id in leaders if video_id != "c"}
        assert "c" in leaders
        assert set(copies.values()) == {first}
        assert set(leaders) | set(copies) == {"a", "b", "c", "d"}

    with beam.Pipeline(FnApiRunner()) as pipeline:
        contents = pipeline | beam.Create(videos) | TellContents(str(tmp_path))
        assert_that((contents.leaders, contents.copies) | beam.Flatten(), check)


def test_a_copy_is_all_of_the_other() -> None:
    (link,) = copy_of(VideoSource("a", "/in/a", "1-1"), video("b", "x")).links
    assert (link.other_id, link.score, link.share, link.other_share, link.exact) == ("a", 1.0, 1.0, 1.0, True)
    assert [(s.query_start, s.query_end, s.ref_start, s.ref_end) for s in link.segments] == [(0.0, 10.0, 0.0, 10.0)]
    assert copy_of(VideoSource("a", "/in/a", "1-1"), video("b", "x", math.nan)).links[0].segments == ()


def test_a_file_that_is_another_one_now_stands_for_its_content_no_more(tmp_path: Path) -> None:
    (tmp_path / "a.mp4").write_text("replaced")
    source = VideoSource("a.mp4", str(tmp_path / "a.mp4"), "1-1")
    outdated = dataclasses.replace(video("a.mp4", "x"), source=source)
    state = State()
    outputs = [list(_FirstDoFn(str(tmp_path)).process(("x", each), state)) for each in (outdated, video("b", "x"))]
    assert outputs == [[outdated], [video("b", "x")]]
    assert isinstance(next(_FirstDoFn(str(tmp_path)).process(("x", video("c", "x")), state)), TaggedOutput)


def test_a_content_is_forgotten_in_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    state = State()
    assert list(_FirstDoFn(str(tmp_path)).process(("x", video("a", "x")), state)) == [video("a", "x")]
    assert isinstance(next(_FirstDoFn(str(tmp_path)).process(("x", video("b", "x")), state)), TaggedOutput)
    monkeypatch.setattr("cliptrace.transforms.dedup.contents.REMEMBER_S", 0)
    assert list(_FirstDoFn(str(tmp_path)).process(("x", video("c", "x")), state)) == [video("c", "x")]


def test_a_duration_of_next_to_nothing_leaves_a_log_that_can_be_read(tmp_path: Path) -> None:
    """Rounded to milliseconds, its segment would be none, and no job would start again."""
    first = Arbiter(Log(str(tmp_path), 365), Policy())
    first.hear(judgement("a"))
    first.hear(copy_of(VideoSource("a", "/in/a", "1-1"), video("b", "x", 0.0003)))
    assert [row.video_id for row in Log(str(tmp_path), 365).new() if isinstance(row, Verdict)] == ["a", "b"]
