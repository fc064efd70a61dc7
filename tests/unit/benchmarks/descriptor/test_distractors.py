"""Distractors: the same ones on every run, and never of footage that the bench uses."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from benchmarks.attacks.splits import Footage, representatives, split_of
from benchmarks.descriptor.distractors import _MAKERS, SIZE, Sources, distractor_paths


@pytest.fixture(scope="module")
def sources() -> Sources:
    random = np.random.default_rng(3)
    return Sources(random.integers(0, 256, (10, SIZE, SIZE, 3), np.uint8), np.repeat(np.arange(5), 2))


def test_a_number_is_always_the_same_picture(sources: Sources) -> None:
    again = Sources(sources.frames.copy(), sources.video)
    backwards = {number: again.picture(number) for number in range(29, -1, -1)}

    for number in range(30):
        assert np.array_equal(sources.picture(number), backwards[number])


def test_every_tenth_is_a_frame_as_it_was_filmed_and_none_comes_twice(sources: Sources) -> None:
    real = [sources.picture(number) for number in range(0, 100, 10)]

    places = [int(np.flatnonzero((sources.frames == each).all(axis=(1, 2, 3)))[0]) for each in real]
    assert sorted(places) == list(range(10))
    assert not (sources.frames == sources.picture(100)).all(axis=(1, 2, 3)).any()  # no more left: recombined


@pytest.mark.parametrize("make", _MAKERS, ids=lambda make: make.__name__.strip("_"))
def test_makers_give_whole_new_pictures_and_leave_the_sources_alone(make, sources: Sources) -> None:
    pictures = list(sources.frames[:4])
    before = sources.frames.copy()
    for seed in range(20):
        made = make(pictures, np.random.default_rng(seed))

        assert made.shape == (SIZE, SIZE, 3)
        assert made.dtype == np.uint8
        assert not any(np.array_equal(made, picture) for picture in pictures)
    assert np.array_equal(sources.frames, before)


def test_distractors_come_from_other_splits() -> None:
    paths = ("gmdcsa24/Subject 1/ADL/10.mp4", "intel_iot/car-detection.mp4", "ask_anything/yoga.mp4")
    paths = (*paths, "ask_anything/jesse_dance.mp4", "mmaction2/demo.mp4", "video_llava/sample_demo_1.mp4")
    footage = Footage(Path("root"), paths, families=True)

    for_test, for_validation = (distractor_paths(footage, split) for split in ("test", "validation"))

    assert {split_of(path.relative_to("root").as_posix()) for path in for_test} == {"validation"}
    assert {split_of(path.relative_to("root").as_posix()) for path in for_validation} == {"train"}
    assert not set(for_test) & {Path("root", path) for path in representatives(footage, "test")}


def test_there_are_none_where_all_splits_share_the_same_videos() -> None:
    assert distractor_paths(Footage(Path("root"), ("a.mp4", "b.mp4"), families=False), "test") == []
