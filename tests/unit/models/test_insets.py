"""Pictures in pictures are found where both move, and nothing in footage without any."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from cliptrace.models.borders.inset import find_insets
from cliptrace.schemas.config import Limits
from cliptrace.transforms.media.decode import Decoder
from cliptrace.transforms.media.probe import probe

SIDE = 224
WHOLE = [[0, 0, SIDE, SIDE]]
CLIPS = Path(__file__).parents[2] / "data" / "clips"


def decode(name, seconds=8.0):
    path = str(CLIPS / f"{name}.mp4")
    with Decoder(path, probe(path, Limits()), Limits(), end_s=seconds) as decoder:
        return next(iter(decoder)).frames.copy()


@pytest.fixture(scope="module")
def cars():
    return decode("cars")


@pytest.fixture(scope="module")
def baseball():
    return decode("baseball")


def placed(inner, outer, box):
    left, top, right, bottom = box
    result = outer[: len(inner)].copy()
    for frame, target in zip(inner, result, strict=False):
        target[top:bottom, left:right] = cv2.resize(frame, (right - left, bottom - top), interpolation=cv2.INTER_AREA)
    return result


def found(frames):
    return np.unique(find_insets(frames), axis=0).tolist()


@pytest.mark.parametrize("box", [(129, 6, 218, 74), (8, 8, 98, 70), (10, 120, 120, 216), (60, 60, 170, 160)])
def test_an_inset_is_found_to_two_pixels(cars, baseball, box):
    (at,) = found(placed(baseball, cars, box))
    assert np.abs(np.array(at) - box).max() <= 2


@pytest.mark.parametrize("name", sorted(path.stem for path in CLIPS.glob("*.mp4")))
def test_nothing_is_found_in_plain_footage(name):
    assert found(decode(name)) == WHOLE


def test_a_window_of_a_scene_that_stands_still_is_no_inset(cars):
    still = np.repeat(cars[:1], len(cars), axis=0)
    cv2.rectangle(still[0], (100, 40), (180, 110), (255, 255, 255), 3)
    still[:] = still[0]
    assert found(still) == WHOLE


def test_an_inset_is_judged_by_itself_in_each_stretch(cars, baseball):
    box = (129, 6, 218, 74)
    with_inset = placed(baseball, cars, box)
    longer = np.concatenate([with_inset] * 2 + [cars] * 2)
    boxes = find_insets(longer)
    assert np.abs(boxes[:128] - box).max() <= 2
    assert boxes[128:].tolist() == WHOLE * 128


@pytest.mark.parametrize("count", [0, 1, 31])
def test_too_few_frames_to_tell(cars, baseball, count):
    frames = placed(baseball, cars, (129, 6, 218, 74))[:count]
    assert find_insets(frames).tolist() == WHOLE * count


def test_small_pictures_have_none() -> None:
    frames = np.random.default_rng(0).integers(0, 255, (40, 16, 16, 3)).astype(np.uint8)
    assert np.unique(find_insets(frames), axis=0).tolist() == [[0, 0, 16, 16]]
