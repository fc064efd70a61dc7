"""Clip features of queries, and the moments of gallery videos that are told of them."""

from __future__ import annotations

import dataclasses
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from cliptrace.models.relocalization.moments import Moment
from cliptrace.pipelines.models import moments_config
from cliptrace.schemas.decisions import Decision, Party
from cliptrace.schemas.errors import CliptraceError
from cliptrace.schemas.records import ClipFeatures, Match, Rejected, Searched, VideoInfo, VideoSource
from cliptrace.transforms.features import opened_encoder
from cliptrace.transforms.moments import Find, MomentConfig, Read
from cliptrace.transforms.results import match_from_json, match_to_json
from cliptrace.transforms.store.decisions import drop, keep
from cliptrace.transforms.store.gallery import Gallery, commit
from cliptrace.transforms.store.live import SharedVideos
from cliptrace.transforms.store.takedown import Tombstone, bury
from cliptrace.transforms.stored import Recent
from tests.pipeline.clip_network import write_clip_network
from tests.unit.transforms.clip_examples import CLIP_DIMENSION, WITH_MOMENTS, clipped, clips_of
from tests.unit.transforms.store_examples import NoVectors, features

CONTENT = "0a" * 32


@pytest.fixture
def shelf(tmp_path: Path) -> Gallery:
    """long, of 40 steps; short, of 5; black, of which nothing is known."""
    gallery = Gallery.create(str(tmp_path / "g"), WITH_MOMENTS)
    black = dataclasses.replace(features("black", 30), clips=np.zeros((30, CLIP_DIMENSION), np.float16))
    commit(gallery, NoVectors(), "R1", [clipped("long", 40), clipped("short", 5), black])  # type: ignore[arg-type]
    return gallery


def query(clips: NDArray[Any], video_id: str = "q", **others: Any) -> ClipFeatures:
    seconds = len(clips) / 2
    info = VideoInfo(seconds, 25.0, 64, 48, "h264", content_sha256=CONTENT)
    source = VideoSource(video_id, f"/q/{video_id}", metadata={"desk": "2"})
    return ClipFeatures(source, info, np.asarray(clips, np.float32), seconds, **others)


def answers(gallery: Gallery, asked: ClipFeatures, recent: Recent | None = None, **config: Any) -> list[Any]:
    find = Find(gallery, MomentConfig(**{"locator": "frames", **config}), SharedVideos(gallery), recent)
    find.open()
    try:
        return list(find(asked))
    finally:
        find.close()


def matches(found: list[Any]) -> dict[str, Match]:
    return {each.ref_id: each for each in found if isinstance(each, Match)}


def test_a_moment_is_told_with_all_of_the_query(shelf: Gallery) -> None:
    found = answers(shelf, query(clips_of("long", 40)[10:18]))
    assert found[-1] == Searched("q", query_uri="/q/q")
    match = matches(found)["long"]
    best = match.segments[0]
    assert (best.query_start, best.query_end, best.ref_start, best.ref_end) == (0, 4, 5, 9)
    assert match.score == best.score == pytest.approx(1, abs=1e-3)
    assert len(match.segments) <= 5
    assert [segment.score for segment in match.segments] == sorted((s.score for s in match.segments), reverse=True)
    assert match.query_share == 1
    assert 4 / 20 <= match.ref_share <= 1
    assert (match.query_metadata, match.ref_metadata) == ({"desk": "2"}, {"owner": "Bo"})


def test_a_match_tells_its_mode_and_one_that_does_not_is_of_a_copy(shelf: Gallery) -> None:
    match = matches(answers(shelf, query(clips_of("long", 40)[10:18])))["long"]
    row = match_to_json(match)
    assert row["mode"] == "moment"
    assert match_from_json(row).mode == "moment"
    del row["mode"]  # as older versions wrote it
    assert match_from_json(row).mode == "copy"


def test_what_is_zero_has_no_answer_and_is_none(shelf: Gallery) -> None:
    assert answers(shelf, query(np.zeros((10, CLIP_DIMENSION)))) == [Searched("q", query_uri="/q/q")]
    found = matches(answers(shelf, query(clips_of("long", 40)[10:18])))
    assert "black" not in found
    assert all(math.isfinite(segment.score) for match in found.values() for segment in match.segments)


def test_a_longer_query_finds_what_fits_or_nothing(shelf: Gallery) -> None:
    short = clips_of("short", 5)
    longer = matches(answers(shelf, query(np.repeat(short, 2, axis=0)[:9]), top_k=1, min_score=0.0))["short"]
    assert (longer.segments[0].ref_start, longer.segments[0].ref_end) == (0, 2.5)
    assert longer.segments[0].query_end == 4.5
    much_longer = answers(shelf, query(np.repeat(short, 20, axis=0)))
    assert "short" not in matches(much_longer)
    assert isinstance(much_longer[-1], Searched)


def test_the_bar_and_the_number_of_videos_are_kept(shelf: Gallery) -> None:
    asked = query(clips_of("long", 40)[10:18])
    assert list(matches(answers(shelf, asked, min_score=0.99))) == ["long"]
    assert len(matches(answers(shelf, asked, min_score=0.99))["long"].segments) == 1
    assert list(matches(answers(shelf, asked, top_k=1))) == ["long"]
    assert matches(answers(shelf, dataclasses.replace(asked, known_as="long"), min_score=0.99)) == {}


def test_what_is_not_there_is_told_only_when_asked_for(shelf: Gallery) -> None:
    nowhere = query(clips_of("nowhere", 12))
    assert answers(shelf, nowhere) == [Searched("q", query_uri="/q/q")]
    assert set(matches(answers(shelf, nowhere, min_score=0.0))) == {"long"}
    planted = query(clips_of("long", 40)[10:18] + 0.2 * clips_of("noise", 8))
    assert list(matches(answers(shelf, planted))) == ["long"]


def telling(monkeypatch: pytest.MonkeyPatch, *moments: Moment) -> None:
    """A locator that finds these everywhere."""

    class Told:
        sha256, clips_sha256 = "", ""

        def locate(self, *_: Any) -> list[Moment]:
            return list(moments)

    monkeypatch.setattr("cliptrace.transforms.moments.open_locator", lambda _: Told())


def test_moments_end_where_the_video_does(shelf: Gallery, monkeypatch: pytest.MonkeyPatch) -> None:
    telling(monkeypatch, Moment(-1.0, 2.0, 1.0000001), Moment(19.0, 21.5, 0.5), Moment(20.5, 22.0, 0.4))
    segments = matches(answers(shelf, query(clips_of("long", 40)[10:18])))["long"].segments
    assert [(s.ref_start, s.ref_end, s.score) for s in segments] == [(0, 2, 1), (19, 20, 0.5)]


def test_shares_are_of_what_nobody_rejected(shelf: Gallery, monkeypatch: pytest.MonkeyPatch) -> None:
    telling(monkeypatch, Moment(0.0, 4.0, 0.9), Moment(10.0, 11.0, 0.5))
    asked = query(clips_of("long", 40)[10:18])
    match = matches(answers(shelf, asked))["long"]
    assert (match.query_share, match.ref_share) == (1, pytest.approx(5 / 20))
    stored, own = Party("ef" * 32, "long", "/videos/long"), Party(CONTENT, "q", "/q/q")
    keep(shelf.home, Decision.on(own, stored, [match.segments[0]]))
    left = matches(answers(shelf, asked))["long"]
    assert (left.query_share, left.ref_share, left.score) == (1, pytest.approx(1 / 20), 0.5)


def test_what_a_person_has_rejected_and_what_was_removed_is_not_named(shelf: Gallery) -> None:
    asked = query(clips_of("long", 40)[10:18])
    stored, own = Party("ef" * 32, "long", "/videos/long"), Party(CONTENT, "q", "/q/q")
    best = matches(answers(shelf, asked))["long"].segments[0]
    keep(shelf.home, Decision.on(own, stored, [best]))
    found = answers(shelf, asked, min_score=0.0)
    assert Rejected("q", "long") in found
    assert best not in matches(found)["long"].segments
    keep(shelf.home, Decision.on(own, stored))
    found = answers(shelf, asked)
    assert (matches(found), Rejected("q", "long") in found) == ({}, True)
    drop(shelf.home, "ef" * 32, CONTENT)
    bury(shelf.home, [Tombstone("long", "/videos/long", 1.0)])
    assert "long" not in matches(answers(shelf, asked))


def test_only_pairs_of_which_one_is_new_are_asked_for(shelf: Gallery) -> None:
    asked = query(clips_of("long", 40)[10:18])
    assert "long" not in matches(answers(shelf, asked, Recent(frozenset(), frozenset({"short"}))))
    assert "long" in matches(answers(shelf, asked, Recent(frozenset(), frozenset({"long"}))))
    assert "long" in matches(answers(shelf, asked, Recent(frozenset({"q"}), frozenset())))


def test_a_stored_video_asks_with_what_is_stored_and_is_not_its_own_answer(shelf: Gallery) -> None:
    videos = SharedVideos(shelf)
    read = Read(shelf, videos, videos)
    read.open()
    (asked,) = read(VideoSource("long", "/videos/long"))
    np.testing.assert_array_equal(asked.clips, clips_of("long", 40).astype(np.float32))
    assert (asked.known_as, asked.decoded_s) == ("long", 20)
    assert "long" not in matches(answers(shelf, asked))
    assert list(read(VideoSource("gone", "/videos/gone"))) == []


def test_a_worker_with_another_clip_network_ends_the_run(tmp_path: Path) -> None:
    path = str(write_clip_network(tmp_path))
    there = moments_config(path)
    assert opened_encoder(there, "cpu").sha256 == there.sha256
    built = dataclasses.replace(there, sha256="ab" * 32)
    with pytest.raises(CliptraceError) as told:
        opened_encoder(built, "cpu")
    assert str(told.value) == (
        f"the gallery was built with moments {built}, but this process has {there}: give all workers the files, and "
        "the version of cliptrace, that built it"
    )
