"""The live videos of a gallery: what of them can be asked for."""

from __future__ import annotations

import dataclasses

from cliptrace.schemas.records import FrameFeatures
from cliptrace.transforms.store.gallery import Gallery, commit
from cliptrace.transforms.store.live import LiveVideos, SharedVideos
from tests.unit.transforms.store_examples import NoVectors, features


def of_bytes(video_id: str, size_bytes: int) -> FrameFeatures:
    video = features(video_id)
    return dataclasses.replace(video, info=dataclasses.replace(video.info, size_bytes=size_bytes))


def sized(videos: LiveVideos, size_bytes: int) -> list[str]:
    return [video.video_id for video in videos.of_size(size_bytes)]


def test_videos_are_found_by_the_size_of_their_file_also_those_that_came_later(gallery: Gallery) -> None:
    commit(gallery, NoVectors(), "R1", [of_bytes("b", 10), of_bytes("a", 10), of_bytes("c", 7)])  # type: ignore[arg-type]
    videos = SharedVideos(gallery).open()
    assert sized(videos, 10) == ["a", "b"]
    assert sized(videos, 8) == []
    commit(gallery, NoVectors(), "R2", [of_bytes("d", 10), of_bytes("a", 8)])  # type: ignore[arg-type]
    videos.refresh()
    assert (sized(videos, 10), sized(videos, 8)) == (["b", "d"], ["a"])
    assert videos.of_size(8)[0].content_sha256 == features("a").info.content_sha256
