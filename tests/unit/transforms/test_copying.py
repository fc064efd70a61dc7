"""Copies of stored videos: their keyframes under other ids."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np

from cliptrace.schemas.records import VideoSource
from cliptrace.transforms.store.catalogue import describe_video
from cliptrace.transforms.store.copying import store_copies
from cliptrace.transforms.store.gallery import FrameReader, Gallery, commit, live_attempts, read_videos
from cliptrace.transforms.store.recognition import Known
from cliptrace.transforms.store.vectors import VectorStore
from cliptrace.transforms.store.verification import compare
from tests.unit.transforms.store_examples import features

PICTURED = dataclasses.replace(
    features("a", 3), pictures=(b"1", b"2", b"3"), scores=np.array([0.5, 1, 0.25], np.float32)
)


def copies(gallery: Gallery, *pairs: tuple[str, str]) -> list[Known]:
    """Of these videos under these ids."""
    attempts = live_attempts(gallery)
    return [
        Known(VideoSource(new, f"/copies/{new}", "1-5", {"owner": "Al"}), attempts[old], "5a") for old, new in pairs
    ]


def test_a_copy_has_all_of_the_video_but_its_name(gallery: Gallery, vectors: VectorStore) -> None:
    commit(gallery, vectors, "R1", [PICTURED, features("b", 4, warning="breaks off")])
    assert store_copies(gallery, vectors, "R2", copies(gallery, ("a", "x"), ("b", "y"))) == []
    assert list(compare(gallery, vectors)) == []
    videos, reader = read_videos(gallery), FrameReader(gallery)
    for old, new in (("a", "x"), ("b", "y")):
        for one, other in zip(reader.read(videos[old]), reader.read(videos[new]), strict=True):
            np.testing.assert_array_equal(one, other)
        assert reader.scores(videos[old]).tolist() == reader.scores(videos[new]).tolist()
        assert reader.pictures(videos[old]) == reader.pictures(videos[new])
        (row,), (copied,) = ([d.row or {} for d in describe_video(gallery, video_id)] for video_id in (old, new))
        own = {"video_id": new, "uri": f"/copies/{new}", "fingerprint": "1-5", "metadata": [("owner", "Al")]}
        assert copied == {**row, **own, "frames_file": copied["frames_file"]}
    assert live_attempts(gallery)["x"].content_sample == "5a"


def test_files_that_change_places_change_contents(gallery: Gallery, vectors: VectorStore) -> None:
    commit(gallery, vectors, "R1", [features("a", 3), features("b", 4)])
    store_copies(gallery, vectors, "R2", copies(gallery, ("a", "b"), ("b", "a")))
    assert {video_id: video.keyframes for video_id, video in read_videos(gallery).items()} == {"a": 4, "b": 3}


def test_a_copy_of_what_is_damaged_is_left_to_be_decoded(gallery: Gallery, vectors: VectorStore) -> None:
    commit(gallery, vectors, "R1", [features("a", 3)])
    commit(gallery, vectors, "R2", [features("b", 3)])
    wanted = copies(gallery, ("a", "x"), ("b", "y"))
    Path(gallery.root, read_videos(gallery)["a"].frames_file).unlink()
    assert store_copies(gallery, vectors, "R3", wanted) == [wanted[0].source]
    assert "y" in live_attempts(gallery)
