"""Views of small pictures, worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from cliptrace.models.views import VIEWS, embed_views, make_views, view_count
from cliptrace.schemas.config import QUERY_VIEWS
from cliptrace.schemas.errors import UsageError

Frames = NDArray[np.uint8]


def picture(rows: list[list[int]]) -> Frames:
    """One grey frame: uint8[1, S, S, 3]."""
    return np.repeat(np.array(rows, np.uint8)[None, :, :, None], 3, axis=3)


def grey(views: Frames) -> list[list[list[int]]]:
    """The views of the only frame."""
    assert views.shape[0] == 1
    assert (views == views[..., :1]).all()
    return [view.tolist() for view in views[0, ..., 0]]


def test_the_names_are_those_of_the_command_line() -> None:
    assert tuple(VIEWS) == QUERY_VIEWS


def test_mirror_and_turns() -> None:
    plain = [[1, 2], [3, 4]]
    assert grey(make_views(picture(plain), ["mirror"])) == [plain, [[2, 1], [4, 3]]]
    to_the_left, to_the_right, upside_down = [[2, 4], [1, 3]], [[3, 1], [4, 2]], [[4, 3], [2, 1]]
    assert grey(make_views(picture(plain), ["turns"])) == [plain, to_the_left, to_the_right, upside_down]


def test_halves_fill_the_frame() -> None:
    plain = [[10, 10, 20, 20], [10, 10, 20, 20], [30, 30, 40, 40], [30, 30, 40, 40]]
    found = grey(make_views(picture(plain), ["halves"]))
    assert found[0] == plain
    assert found[1:3] == [[[a] * 4] * 2 + [[b] * 4] * 2 for a, b in ((10, 30), (20, 40))]
    assert found[3:] == [[[a, a, b, b]] * 4 for a, b in ((10, 20), (30, 40))]


def test_halves_of_an_odd_frame_miss_nothing() -> None:
    _, left, right, *_ = grey(make_views(picture([[1, 1, 9, 9, 9]] * 5), ["halves"]))
    assert (left, right) == ([[1] * 5] * 5, [[9] * 5] * 5)


@pytest.mark.parametrize(
    ("number", "top", "left"), [(1, 2, 2), (2, 0, 0), (3, 0, 4), (4, 4, 0), (5, 4, 4)]
)  # the centre, then the corners from the top left
def test_an_inset_is_cut_out(number: int, top: int, left: int) -> None:
    frame = np.zeros((1, 10, 10, 3), np.uint8)
    frame[:, top : top + 6, left : left + 6] = 255
    views = make_views(frame, ["insets"])[0]
    assert [int(index) for index in np.flatnonzero((views == 255).all(axis=(1, 2, 3)))] == [number]


def test_all_views_in_the_order_asked_for() -> None:
    frames = np.random.default_rng(0).integers(0, 256, (3, 8, 8, 3), dtype=np.uint8)
    views = make_views(frames, QUERY_VIEWS)
    assert (views.shape, views.dtype) == ((3, 14, 8, 8, 3), np.uint8)
    np.testing.assert_array_equal(views[:, 0], frames)
    other = make_views(frames, ["insets", "mirror"])
    np.testing.assert_array_equal(other[:, 1:6], views[:, 9:])
    np.testing.assert_array_equal(other[:, 6], views[:, 1])
    assert make_views(frames[:0], QUERY_VIEWS).shape == (0, 14, 8, 8, 3)


def test_an_unknown_view() -> None:
    with pytest.raises(UsageError) as error:
        make_views(np.zeros((0, 8, 8, 3), np.uint8), ["mirror", "negative"])
    assert str(error.value) == "no view is called 'negative'; there are mirror, turns, halves, insets"


def test_embeddings_have_an_axis_of_views() -> None:
    frames = np.random.default_rng(0).integers(0, 256, (40, 8, 8, 3), dtype=np.uint8)
    calls = []

    def first_row(seen: Frames) -> NDArray[np.float32]:
        calls.append(len(seen))
        return seen[:, 0].reshape(len(seen), 24).astype(np.float32)

    plain, views = embed_views(first_row, frames, ()), embed_views(first_row, frames, ("turns",))
    assert calls == [40, 32 * 4, 8 * 4]  # every view of some frames in one call
    assert (plain.shape, views.shape) == ((40, 24), (40, 4, 24))
    np.testing.assert_array_equal(views[:, 0], plain)
    np.testing.assert_array_equal(views[:, 3], first_row(frames[:, ::-1, ::-1]))
    assert embed_views(first_row, frames[:0], ()).shape == (0, 24)
    assert embed_views(first_row, frames[:0], ("turns",)).shape == (0, 4, 24)


def test_the_number_of_embeddings() -> None:
    assert [view_count(names) for names in ([], ["mirror"], ["turns"], ["halves"], ["insets"], QUERY_VIEWS)] == [
        *(1, 2, 4, 5, 6, 14)
    ]
