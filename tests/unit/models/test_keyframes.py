"""Selectors against selections worked by hand, and their promises for any tile."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from cliptrace.models.keyframes import make_selector
from cliptrace.schemas.config import KeyframeConfig


def flat_thumbs(levels):
    return np.repeat(np.array(levels, np.uint8), 32 * 32 * 3).reshape(-1, 32, 32, 3)


@pytest.mark.parametrize(
    ("per_second", "expected"),
    [(1, [0, 8]), (2, [0, 4, 8]), (3, [0, 2, 5, 8]), (8, list(range(10))), (100, list(range(10)))],
)
def test_uniform_takes_evenly_spaced_frames(per_second, expected):
    select = make_selector(KeyframeConfig(selector="uniform", per_second=per_second), fps=8)
    positions, scores = select(flat_thumbs([0] * 10))
    assert positions.tolist() == expected
    assert scores.tolist() == [1.0] * len(expected)


def test_content_keeps_changes_and_fills_gaps():
    # 26/255 ≈ 0.10 above the threshold at frame 3; then nothing changes, so one frame every second (8 frames).
    select = make_selector(KeyframeConfig(selector="content", threshold=0.06, max_gap_s=1.0), fps=8)
    positions, scores = select(flat_thumbs([100] * 3 + [126] * 20))
    assert positions.tolist() == [0, 3, 11, 19]
    assert scores.tolist() == [1.0, 1.0, 0.0, 0.0]


def test_content_score_is_the_change_in_thresholds():
    select = make_selector(KeyframeConfig(selector="content", threshold=0.5, max_gap_s=0.25), fps=8)
    _, scores = select(flat_thumbs([0, 0, 51]))
    assert scores[1] == pytest.approx(51 / 255 / 0.5)


def test_express_keeps_each_new_picture_once():
    positions, scores = make_selector(KeyframeConfig("express"), fps=8)(flat_thumbs([7, 7, 7, 8, 8, 7]))
    assert positions.tolist() == [0, 3, 5]
    assert scores.tolist() == [1.0] * 3
    assert str(KeyframeConfig("express")) == "express"


TILES = hnp.arrays(
    np.uint8, st.tuples(st.integers(1, 30), st.just(32), st.just(32), st.just(3)), elements=st.integers(0, 255)
)


@given(
    TILES,
    st.sampled_from(
        [
            KeyframeConfig("uniform", per_second=3),
            KeyframeConfig("content"),
            KeyframeConfig("content", threshold=0.0),
            KeyframeConfig("express"),
        ]
    ),
)
def test_any_tile_gives_increasing_positions_inside_it(thumbs, config):
    positions, scores = make_selector(config, fps=8)(thumbs)
    assert positions[0] == 0
    assert (np.diff(positions) > 0).all()
    assert positions[-1] < len(thumbs)
    assert ((scores >= 0) & (scores <= 1)).all()
    if config.selector == "content":
        assert np.diff(np.append(positions, len(thumbs))).max() <= 8


def test_an_empty_tile_has_no_keyframes():
    for config in (KeyframeConfig("uniform"), KeyframeConfig("content"), KeyframeConfig("express")):
        positions, scores = make_selector(config, fps=8)(np.empty((0, 32, 32, 3), np.uint8))
        assert len(positions) == len(scores) == 0
