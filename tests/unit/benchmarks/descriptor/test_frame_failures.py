from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from benchmarks.descriptor.frame_failures import (
    HEIGHT,
    LARGEST_BYTES,
    WIDTH,
    Failure,
    read_frame,
    typical_failures,
    write_sheet,
)
from benchmarks.descriptor.frames import QueryFrames


def test_of_each_edit_the_middle_frame_of_the_mildest_severity_that_fails() -> None:
    edit = np.array(["crop"] * 5 + ["blur"] * 2 + [""])
    severity = np.array(["mild", "medium", "medium", "medium", "severe", "mild", "mild", ""])
    right = np.array([True, False, False, False, False, True, True, True])
    nothing = np.zeros(8)
    queries = QueryFrames(nothing, nothing, nothing, edit, severity, nothing, nothing, nothing)

    assert typical_failures(queries, right) == [2]


def test_the_sheet_stays_small_whatever_is_on_it(tmp_path: Path) -> None:
    noise = np.random.default_rng(1).integers(0, 256, (HEIGHT, WIDTH, 3), np.uint8)
    write_sheet([Failure("noise, severe", (noise, noise, noise))] * 19, tmp_path / "new" / "sheet.jpg")
    write_sheet([], tmp_path / "empty.jpg")

    assert (tmp_path / "new" / "sheet.jpg").stat().st_size <= LARGEST_BYTES
    assert cv2.imread(str(tmp_path / "new" / "sheet.jpg")).shape[1] == 6 * WIDTH
    assert cv2.imread(str(tmp_path / "empty.jpg")) is not None


def test_frames_are_read_by_time(pattern_folder: Path) -> None:
    first, later = (read_frame(pattern_folder / "counter.mp4", seconds) for seconds in (0.0, 3.0))

    assert first.shape == (HEIGHT, WIDTH, 3)
    assert first.any()
    assert not np.array_equal(first, later)
    assert not read_frame(pattern_folder / "counter.mp4", 60.0).any()
