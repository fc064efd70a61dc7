from __future__ import annotations

import functools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from cliptrace.models.alignment import align
from cliptrace.models.alignment.merging import merge, strongest
from cliptrace.models.alignment.windows import Window, WindowConfig, align_windows, choose_windows
from cliptrace.schemas.records import Candidate, Segment


def candidate(query_frames: NDArray[np.int64], ref_frames: NDArray[np.int64], similarity: float = 0.9) -> Candidate:
    similarities = np.full(len(query_frames), similarity, np.float32)
    return Candidate("q", "r", np.asarray(query_frames), np.asarray(ref_frames), similarities, float(len(query_frames)))


NO_HITS = candidate(np.zeros(0, np.int64), np.zeros(0, np.int64))


def test_a_pair_of_short_videos_is_one_window() -> None:
    assert choose_windows((1024, 7), (1024, 256), NO_HITS, 10) == [Window(0, 1024, 0, 7)]
    assert choose_windows((0, 7), (1024, 256), NO_HITS, 10) == []
    assert choose_windows((3000, 7), (1024, 256), NO_HITS, 10) == []


def test_a_window_is_as_many_seconds_on_either_side() -> None:
    config = WindowConfig(max_s=100)
    assert config.side(np.arange(0, 600, 0.125)) == 800
    assert config.side(np.arange(0, 600, 2.0)) == 50
    assert config.side(np.array([5.0])) == config.side(np.empty(0)) == 8


@settings(max_examples=60)
@given(
    counts=st.tuples(st.integers(1, 5000), st.integers(1, 5000)),
    sides=st.tuples(st.integers(8, 700), st.integers(8, 700)),
    seed=st.integers(0, 100),
)
def test_windows_are_bounded_and_have_every_hit_inside(
    counts: tuple[int, int], sides: tuple[int, int], seed: int
) -> None:
    rng = np.random.default_rng(seed)
    hits = candidate(rng.integers(0, counts[0], 40), rng.integers(0, counts[1], 40))
    windows = choose_windows(counts, sides, hits, 10_000)
    assert len(set(windows)) == len(windows)
    for q0, q1, r0, r1 in windows:
        assert 0 <= q0 < q1 <= counts[0]
        assert 0 <= r0 < r1 <= counts[1]
        assert q1 - q0 <= sides[0]
        assert r1 - r0 <= sides[1]

    def inside(frame: int, start: int, stop: int, count: int, side: int) -> bool:
        margin = side // 8
        return max(0, min(frame, start + margin)) <= frame < stop and all(
            [start == 0 or frame >= start + margin, stop == count or frame < stop - margin]
        )

    for query_frame, ref_frame in zip(hits.query_frames, hits.ref_frames, strict=True):
        assert any(
            inside(query_frame, q0, q1, counts[0], sides[0]) and inside(ref_frame, r0, r1, counts[1], sides[1])
            for q0, q1, r0, r1 in windows
        )


def test_the_strongest_windows_are_kept() -> None:
    frames = np.array([50, 2000, 2001, 2002, 4000, 4001])
    windows = choose_windows((5000, 5000), (100, 100), candidate(frames, frames), max_windows=2)
    assert len(windows) == 2
    assert all(q0 > 1000 for q0, *_ in windows)


def video(count: int, seed: int) -> NDArray[np.float32]:
    frames = np.random.default_rng(seed).normal(size=(count, 128))
    return (frames / np.linalg.norm(frames, axis=1, keepdims=True)).astype(np.float32)


@pytest.mark.parametrize("backwards", [False, True])
def test_a_three_hour_copy_is_one_segment_and_no_map_is_large(backwards: bool) -> None:
    count, late = 10_800, 700
    query = video(count, 1)
    ref = np.concatenate([video(late, 2), query[::-1] if backwards else query])
    query_times, ref_times = np.arange(count, dtype=np.float64), np.arange(count + late, dtype=np.float64)
    frames = np.arange(0, count, 10)
    hits = candidate(frames, late + (count - 1 - frames if backwards else frames))
    loaded: list[tuple[int, int]] = []

    def load(r0: int, r1: int) -> NDArray[np.float32]:
        loaded.append((r0, r1))
        return ref[r0:r1]

    (found,) = align_windows(functools.partial(align, "tn"), query, query_times, load, ref_times, hits)
    assert found.reversed == backwards
    assert (found.query_start, found.query_end) == pytest.approx((0, count), abs=2)
    assert (found.ref_start, found.ref_end) == pytest.approx((late, count + late), abs=2)
    assert found.score > 0.95
    assert max(r1 - r0 for r0, r1 in loaded) <= 257
    assert loaded == sorted(loaded)
    assert len(loaded) < 150


@pytest.mark.parametrize("backwards", [False, True])
def test_spd_finds_a_short_copy_in_a_ten_hour_reference(backwards: bool) -> None:
    ref = video(36_000 * 3 // 2, 2).astype(np.float16)
    ref_times = np.arange(len(ref)) / 1.5
    query_times = np.arange(0, 30, 0.125)
    shown = np.searchsorted(ref_times, 20_000 + query_times, side="right") - 1
    query = video(len(query_times), 1)
    query[80:160] = ref[shown[80:160][:: -1 if backwards else 1]]
    rows = np.arange(80, 160)
    hits = candidate(rows, shown[80:160][:: -1 if backwards else 1])
    loaded: list[tuple[int, int]] = []

    def load(r0: int, r1: int) -> NDArray[np.float32]:
        loaded.append((r0, r1))
        return ref[r0:r1].astype(np.float32)

    found = align_windows(functools.partial(align, "spd"), query, query_times, load, ref_times, hits)
    best = max(found, key=lambda segment: segment.score)
    assert best.reversed == backwards
    assert (best.query_start, best.query_end) == pytest.approx((10, 20), abs=0.7)
    assert (best.ref_start, best.ref_end) == pytest.approx((20_010, 20_020), abs=1)
    assert max(r1 - r0 for r0, r1 in loaded) <= 256 * 1.5 + 1  # of 54,000 keyframes
    assert len(loaded) <= 2


def test_a_short_query_finds_both_places_in_a_long_reference() -> None:
    query, ref = video(60, 1), video(9000, 2)
    ref[1000:1060] = query
    ref[8000:8060] = query
    places = np.concatenate([np.arange(1000, 1060), np.arange(8000, 8060)])
    found = align_windows(
        functools.partial(align, "tn"),
        query,
        np.arange(60.0),
        lambda r0, r1: ref[r0:r1],
        np.arange(9000.0),
        candidate(np.tile(np.arange(60), 2), places),
    )
    assert sorted(round(segment.ref_start) for segment in found) == [1000, 8000]


def test_views_and_their_bias_go_with_their_window() -> None:
    plain, ref, frames = video(40, 1), video(40, 2), np.arange(40)
    query = np.stack([plain, ref], axis=1)  # the second view of each keyframe is the reference's
    bias = np.stack([np.zeros(40), frames / 100], axis=1).astype(np.float32)
    maps: list[NDArray[np.float32]] = []

    def look(similarity: NDArray[np.float32], query_times: NDArray[np.float64], _: object) -> list[Segment]:
        maps.append(similarity[:, : len(query_times)])
        np.testing.assert_allclose(similarity.diagonal(), 1 - query_times / 100, atol=1e-5)
        return []

    times, config = frames.astype(np.float64), WindowConfig(max_s=16)
    hits = candidate(frames, frames)
    assert align_windows(look, query, times, lambda r0, r1: ref[r0:r1], times, hits, config, bias) == []
    assert len(maps) > 2


def test_pieces_on_one_line_are_joined() -> None:
    pieces = [Segment(90, 200, 190, 300, 0.8), Segment(0, 100, 100, 200, 0.6), Segment(195, 210, 295, 310, 0.8)]
    (joined,) = merge(pieces)
    assert (joined.query_start, joined.query_end, joined.ref_start, joined.ref_end) == (0, 210, 100, 310)
    assert joined.score == pytest.approx((100 * 0.6 + 110 * 0.8 + 15 * 0.8) / 225, abs=0.02)


def test_pieces_played_backwards_are_joined() -> None:
    (joined,) = merge([Segment(0, 100, 100, 200, 0.8, True), Segment(90, 200, 0, 110, 0.8, True)])
    assert (joined.query_start, joined.query_end, joined.ref_start, joined.ref_end) == (0, 200, 0, 200)
    assert joined.reversed


@pytest.mark.parametrize(
    "other",
    [
        Segment(90, 200, 150, 260, 0.8),
        Segment(110, 200, 210, 300, 0.8),
        Segment(90, 200, 90, 200, 0.8, True),
    ],
    ids=["another line", "apart", "another direction"],
)
def test_what_does_not_continue_stays_apart(other: Segment) -> None:
    segments = [Segment(0, 100, 100, 200, 0.8), other]
    assert sorted(merge(segments), key=lambda one: one.query_start) == segments


def test_where_speeds_are_told_a_line_beside_or_another_speed_stays_apart() -> None:
    first = Segment(0, 100, 100, 200, 0.8, speed=1.0)
    for other in (Segment(90, 200, 193, 303, 0.5, speed=1.0), Segment(90, 200, 190, 328, 0.5, speed=1.25)):
        assert merge([first, other]) == [first, other]
    (joined,) = merge([first, Segment(90, 200, 190.5, 300.5, 0.8, speed=1.0)])
    assert (joined.ref_start, joined.ref_end, joined.speed) == (100, 300.5, 1.0)


def test_what_is_told_of_one_map_stays_as_it_is() -> None:
    """A sure place and a doubtful one beside it, told as one, would be as wide as both and half as sure."""
    told = [Segment(0, 4, 10, 14, 0.98, speed=1.0), Segment(0, 4, 13, 17, 0.2, speed=1.0)]
    frames, times = np.eye(40, dtype=np.float32), np.arange(40.0)
    assert align_windows(lambda *_: told, frames, times, lambda r0, r1: frames[r0:r1], times, NO_HITS) == told


def test_duplicates_are_dropped_and_the_longer_one_stays() -> None:
    whole, part = Segment(0, 100, 100, 200, 0.8), Segment(20, 40, 120, 140, 0.95, True)
    assert strongest([part, whole], 8) == [whole]
    assert merge([part, whole]) == [whole]
    assert merge([]) == []


def test_a_still_scene_is_read_forwards() -> None:
    forwards, backwards = Segment(0, 10, 0, 10, 0.8), Segment(0, 10, 0, 10, 0.82, True)
    assert strongest([backwards, forwards], 8) == [forwards]


def test_unusable_settings_are_refused() -> None:
    with pytest.raises(ValueError) as failure:
        WindowConfig(max_s=4)
    assert str(failure.value) == "max_s must be at least 8, not 4"
    with pytest.raises(ValueError) as failure:
        WindowConfig(max_windows=0)
    assert str(failure.value) == "max_windows must be at least 1, not 0"
