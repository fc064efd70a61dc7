"""Borders that were drawn are found, and footage without any is left alone, bit for bit."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cliptrace.models.borders import cropped, find_borders
from cliptrace.models.thumbs import thumbs
from cliptrace.schemas.config import Limits
from cliptrace.transforms.media.decode import Decoder
from cliptrace.transforms.media.probe import probe

SIDE = 224
WHOLE = [0, 0, SIDE, SIDE]
CLIPS = Path(__file__).parents[2] / "data" / "clips"


def noise(count, height=SIDE, width=SIDE, seed=0):
    """Coarse noise that moves: the thumbs of fine noise would be grey."""
    coarse = np.random.default_rng(seed).integers(0, 256, (count, 12, 12, 3), np.uint8)
    return np.stack([cv2.resize(frame, (width, height), interpolation=cv2.INTER_CUBIC) for frame in coarse])


def framed(frames, box, backdrop):
    """``frames`` shrunk into ``box`` over ``backdrop``, a colour or frames."""
    left, top, right, bottom = box
    result = np.empty_like(frames)
    result[:] = backdrop
    for frame, target in zip(frames, result, strict=True):
        target[top:bottom, left:right] = cv2.resize(frame, (right - left, bottom - top), interpolation=cv2.INTER_AREA)
    return result


def boxes_of(frames):
    return find_borders(frames, thumbs(frames))


def assert_found(frames, box, tolerance=2):
    assert np.abs(boxes_of(frames) - box).max() <= tolerance


@pytest.fixture(scope="module")
def clip():
    """uint8[32, 224, 224, 3]: four seconds of a game with a moving camera."""
    return decode("baseball")


def decode(name):
    path = str(CLIPS / f"{name}.mp4")
    with Decoder(path, probe(path, Limits()), Limits(), end_s=4.0) as decoder:
        return next(iter(decoder)).frames.copy()


@pytest.mark.parametrize("box", [(0, 28, 224, 196), (40, 0, 184, 224), (30, 30, 194, 194), (20, 50, 204, 190)])
@pytest.mark.parametrize("colour", [(0, 0, 0), (255, 255, 255), (70, 130, 180)])
def test_drawn_bars_and_frames_are_found_on_real_footage(clip, box, colour):
    assert_found(framed(clip, box, colour), box)


def test_a_blurred_backdrop_is_found(clip):
    box = (56, 0, 168, 224)
    backdrop = np.stack([cv2.GaussianBlur(frame, (0, 0), 6) for frame in clip])
    assert_found(framed(clip, box, backdrop), box)


def test_a_still_picture_around_a_moving_one_is_found():
    box = (30, 40, 190, 180)
    assert_found(framed(noise(16), box, noise(1, seed=1)[0]), box)


@settings(max_examples=40)
@given(
    st.tuples(st.integers(10, 80), st.integers(10, 80), st.integers(144, 214), st.integers(144, 214)),
    st.tuples(*[st.integers(0, 255)] * 3),
    st.integers(0, 1000),
)
def test_any_flat_border_is_found_to_within_two_pixels(box, colour, seed):
    assert_found(framed(noise(8, seed=seed), box, colour), box)


@settings(max_examples=20)
@given(st.integers(0, 1000), st.integers(1, 20))
def test_frames_without_borders_come_back_themselves(seed, count):
    frames = noise(count, seed=seed)
    boxes = boxes_of(frames)
    assert boxes.tolist() == [WHOLE] * count
    assert cropped(frames, boxes) is frames


def test_no_frames_have_no_boxes():
    frames = np.empty((0, SIDE, SIDE, 3), np.uint8)
    boxes = find_borders(frames, np.empty((0, 32, 32, 3), np.uint8))
    assert boxes.shape == (0, 4)
    assert cropped(frames, boxes) is frames


def test_a_border_is_found_only_between_the_cuts_where_it_is(clip):
    box = (0, 40, 224, 184)
    frames = np.concatenate([noise(16), framed(clip, box, (0, 0, 0)), noise(16, seed=1)])
    boxes = boxes_of(frames)
    assert boxes[:16].tolist() == boxes[-16:].tolist() == [WHOLE] * 16
    assert np.abs(boxes[16:-16] - box).max() <= 2


def test_bars_for_three_frames_are_no_border():
    frames = noise(32)
    frames[10:13] = framed(frames[10:13], (0, 40, 224, 184), (0, 0, 0))
    assert boxes_of(frames).tolist() == [WHOLE] * 32


def test_a_dark_shot_between_letterboxed_ones_is_cropped_as_they_are(clip):
    box = (0, 40, 224, 184)
    bright, dark = framed(clip, box, (0, 0, 0)), np.zeros((16, SIDE, SIDE, 3), np.uint8)
    dark[:, 100:120, 90:110] = 60
    assert_found(np.concatenate([bright, dark, bright]), box)


def test_dark_scenes_are_not_cropped(clip):
    dim = (clip * 0.1).astype(np.uint8)
    assert (boxes_of(dim) == WHOLE).all()
    ys, xs = np.mgrid[:SIDE, :SIDE]
    lamp = np.exp(-((xs - 112) ** 2 + (ys - 112) ** 2) / 3000)[None, :, :, None]
    assert (boxes_of((clip * lamp).astype(np.uint8)) == WHOLE).all()


def test_a_flat_sky_above_a_straight_horizon_is_not_cropped():
    frames = noise(16)
    frames[:, :90] = (120, 180, 240)
    assert (boxes_of(frames) == WHOLE).all()


@pytest.mark.parametrize("name", sorted(path.stem for path in CLIPS.glob("*.mp4")))
def test_real_footage_without_borders_is_left_alone(name):
    frames = decode(name)
    assert cropped(frames, boxes_of(frames)) is frames


def test_cropping_cuts_the_box_out_and_leaves_other_frames_as_they_are(clip):
    boxes = np.tile(np.array(WHOLE, np.int32), (2, 1))
    boxes[1] = (20, 40, 204, 184)
    frames = framed(clip[:2], (20, 40, 204, 184), (0, 0, 0))
    result = cropped(frames, boxes)
    assert result[0].tobytes() == frames[0].tobytes()
    assert np.abs(result[1].astype(int) - clip[1]).mean() < 6
    assert (frames[1, :40] == 0).all()
