"""Known lines drawn into maps come back, though the box around them is a bit off."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cliptrace.models.ssan.fit import fit_box
from cliptrace.models.ssan.timed import TimedMap


def drawn(
    query_times: np.ndarray, ref_times: np.ndarray, start: float, end: float, speed: float, offset: float
) -> np.ndarray:
    """Query seconds [start, end) show offset + speed · second; what lies near the line is alike."""
    noise = np.random.default_rng(0).normal(0, 0.03, (len(query_times), len(ref_times)))
    away = np.abs(ref_times - (offset + speed * query_times[:, None])) / max(abs(speed), 1)
    inside = (query_times >= start) & (query_times < end)
    similarity = noise + 0.7 * np.exp(-((away / 0.4) ** 2)) * inside[:, None]
    return similarity.astype(np.float32)


@settings(max_examples=60)
@given(st.sampled_from([1.0, -1.0, 0.7, 1.5]), st.floats(3, 8), st.floats(6, 12), st.floats(-0.8, 0.8), st.booleans())
def test_a_line_is_found_from_a_box_that_is_a_bit_off(
    speed: float, start: float, length: float, shift: float, irregular: bool
) -> None:
    query_times, ref_times = np.arange(0, 26, 0.5), np.arange(0, 40, 0.5)
    if irregular:
        query_times = np.sort(query_times + np.random.default_rng(1).uniform(0, 0.4, len(query_times)))
    end = start + length
    offset = 10.0 - speed * start if speed > 0 else 30.0 - speed * start
    similarity = drawn(query_times, ref_times, start, end, speed, offset)
    ends = sorted((offset + speed * start, offset + speed * end))
    box = np.array([start + shift / 2, end + shift / 2, ends[0] - shift / 2, ends[1] - shift / 2])
    line = fit_box(TimedMap(similarity, query_times, ref_times), box, backward=speed < 0)
    assert line.speed == pytest.approx(speed, rel=0.15)
    # A keyframe and a half; where they are jittered, up to 0.9 s lie between two.
    within = 1.5 * float(np.diff(query_times).max())
    assert line.query_start == pytest.approx(start, abs=within)
    assert line.query_end == pytest.approx(end, abs=within)
    middle = (start + end) / 2
    mine = (line.query_start + line.query_end) / 2
    shown = (line.ref_start + line.ref_end) / 2 + line.speed * (middle - mine)
    assert shown == pytest.approx(offset + speed * middle, abs=0.6)


def test_a_line_ends_where_the_reference_does() -> None:
    times = np.arange(0, 20, 0.5)
    ref_times = times[:16]
    similarity = drawn(times, ref_times, 4, 14, 1.0, 0.0)
    line = fit_box(TimedMap(similarity, times, ref_times), np.array([4.0, 10.0, 4.0, 8.0]), backward=False)
    assert line.ref_end <= 8.0
    assert line.query_end <= 8.25


def test_a_map_without_anything_keeps_the_box() -> None:
    times = np.arange(0, 10, 0.5)
    nothing = TimedMap(np.zeros((20, 20), np.float32), times, times)
    line = fit_box(nothing, np.array([1.75, 3.75, 1.75, 3.75]), backward=False)
    assert (line.query_start, line.query_end) == (1.75, 3.75)


@pytest.mark.parametrize("offset", [2.0, 2.2, 2.45, 2.7, 2.95])
def test_a_query_of_many_frames_tells_where_between_the_references_keyframes_it_is(offset: float) -> None:
    query_times, ref_times = np.arange(0, 6, 0.125), np.arange(0, 12, 1.0)
    similarity = drawn(query_times, ref_times, 0.0, 6.0, 1.0, offset)
    line = fit_box(TimedMap(similarity, query_times, ref_times), np.array([0.0, 6.0, 2.5, 8.5]), backward=False)
    assert line.ref_start - line.query_start == pytest.approx(offset, abs=0.1)
