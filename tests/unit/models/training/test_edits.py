import cv2
import numpy as np
import pytest

from cliptrace.models.training.config import EDITS
from cliptrace.models.training.edits import (
    COMPOSITES,
    LOOKS,
    SHAPES,
    crop,
    downscale,
    edited,
    grey,
    inset,
    noise,
    squeezed,
)

STRENGTHS = (0.0, 0.5, 1.0)


@pytest.fixture(scope="module")
def frame():
    random = np.random.default_rng(0)
    return cv2.resize(random.integers(0, 256, (9, 16, 3), np.uint8), (320, 180), interpolation=cv2.INTER_CUBIC)


@pytest.fixture(scope="module")
def other():
    return np.full((90, 160, 3), (10, 200, 30), np.uint8)


@pytest.mark.parametrize("strength", STRENGTHS)
@pytest.mark.parametrize("name", [*LOOKS, *SHAPES])
def test_an_edit_yields_a_frame_and_leaves_its_input_alone(name, strength, frame):
    edit = {**LOOKS, **SHAPES}[name]
    before = frame.copy()
    made = edit(frame, np.random.default_rng(1), strength)
    assert made.dtype == np.uint8
    assert made.ndim == 3
    assert made.shape[2] == 3
    assert min(made.shape[:2]) > 60
    np.testing.assert_array_equal(frame, before)


@pytest.mark.parametrize("name", LOOKS)
def test_a_look_keeps_the_size_and_changes_the_pixels(name, frame):
    made = LOOKS[name](frame, np.random.default_rng(2), 1.0)
    assert made.shape == frame.shape
    assert np.abs(made.astype(int) - frame).mean() > 1


@pytest.mark.parametrize("strength", STRENGTHS)
@pytest.mark.parametrize("name", COMPOSITES)
def test_a_composite_shows_both_frames(name, strength, frame, other):
    made = COMPOSITES[name](frame, other, np.random.default_rng(3), strength)
    share = (np.abs(made.astype(int) - (10, 200, 30)).max(axis=2) < 3).mean()
    assert 0.2 < share < 0.9


def test_shares_of_a_group_add_up():
    for group, shares in ((LOOKS, EDITS.looks_of), (SHAPES, EDITS.shapes_of), (COMPOSITES, EDITS.composites_of)):
        assert [name for name, _ in shares] == list(group)
        assert sum(share for _, share in shares) == pytest.approx(1.0)
    for shares in (EDITS.shapes, EDITS.looks, EDITS.looks_alone, [share for _, share, *_ in EDITS.codecs]):
        assert sum(shares) == pytest.approx(1.0)


def test_the_same_generator_makes_the_same_edit(frame, other):
    first, second = (edited(frame, other, np.random.default_rng(4)) for _ in range(2))
    np.testing.assert_array_equal(first[0], second[0])
    assert first[1] == second[1]


def test_edits_differ_and_some_show_other_footage(frame, other):
    random = np.random.default_rng(5)
    made = [edited(frame, other, random) for _ in range(80)]
    assert len({picture.tobytes() for picture, _ in made}) == 80
    assert 2 <= sum(shows_other for _, shows_other in made) <= 40


def test_grey_has_no_colour_or_one_tint(frame):
    made = grey(frame, np.random.default_rng(0), 0.0).astype(int)
    assert np.abs(made - made[..., :1]).max() <= 1


def test_noise_grows_with_strength(frame):
    flat = np.full_like(frame, 128)
    deviations = [noise(flat, np.random.default_rng(0), strength).std() for strength in STRENGTHS]
    assert deviations == pytest.approx([4, 29, 54], rel=0.15)


def test_downscaling_loses_detail(frame):
    checker = np.indices(frame.shape[:2]).sum(axis=0)[..., None].repeat(3, axis=2) % 2 * 255
    assert downscale(checker.astype(np.uint8), np.random.default_rng(0), 1.0).std() < 20


def test_a_crop_is_a_part_of_the_frame():
    ramp = np.arange(100 * 100 * 3, dtype=np.uint32).reshape(100, 100, 3).astype(np.uint8)
    made = crop(ramp, np.random.default_rng(6), 1.0)
    height, width = made.shape[:2]
    assert 60 <= height <= 81
    assert 60 <= width <= 81
    assert any(
        np.array_equal(made, ramp[top : top + height, left : left + width])
        for top in range(101 - height)
        for left in range(101 - width)
    )


def test_an_inset_is_smaller_the_stronger(frame, other):
    white = np.full_like(frame, 255)
    shares = [(inset(white, other, np.random.default_rng(7), s) > 250).all(axis=2).mean() for s in (0.0, 1.0)]
    assert shares == pytest.approx([0.75**2, 0.4**2], abs=0.02)


def test_squeezed_ignores_the_shape(frame):
    assert squeezed(frame, 64).shape == (64, 64, 3)
