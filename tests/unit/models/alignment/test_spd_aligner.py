"""The shipped detector on maps with known copies, and on what a user may meet."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from cliptrace.models.alignment import align
from cliptrace.models.alignment.spd import SPDConfig, every_place
from cliptrace.models.ssan.inference import open_spd, spd_config
from cliptrace.models.weights import WEIGHTS
from cliptrace.schemas.errors import CliptraceError, UsageError
from cliptrace.schemas.records import Segment


def drawn(copies: list[tuple[float, float, float, float]], query_s: float = 30.0, ref_s: float = 25.0):
    """Two keyframes a second; each copy is (query start, seconds, reference start, speed), speed < 0 backwards."""
    query_times, ref_times = np.arange(0, query_s, 0.5), np.arange(0, ref_s, 0.5)
    similarity = np.random.default_rng(0).normal(-0.05, 0.05, (len(query_times), len(ref_times)))
    for start, length, ref_start, speed in copies:
        inside = (query_times >= start) & (query_times < start + length)
        begin = ref_start if speed > 0 else ref_start - speed * length
        line = begin + speed * (query_times - start)
        near = np.exp(-(((ref_times - line[:, None]) / 0.5) ** 2))
        similarity += 0.65 * near * inside[:, None]
    return similarity.astype(np.float32), query_times, ref_times


@pytest.mark.parametrize("speed", [1.0, 0.7])
def test_a_copy_is_found_with_its_ends_and_its_speed(speed: float) -> None:
    best, *others = align("spd", *drawn([(8.0, 10.0, 5.0, speed)]))
    assert best.score > 0.5
    assert all(other.score < 0.3 for other in others)
    assert not best.reversed
    assert best.speed == pytest.approx(speed, rel=0.15)
    ends = (best.query_start, best.query_end, best.ref_start, best.ref_end)
    assert ends == pytest.approx((8.0, 18.0, 5.0, 5.0 + 10 * speed), abs=1.0)


def test_what_plays_backwards_or_fast_is_found_if_not_to_the_keyframe() -> None:
    backward = [segment for segment in align("spd", *drawn([(8.0, 10.0, 5.0, -1.0)])) if segment.score > 0.5]
    assert backward
    assert all(segment.reversed for segment in backward)
    fast, *_ = align("spd", *drawn([(8.0, 10.0, 5.0, 1.4)]))
    assert fast.score > 0.5
    assert fast.speed == pytest.approx(1.4, rel=0.15)
    assert not align("spd", *drawn([(8.0, 10.0, 5.0, -1.0)]), SPDConfig(find_reversed=False))


def test_several_copies_of_one_video_are_several_segments() -> None:
    found = [
        segment
        for segment in align("spd", *drawn([(3.0, 6.0, 12.0, 1.0), (16.0, 8.0, 2.0, 1.0)]))
        if segment.score > 0.5
    ]
    assert sorted(round(segment.query_start) for segment in found) == [3, 16]


def test_nothing_is_found_in_noise_or_in_a_stripe_that_all_share() -> None:
    similarity, query_times, ref_times = drawn([])
    assert all(segment.score < 0.5 for segment in align("spd", similarity, query_times, ref_times))
    similarity[20:24] += 0.15
    assert all(segment.score < 0.5 for segment in align("spd", similarity, query_times, ref_times))


@pytest.mark.parametrize("shape", [(2, 2), (2, 40), (40, 2), (3, 3)])
@pytest.mark.parametrize("value", [0.0, 0.9])
def test_tiny_maps_have_an_answer(shape: tuple[int, int], value: float) -> None:
    times = [np.arange(side) / 2 for side in shape]
    for segment in align("spd", np.full(shape, value, np.float32), *times):
        assert 0 <= segment.query_start < segment.query_end
        assert 0 <= segment.ref_start < segment.ref_end


def test_a_stretch_of_a_query_is_told_at_every_place() -> None:
    best, elsewhere, shifted = Segment(0, 10, 0, 10, 0.9), Segment(3, 9, 20, 26, 0.8), Segment(1, 9, 4, 12, 0.7)
    assert every_place([shifted, elsewhere, best]) == [best, elsewhere]


def test_of_two_readings_that_are_about_as_sure_the_longer_is_taken() -> None:
    whole, piece = Segment(0, 10, 0, 10, 0.97), Segment(4, 10, 4, 10, 0.98)
    assert every_place([piece, whole]) == [whole]
    assert every_place([piece, Segment(0, 10, 0, 10, 0.9)]) == [piece]


def test_the_shipped_weights_say_what_they_are_for() -> None:
    config = spd_config()
    assert config["backbone"] == "copy_lite0"
    assert 0 < config["min_score"] < 1
    assert open_spd("spd") is open_spd("spd")


def test_missing_weights_are_named() -> None:
    with pytest.raises(UsageError, match=r"^/nowhere/config\.json: cannot read: No such file or directory$"):
        open_spd("/nowhere")


def test_weights_calibrated_for_other_features_are_refused(tmp_path: Path) -> None:
    shutil.copytree(WEIGHTS / "spd", tmp_path / "older")
    told = json.loads((tmp_path / "older/config.json").read_text())
    told["verified"].pop()
    (tmp_path / "older/config.json").write_text(json.dumps(told))
    with pytest.raises(CliptraceError) as refused:
        open_spd(str(tmp_path / "older"))
    assert str(refused.value) == (
        f"{tmp_path}/older: its config.json has no calibration for this version of cliptrace; make one with "
        f"python -m benchmarks.alignment.calibration --weights {tmp_path}/older --write"
    )
