from __future__ import annotations

import dataclasses
import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cliptrace.models.alignment import ALIGNERS, align
from cliptrace.models.ssan.inference import spd_config
from cliptrace.schemas.config import ALIGNER_NAMES
from cliptrace.schemas.records import Segment
from tests.unit.models.alignment.alignment_maps import background, draw, error, irregular, uniform

NAMES = sorted(ALIGNERS)
every_aligner = pytest.mark.parametrize("name", NAMES)
CLASSIC = [name for name in NAMES if name != "spd"]
every_classic_aligner = pytest.mark.parametrize("name", CLASSIC)
"""Those that find what is drawn as it is drawn; what is learned has tests of its own (test_spd_aligner.py)."""


def copy(query_start: float, query_end: float, ref_start: float, ref_end: float, backwards: bool = False) -> Segment:
    return Segment(query_start, query_end, ref_start, ref_end, 0.85, backwards)


@every_classic_aligner
@pytest.mark.parametrize(
    "truth",
    [
        copy(20, 50, 60, 90),
        copy(0, 40, 100, 140),
        copy(20, 50, 40, 100),
        copy(20, 60, 40, 60),
        copy(10, 55, 30, 60),
    ],
    ids=["offset", "from the start", "speed 2", "speed 0.5", "speed 2/3"],
)
def test_one_copy_is_found_with_its_borders(name: str, truth: Segment) -> None:
    query_times, ref_times = uniform(160), uniform(320)
    (found,) = align(name, draw(query_times, ref_times, truth), query_times, ref_times)
    assert error(found, truth) <= 2.0
    assert not found.reversed
    assert 0.6 < found.score <= 1.0


@every_classic_aligner
@pytest.mark.parametrize("seed", range(4))
def test_irregular_keyframes(name: str, seed: int) -> None:
    query_times, ref_times = irregular(90, seed), irregular(150, seed + 100)
    truth = copy(25, 65, 80, 120)
    found = align(name, draw(query_times, ref_times, truth), query_times, ref_times)
    assert error(found[0], truth) <= 3.5


@every_classic_aligner
def test_a_copy_that_plays_backwards(name: str) -> None:
    query_times, ref_times = uniform(160), uniform(240)
    truth = copy(20, 50, 60, 90, backwards=True)
    similarity = draw(query_times, ref_times, truth)
    found = align(name, similarity, query_times, ref_times)
    assert found[0].reversed
    assert error(found[0], truth) <= 2.0
    forward_only = ALIGNERS[name].config(find_reversed=False)
    assert not any(segment.reversed for segment in align(name, similarity, query_times, ref_times, forward_only))


@every_classic_aligner
def test_two_copies_of_one_pair(name: str) -> None:
    query_times, ref_times = uniform(200), uniform(300)
    truths = [copy(5, 35, 20, 50), copy(60, 90, 100, 130)]
    found = align(name, draw(query_times, ref_times, *truths), query_times, ref_times)
    found.sort(key=lambda segment: segment.query_start)
    assert len(found) == 2
    assert all(error(segment, truth) <= 2.0 for segment, truth in zip(found, truths, strict=True))


@pytest.mark.parametrize("name", ["tn", "dp", "hough"])
def test_copies_in_another_order(name: str) -> None:
    query_times, ref_times = uniform(200), uniform(300)
    truths = [copy(5, 35, 100, 130), copy(60, 90, 20, 50)]
    found = align(name, draw(query_times, ref_times, *truths), query_times, ref_times)
    found.sort(key=lambda segment: segment.query_start)
    assert len(found) == 2
    assert all(error(segment, truth) <= 2.0 for segment, truth in zip(found, truths, strict=True))


@every_classic_aligner
def test_a_short_break_does_not_split_and_a_long_one_does(name: str) -> None:
    query_times, ref_times = uniform(160), uniform(240)
    similarity = draw(query_times, ref_times, copy(10, 70, 30, 90))
    similarity[(query_times >= 38) & (query_times < 41)] = 0.1
    assert len(align(name, similarity, query_times, ref_times)) == 1
    similarity[(query_times >= 32) & (query_times < 47)] = 0.1
    assert len(align(name, similarity, query_times, ref_times)) == 2


@every_aligner
def test_noise_holds_no_segment(name: str) -> None:
    query_times, ref_times = irregular(90, 1), irregular(150, 2)
    assert align(name, background(query_times, ref_times), query_times, ref_times) == []


@every_classic_aligner
def test_at_most_max_segments(name: str) -> None:
    query_times, ref_times = uniform(200), uniform(300)
    similarity = draw(query_times, ref_times, copy(5, 45, 20, 60), copy(60, 90, 100, 130))
    one = ALIGNERS[name].config(max_segments=1)
    (found,) = align(name, similarity, query_times, ref_times, one)
    assert error(found, copy(5, 45, 20, 60)) <= 2.0


@pytest.mark.parametrize("columns", [1, 3, 320])
def test_a_still_picture_in_one_video_is_no_copy(columns: int) -> None:
    """All frames of the query resemble one moment of the reference, or one frame of it the whole reference."""
    query_times, ref_times = uniform(160), uniform(320)
    similarity = background(query_times, ref_times)
    if columns == len(ref_times):
        similarity[80, :] = 0.9
    else:
        similarity[:, 100 : 100 + columns] = 0.9
    assert align("tn", similarity, query_times, ref_times) == []


def test_stripes_do_not_lead_the_temporal_network_astray() -> None:
    query_times, ref_times = uniform(160), uniform(320)
    truth = copy(20, 50, 60, 90)
    similarity = draw(query_times, ref_times, truth)
    similarity[::40, :] = 0.8
    similarity[:, ::50] = 0.8
    found = align("tn", similarity, query_times, ref_times)
    assert error(found[0], truth) <= 2.0
    assert len(found) == 1


def test_a_still_scene_within_a_copy_does_not_bend_the_temporal_network() -> None:
    query_times, ref_times = uniform(160), uniform(320)
    truth = copy(10, 70, 60, 120)
    similarity = draw(query_times, ref_times, truth)
    still = (query_times >= 30) & (query_times < 50)
    similarity[np.ix_(still, (ref_times >= 80) & (ref_times < 100))] = 0.85
    (found,) = align("tn", similarity, query_times, ref_times)
    assert error(found, truth) <= 1.0


def test_a_shot_that_goes_on_after_the_copy_does_not_stretch_it() -> None:
    query_times, ref_times = uniform(160), uniform(320)
    truth = copy(10, 40, 60, 90)
    similarity = draw(query_times, ref_times, truth)
    similarity[np.ix_((query_times >= 37) & (query_times < 40), (ref_times >= 87) & (ref_times < 97))] = 0.8
    found = align("tn", similarity, query_times, ref_times)
    assert error(found[0], truth) <= 1.0
    assert all(segment.score < 0.5 for segment in found[1:])


@every_aligner
@pytest.mark.parametrize("shape", [(0, 5), (5, 0), (0, 0), (1, 1), (1, 9), (9, 1)])
def test_a_map_without_two_keyframes_a_side_holds_no_segment(name: str, shape: tuple[int, int]) -> None:
    assert align(name, np.full(shape, 0.9, np.float32), uniform(shape[0]), uniform(shape[1])) == []


@pytest.mark.parametrize(
    ("name", "value"), [*itertools.product(NAMES, (0.0, -1.0, 0.1)), *((name, 0.3) for name in NAMES if name != "spd")]
)
def test_a_constant_map_below_the_threshold_holds_no_segment(name: str, value: float) -> None:
    assert align(name, np.full((50, 70), value, np.float32), uniform(50), uniform(70)) == []


def test_the_detector_thinks_little_of_a_constant_map_of_distractors_likeness() -> None:
    found = align("spd", np.full((50, 70), 0.3, np.float32), uniform(50), uniform(70))
    assert all(segment.score < min(0.25, spd_config()["min_score"]) for segment in found)


@pytest.mark.parametrize("name", ["tn", "dp", "dtw"])
def test_a_constant_map_above_the_threshold_is_one_diagonal(name: str) -> None:
    (found,) = align(name, np.full((50, 50), 0.9, np.float32), uniform(50), uniform(50))
    assert error(found, copy(0, 25, 0, 25)) <= 0.5
    assert not found.reversed


@every_aligner
def test_unusable_input_is_refused(name: str) -> None:
    good = np.zeros((3, 4), np.float32)
    with pytest.raises(ValueError) as failure:
        align(name, good, uniform(2), uniform(4))
    assert str(failure.value) == "a similarity map of 3 by 4 keyframes came with 2 query times and 4 reference times"
    bad = good.copy()
    bad[1, 1] = np.nan
    with pytest.raises(ValueError) as failure:
        align(name, bad, uniform(3), uniform(4))
    assert str(failure.value) == "the similarity map holds values that are not finite"
    with pytest.raises(ValueError) as failure:
        align(name, good, uniform(3), uniform(4)[::-1])
    assert str(failure.value) == "reference times are not finite, strictly increasing and from 0 on"
    with pytest.raises(ValueError) as failure:
        align(name, np.zeros(3, np.float32), uniform(3), uniform(3))
    assert str(failure.value) == "a similarity map has 2 axes, not 1"


def test_the_registry_names_what_it_has() -> None:
    assert tuple(ALIGNERS) == ALIGNER_NAMES
    with pytest.raises(ValueError) as failure:
        align("tm", np.zeros((2, 2), np.float32), uniform(2), uniform(2))
    assert str(failure.value) == "no aligner is called 'tm'; there are spd, tn, dp, hough, dtw"
    with pytest.raises(ValueError) as failure:
        align("tn", np.zeros((2, 2), np.float32), uniform(2), uniform(2), ALIGNERS["dp"].config())
    assert str(failure.value) == "aligner 'tn' takes a TNConfig, not a DPConfig"


@pytest.mark.parametrize(
    ("name", "setting", "message"),
    [
        ("tn", {"min_similarity": 1.0}, "min_similarity must be between 0 and 1, not 1.0"),
        ("dp", {"max_gap_s": 0}, "max_gap_s must be above 0, not 0"),
        ("dtw", {"min_length_s": -1}, "min_length_s must not be negative, not -1"),
        ("hough", {"max_segments": 0}, "max_segments must be at least 1, not 0"),
        ("tn", {"nodes_per_frame": 0}, "nodes_per_frame must be at least 1, not 0"),
        ("tn", {"skip_penalty": -0.1}, "skip_penalty must not be negative, not -0.1"),
        ("dp", {"skip_penalty": 0.0}, "skip_penalty must be above 0, not 0.0"),
        ("hough", {"tolerance_s": 0.0}, "tolerance_s must be above 0, not 0.0"),
        ("hough", {"speeds": ()}, "speeds must be above 0 and at least one, not ()"),
    ],
)
def test_unusable_settings_are_refused(name: str, setting: dict[str, float], message: str) -> None:
    with pytest.raises(ValueError) as failure:
        ALIGNERS[name].config(**setting)
    assert str(failure.value) == message


def test_settings_are_frozen() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        ALIGNERS["tn"].config().max_gap_s = 3.0  # type: ignore[misc]


keyframe_times = st.lists(st.floats(0.25, 2.5), min_size=12, max_size=60).map(lambda steps: np.cumsum(steps) + 2.0)


def walk(times: np.ndarray, seed: int) -> np.ndarray:
    """Embeddings that change as a video does: a new scene every few seconds."""
    rng = np.random.default_rng(seed)
    scenes = rng.normal(size=(int(times[-1]) + 2, 64))
    whole = times.astype(int)
    share = (times - whole)[:, None]
    frames = scenes[whole] * (1 - share) + scenes[whole + 1] * share
    return (frames / np.linalg.norm(frames, axis=1, keepdims=True)).astype(np.float32)


@settings(max_examples=25)
@given(times=keyframe_times, seed=st.integers(0, 1000), name=st.sampled_from(CLASSIC))
def test_a_video_against_itself_is_its_whole_diagonal(times: np.ndarray, seed: int, name: str) -> None:
    frames = walk(times, seed)
    best = max(align(name, frames @ frames.T, times, times), key=lambda one: one.query_end - one.query_start)
    assert error(best, copy(times[0], times[-1], times[0], times[-1])) <= 1.5
    assert best.query_start == pytest.approx(best.ref_start)
    assert best.query_end == pytest.approx(best.ref_end)


@settings(max_examples=25)
@given(
    times=keyframe_times,
    other=keyframe_times,
    seed=st.integers(0, 1000),
    shift=st.sampled_from([0.5, 8.0, 1024.0]),
    name=st.sampled_from(NAMES),
)
def test_segments_move_with_the_reference_and_stay_inside_the_videos(
    times: np.ndarray, other: np.ndarray, seed: int, shift: float, name: str
) -> None:
    times, other = np.round(times * 64) / 64, np.round(other * 64) / 64  # exact in binary, whatever the shift
    similarity = walk(times, seed) @ walk(other, seed).T
    found = align(name, similarity, times, other)
    for segment in found:
        assert 0.0 <= segment.score <= 1.0
        assert times[0] - 1.5 <= segment.query_start < segment.query_end <= times[-1] + 1.5
        assert other[0] - 1.5 <= segment.ref_start < segment.ref_end <= other[-1] + 1.5
    moved = align(name, similarity, times, other + shift)
    assert len(moved) == len(found)
    for before, after in zip(found, moved, strict=True):
        assert error(
            after,
            dataclasses.replace(before, ref_start=before.ref_start + shift, ref_end=before.ref_end + shift),
        ) == pytest.approx(0.0, abs=1e-6)
        assert after.score == pytest.approx(before.score)
