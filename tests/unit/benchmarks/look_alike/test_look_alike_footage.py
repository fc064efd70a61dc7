from __future__ import annotations

from pathlib import Path

import numpy as np

from benchmarks.attacks.splits import Footage
from benchmarks.harness.features import Keyframes
from benchmarks.look_alike.footage import frame_similarities, look_alikes

ROWS = {
    "gmdcsa24/Subject 4/ADL/19.mp4": "",
    "gmdcsa24/Subject 4/Fall/01.mp4": "",  # left out of the bench, but other footage of the same room
    "gmdcsa24/Subject 3/Fall/01.mp4": "",  # another split
    "damo-nlp-sg__video-llama/examples/dog_barking.mp4": "dog",
    "damo-nlp-sg__video-llama/examples/boat.mp4": "boat",
    "llava-vl__llava-next/docs/dog.mp4": "dog",
    "mmaction2/demo.mp4": "people",
    "mmaction2/demo_skeleton.mp4": "people",  # the frames of another file
    "mmaction2/test1.mp4": "",
    "mmaction2/test2.mp4": "",
}


def test_look_alikes_share_a_label_or_a_room_and_no_frames(tmp_path: Path) -> None:
    lines = ["path\tlabel", *(f"{path}\t{label}" for path, label in ROWS.items())]
    (tmp_path / "MANIFEST.tsv").write_text("\n".join(lines) + "\n", encoding="utf-8")

    pairs = look_alikes(Footage(tmp_path, tuple(ROWS), families=True), "test")

    assert {tuple(path.relative_to(tmp_path).as_posix() for path in pair) for pair in pairs} == {
        ("gmdcsa24/Subject 4/ADL/19.mp4", "gmdcsa24/Subject 4/Fall/01.mp4"),
        ("damo-nlp-sg__video-llama/examples/dog_barking.mp4", "llava-vl__llava-next/docs/dog.mp4"),
    }
    assert look_alikes(Footage(tmp_path, tuple(ROWS), families=False), "test") == []


def test_frames_that_are_the_same_picture_are_no_look_alikes() -> None:
    first, second = Path("a"), Path("b")
    dark, light = np.zeros((32, 32, 3), np.uint8), np.full((32, 32, 3), 200, np.uint8)
    videos = {
        first: Keyframes(np.arange(2.0), np.array([[1, 0], [0, 1]], np.float32)),
        second: Keyframes(np.arange(1.0), np.array([[0.6, 0.8]], np.float32)),
    }

    found = frame_similarities([(first, second)], videos, {first: np.stack([dark, light]), second: dark[None] + 2})

    assert found.tolist() == [np.float32(0.8)]
    assert len(frame_similarities([], videos, {})) == 0
