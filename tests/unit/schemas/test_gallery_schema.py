"""Keys, names and records that galleries are made of."""

from __future__ import annotations

import dataclasses
import json
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cliptrace.schemas.config import KeyframeConfig
from cliptrace.schemas.gallery import (
    GalleryManifest,
    collection_prefix,
    frame_key,
    part_path,
    time_of_view,
    video_key,
    view_of,
)
from cliptrace.schemas.records import FrameFeatures, Segment, VideoInfo, VideoSource
from cliptrace.schemas.text import text_of


def test_keys_never_change() -> None:
    assert video_key("a") == 2340832890917691671
    assert frame_key("a", 0.5) == 9177409995238952007


@given(st.text(st.characters(exclude_categories=["Cs"])), st.floats(0, 1e6))
def test_keys_fit_a_signed_integer_of_64_bits(video_id: str, time_s: float) -> None:
    assert 0 <= video_key(video_id) < 2**63
    assert 0 <= frame_key(video_id, time_s) < 2**63


@given(st.integers(0, 10_000_000), st.integers(0, 10_000_000))
def test_frames_of_the_grid_have_keys_of_their_own(one: int, other: int) -> None:
    assert (frame_key("v", one / 8) == frame_key("v", other / 8)) == (one == other)


def test_a_collection_is_named_after_its_folder() -> None:
    assert collection_prefix("/data/My gallery (ä)/", "0badcafe") == "cliptrace_My_gallery_____0badcafe"
    assert len(collection_prefix("x" * 1000, "0badcafe")) == len("cliptrace_") + 64 + len("_0badcafe")


def test_shards_lie_by_kind_and_run() -> None:
    assert part_path("frames", "R", "part-1") == "frames/run=R/part-1.parquet"


@given(st.text())
def test_text_of_is_always_utf8(name: str) -> None:
    assert text_of(name).encode().decode() == text_of(name)
    if name.isascii():
        assert text_of(name) == name


def make_features(times: list[float], scores: int, rows: int) -> FrameFeatures:
    info = VideoInfo(1.0, 25.0, 2, 2, "h264")
    found, embeddings = np.ones(scores, np.float32), np.ones((rows, 2), np.float32)
    return FrameFeatures(VideoSource("v", "/v"), info, np.array(times), found, embeddings, np.empty(0), 1.0)


def test_features_are_checked_where_they_are_made() -> None:
    with pytest.raises(ValueError, match=r"^v: 2 times, 1 scores, embeddings of shape \(2, 2\)$"):
        make_features([0.0, 1.0], 1, 2)
    with pytest.raises(ValueError, match=r"^v: keyframe times are not strictly increasing$"):
        make_features([1.0, 1.0], 2, 2)
    assert not make_features([0.0], 1, 1).partial


def test_a_query_may_have_views_and_a_bias_of_each() -> None:
    plain = make_features([0.0, 1.0], 2, 2)
    views = dataclasses.replace(plain, embeddings=np.ones((2, 3, 4), np.float32), bias=np.zeros((2, 3), np.float32))
    assert views.embeddings.shape == (2, 3, 4)
    assert dataclasses.replace(plain, bias=np.zeros(2, np.float32)).bias is not None
    with pytest.raises(ValueError, match=r"^v: 2 times, 2 scores, embeddings of shape \(3, 3, 4\)$"):
        dataclasses.replace(plain, embeddings=np.ones((3, 3, 4), np.float32))
    with pytest.raises(ValueError, match=r"^v: a bias of shape \(2,\), embeddings of shape \(2, 3, 4\)$"):
        dataclasses.replace(views, bias=np.zeros(2, np.float32))


def test_segments_are_checked_where_they_are_made() -> None:
    with pytest.raises(ValueError, match="empty segment"):
        Segment(1.0, 1.0, 0.0, 2.0, 0.5)
    assert Segment(0.0, 0.0, 1.0, 2.0, 0.5).query_end == 0.0  # a picture's
    with pytest.raises(ValueError, match="outside"):
        Segment(0.0, 1.0, 0.0, 2.0, math.nan)


@pytest.mark.parametrize(("duration_s", "has"), [(math.nan, False), (0.0, False), (1.5, True), (math.inf, False)])
def test_a_duration_may_be_unknown(duration_s: float, has: bool) -> None:
    assert VideoInfo(duration_s, 25.0, 2, 2, "h264").has_duration is has


@given(st.integers(0, 10_000_000), st.integers(0, 31))
def test_a_view_is_told_by_its_time_and_has_a_key_of_its_own(frame: int, view: int) -> None:
    times = time_of_view(np.array([frame / 8]), view)
    assert view_of(times).tolist() == [view]
    assert time_of_view(times, -view).tolist() == [frame / 8]
    assert (frame_key("v", float(times[0])) == frame_key("v", frame / 8)) == (view == 0)


def test_times_off_the_grid_are_of_frames() -> None:
    assert view_of(np.array([0.1, 0.3, 1 / 3, 7.0625, 1e6 + 0.2])).tolist() == [0] * 5


def test_a_manifest_names_views_only_where_there_are_any() -> None:
    plain = GalleryManifest("g", {"dimension": 4}, KeyframeConfig())
    assert "views" not in json.loads(plain.to_json())
    assert GalleryManifest.from_json(plain.to_json(), "g") == plain
    viewed = dataclasses.replace(plain, views=("insets",))
    assert GalleryManifest.from_json(viewed.to_json(), "g") == viewed
