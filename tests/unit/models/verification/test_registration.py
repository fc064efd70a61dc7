"""Known ways to lay one picture on another are found again."""

import cv2
import numpy as np
import pytest

from cliptrace.models.verification.agreement import softened
from cliptrace.models.verification.pictures import decode, encode
from cliptrace.models.verification.registration import laid_on, register
from tests.unit.models.verification.films import film, room

FRAMES = film(seed=1, seconds=0.5)[1]


def inset(frames: np.ndarray) -> np.ndarray:
    behind = np.tile(cv2.cvtColor(room(9), cv2.COLOR_GRAY2RGB), (len(frames), 1, 1, 1))
    for ground, frame in zip(behind, frames, strict=True):
        ground[70:170, 80:180] = cv2.resize(frame, (100, 100), interpolation=cv2.INTER_AREA)
    return behind


def cut_out(frames: np.ndarray) -> np.ndarray:
    return np.stack([cv2.resize(frame[30:160, 25:155], (192, 192)) for frame in frames])


def tilted(frames: np.ndarray, degrees: float = 8) -> np.ndarray:
    """Where the pictures, squares here, are 1.78 times as wide as high."""
    turn = cv2.getRotationMatrix2D((171, 96), degrees, 1)
    wide = (cv2.warpAffine(cv2.resize(frame, (342, 192)), turn, (342, 192)) for frame in frames)
    return np.stack([cv2.resize(frame, (192, 192)) for frame in wide])


EDITS = {
    "as it is": lambda frames: frames,
    "mirrored": lambda frames: frames[:, :, ::-1],
    "upside down": lambda frames: frames[:, ::-1, ::-1],
    "turned": lambda frames: np.rot90(frames, 1, axes=(1, 2)),
    "tilted": tilted,
    "tilted as far as a screen is filmed": lambda frames: tilted(frames, -20),
    "mirrored and tilted": lambda frames: tilted(frames[:, :, ::-1], 20),
    "darker": lambda frames: (frames * 0.5).astype(np.uint8),
    "cut out": cut_out,
    "picture in picture": inset,
}


def pictures(frames: np.ndarray) -> np.ndarray:
    return softened(decode(encode(np.ascontiguousarray(frames)), range(len(frames))))


@pytest.mark.parametrize("edit", EDITS)
def test_an_edited_picture_is_laid_on_its_original(edit: str) -> None:
    ref, query = pictures(FRAMES), pictures(EDITS[edit](FRAMES))
    correlation, affine, _ = register(ref, query)
    least = 0.6 if edit == "picture in picture" else 0.8  # which has a quarter of the pixels
    assert correlation > least
    moved, inside = laid_on(query, affine)
    assert inside.sum() > 0.3 * 64 * 64
    assert np.corrcoef(moved[0][inside], ref[0][inside])[0, 1] > least


def test_where_one_moment_shows_nothing_the_others_say_how_a_small_picture_lies() -> None:
    ref, query = pictures(FRAMES), pictures(inset(FRAMES))
    flash = len(ref) // 2
    query[flash] = pictures(np.full_like(FRAMES[:1], 255))[0]
    correlation, affine, pair = register(ref, query)
    assert pair != flash
    assert correlation > 0.6
    moved, inside = laid_on(query, affine)
    assert np.corrcoef(moved[pair][inside], ref[pair][inside])[0, 1] > 0.6


def test_another_picture_cannot_be_laid_on_it() -> None:
    other = film(seed=5, seconds=0.5, room_seed=4)[1]
    assert register(pictures(FRAMES), pictures(other)).correlation < 0.6


def test_a_picture_of_one_colour_is_nobodys_copy() -> None:
    assert register(pictures(FRAMES), pictures(np.full_like(FRAMES, 90))).correlation < 0.1
