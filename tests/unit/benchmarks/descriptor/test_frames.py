"""What a query frame truly shows, and which gallery frames are right for it."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.attacks.plan import Truth
from benchmarks.descriptor.frames import BACKGROUND, BORDER, GalleryFrames, label_queries, label_times, right_frames
from benchmarks.harness.features import Keyframes

THUMB = np.zeros((32, 32, 3), np.uint8)


def grey(*values: int) -> np.ndarray:
    return np.stack([THUMB + np.uint8(value) for value in values])


@pytest.fixture
def gallery() -> GalleryFrames:
    """Video "a" changes with every frame; of "b" the second and the last frame are the same picture."""
    times = {"a": np.array([0.0, 0.5, 1.0, 1.5, 2.0]), "b": np.array([0.0, 2.0, 4.0, 6.0])}
    return GalleryFrames.of(times, {"a": grey(0, 50, 100, 150, 200), "b": grey(0, 90, 180, 92)})


def test_times_run_from_border_to_border_at_the_speed_of_the_copy() -> None:
    row = Truth("q", "a", query_start=2.0, query_end=6.0, ref_start=10.0, ref_end=18.0)
    times = np.array([1.0, 1.5, 2.0, 2.5, 4.0, 5.5, 6.0, 6.5])

    which, ref_times = label_times(times, [row], is_reversed=False)

    assert which.tolist() == [BACKGROUND, BACKGROUND, BORDER, 0, 0, 0, BORDER, BACKGROUND]
    assert ref_times[3:6].tolist() == [11.0, 14.0, 17.0]
    assert np.isnan(ref_times[[0, 1, 2, 6, 7]]).all()


def test_a_reversed_copy_ends_where_its_source_begins() -> None:
    row = Truth("q", "a", query_start=2.0, query_end=6.0, ref_start=10.0, ref_end=14.0)

    _, ref_times = label_times(np.array([2.5, 5.5]), [row], is_reversed=True)

    assert ref_times.tolist() == [13.5, 10.5]


def test_two_segments_side_by_side_share_their_border_only() -> None:
    rows = [Truth("q", "a", 0.0, 2.0, 0.0, 2.0), Truth("q", "b", 2.0, 4.0, 4.0, 6.0)]

    which, ref_times = label_times(np.arange(0.0, 4.1, 0.5), rows, is_reversed=False)

    assert which.tolist() == [BORDER, 0, 0, 0, BORDER, 1, 1, 1, BORDER]
    assert ref_times[[1, 5]].tolist() == [0.5, 4.5]


def test_queries_are_labelled_with_edit_video_and_nearest_frame(gallery: GalleryFrames) -> None:
    times = {"q": np.array([0.0, 1.5, 3.5]), "negative": np.array([0.0])}
    sidecar = {
        "q": {"edit": "crop", "severity": "mild", "reversed": False},
        "negative": {"edit": "", "severity": "", "reversed": False},
    }

    queries = label_queries(times, [Truth("q", "b", 1.0, 3.0, 3.0, 5.0)], sidecar, gallery)

    assert queries.ids.tolist() == ["q", "q", "q", "negative"]
    assert queries.position.tolist() == [0, 1, 2, 0]
    assert queries.edit.tolist() == ["", "crop", "", ""]
    assert queries.ref.tolist() == [-1, 1, -1, -1]
    assert queries.ref_times[1] == 3.5
    assert queries.nearest.tolist() == [-1, 5 + 2, -1, -1]
    videos = {
        "q": Keyframes(times["q"], np.eye(3, dtype=np.float32)),
        "negative": Keyframes(times["q"], np.ones((1, 3))),
    }
    assert queries.embeddings(videos).tolist() == [[1, 0, 0], [0, 1, 0], [0, 0, 1], [1, 1, 1]]


def test_right_is_the_true_video_near_the_true_time_or_the_same_picture(gallery: GalleryFrames) -> None:
    times = {"q": np.array([1.0, 5.0])}
    sidecar = {"q": {"edit": "crop", "severity": "mild", "reversed": False}}
    queries = label_queries(times, [Truth("q", "b", 0.0, 2.0, 1.0, 3.0)], sidecar, gallery)  # at 1 s: second 2 of "b"
    everything = np.tile(np.arange(len(gallery.times) + 1), (2, 1))  # the last number is a distractor

    right = right_frames(everything, queries, gallery, tolerance_s=1.0)

    assert np.flatnonzero(right[0]).tolist() == [6, 8]  # second 2 itself, and second 6, which looks like it
    assert not right[1].any()  # background
    assert np.flatnonzero(right_frames(everything, queries, gallery, tolerance_s=2.0)[0]).tolist() == [5, 6, 7, 8]
