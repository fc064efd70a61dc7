"""Pictures of moments: whose frames they show, how often a query is decoded, and a gallery that changes meanwhile."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cliptrace.models.backbones.registry import load_config
from cliptrace.schemas.config import KeyframeConfig
from cliptrace.schemas.records import ClipFeatures, Match, Segment, VideoInfo, VideoSource
from cliptrace.transforms import strips
from cliptrace.transforms.features import FeatureConfig
from cliptrace.transforms.store.compaction import compact
from cliptrace.transforms.store.gallery import Gallery, commit, read_videos
from cliptrace.transforms.store.live import SharedVideos
from cliptrace.transforms.stored import info_of, source_of
from cliptrace.transforms.strips import Strips
from tests.unit.transforms.clip_examples import CLIP_DIMENSION, WITH_MOMENTS, clipped
from tests.unit.transforms.store_examples import NoVectors

CARS = Path(__file__).parents[2] / "data" / "clips" / "cars.mp4"
CONFIG = FeatureConfig(load_config("copy_lite0"), KeyframeConfig())


@pytest.fixture
def shelf(tmp_path: Path) -> Gallery:
    """a and b, in a shard each; their files are gone."""
    gallery = Gallery.create(str(tmp_path / "g"), WITH_MOMENTS)
    for number, name in enumerate("ab"):
        commit(gallery, NoVectors(), f"R{number}", [clipped(name, 20)])  # type: ignore[arg-type]
    return gallery


def match_of(query_id: str, ref_id: str) -> Match:
    return Match(query_id, "/q", ref_id, f"/videos/{ref_id}", 0.9, (Segment(0.0, 4.0, 2.0, 6.0, 0.9),))


def test_a_query_is_decoded_once_for_all_its_matches(
    shelf: Gallery, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    decoded: list[str] = []

    def sample(path: str, info: VideoInfo, seconds: Any, *_: Any) -> Any:
        decoded.append(path)
        return np.zeros((len(seconds), strips.SIDE, strips.SIDE, 3), np.uint8)

    monkeypatch.setattr(strips, "sample", sample)
    info = VideoInfo(4.0, 25.0, 64, 48, "h264", size_bytes=CARS.stat().st_size)
    query = ClipFeatures(VideoSource("q", str(CARS)), info, np.ones((8, CLIP_DIMENSION), np.float32), 4.0)
    drawing = Strips(str(tmp_path / "maps"), CONFIG, shelf, None)
    drawing.open()
    try:
        for ref in read_videos(shelf).values():
            drawing.draw(query, ref, match_of("q", ref.video_id))
    finally:
        drawing.close()
    assert decoded == [str(CARS)]
    assert len(list((tmp_path / "maps").iterdir())) == 2


def test_a_gallery_that_asks_may_be_compacted_meanwhile(shelf: Gallery, tmp_path: Path) -> None:
    videos = read_videos(shelf)
    asks, ref = videos["a"], videos["b"]
    query = ClipFeatures(source_of(asks), info_of(asks), np.ones((20, CLIP_DIMENSION), np.float32), 10.0)
    other = Gallery.create(str(tmp_path / "other"), WITH_MOMENTS)
    commit(other, NoVectors(), "R9", [clipped("b", 20)])  # type: ignore[arg-type]
    drawing = Strips(str(tmp_path / "maps"), CONFIG, other, (shelf, SharedVideos(shelf)))
    drawing.open()
    try:
        compact(shelf, contextlib.nullcontext(NoVectors()), "R3")  # type: ignore[arg-type]
        drawing.draw(query, read_videos(other)["b"], match_of("a", ref.video_id))
    finally:
        drawing.close()
    assert len(list((tmp_path / "maps").iterdir())) == 1
