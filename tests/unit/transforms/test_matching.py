"""From a query and a candidate to segments."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path

import cv2
import numpy as np
import pytest

from cliptrace.models.backbones.registry import load_config
from cliptrace.models.verification.pictures import encode
from cliptrace.schemas.errors import CliptraceError
from cliptrace.schemas.records import Candidate, FrameFeatures, Match
from cliptrace.transforms.aligning import match_pair
from cliptrace.transforms.matching import MatchConfig
from cliptrace.transforms.naming import picture_name
from cliptrace.transforms.store.gallery import StoredVideo
from tests.unit.transforms.store_examples import features


class Frames:
    """A reader of one video."""

    def __init__(self, video: FrameFeatures) -> None:
        self._video = video

    def read(self, video: StoredVideo) -> tuple[np.ndarray, np.ndarray]:
        return self._video.times, self._video.embeddings


def matched(query_s: float, ref_s: float, cuts: tuple[float, ...] = (), maps: str = "") -> Match:
    """20 s at 2 keyframes a second with itself; query_s, ref_s: seconds that were decoded of either."""
    query, ref = features("v", 40), StoredVideo("r", "/r", {}, ref_s, 40, "frames", 0, 1, "")
    all_frames = np.arange(40)
    candidate = Candidate("v", "r", all_frames, all_frames, np.ones(40, np.float32), 40.0)
    found = match_pair(
        dataclasses.replace(query, decoded_s=query_s, cuts=np.array(cuts)),
        ref,
        candidate,
        Frames(query),  # type: ignore[arg-type]
        MatchConfig(maps=maps),
    )
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("query_s", "ref_s", "ends"),
    [
        (20.0, 20.0, (20.0, 20.0)),  # both show what is behind the last keyframe
        (19.625, 20.0, (19.625, 19.75)),  # half a spacing after the last keyframe
        (20.0, 19.625, (19.75, 19.625)),
        (12.0, 19.625, (19.625, 19.625)),  # a range in the middle could not be decoded
    ],
)
def test_segments_end_where_the_videos_do(query_s: float, ref_s: float, ends: tuple[float, float]) -> None:
    (segment,) = matched(query_s, ref_s).segments
    assert (segment.query_start, segment.ref_start) == (0.0, 0.0)
    assert (segment.query_end, segment.ref_end) == ends


def test_segments_end_at_the_querys_cuts() -> None:
    (segment,) = matched(20.0, 20.0, cuts=(10.0, 19.5625)).segments
    assert (segment.query_start, segment.ref_start) == (0.0, 0.0)
    assert (segment.query_end, segment.ref_end) == (19.5625, 19.5625)


def test_pictures_of_maps_have_names_of_their_own_on_every_filesystem(tmp_path: Path) -> None:
    folder = tmp_path / "maps"
    matched(20.0, 20.0, maps=str(folder))
    (picture,) = folder.iterdir()
    assert picture.name.startswith("v__r__")
    image = cv2.imread(str(picture))
    assert image is not None
    assert min(image.shape[:2]) >= 400
    names = [picture_name(query, ref) for query in ("a/b", "a_b", "ä" * 200) for ref in ("r", "/r", "../r")]
    assert len(set(names)) == len(names)
    assert all(re.fullmatch(r"[A-Za-z0-9._-]{1,150}\.png", name) for name in names)


def test_thresholds_are_the_backbones_unless_others_are_given() -> None:
    backbone = dataclasses.replace(load_config("efficientnet_lite0"), min_similarity=0.2, min_score=0.05)
    assert MatchConfig.suited_to(backbone) == MatchConfig(min_similarity=0.2, min_score=0.05)
    given = MatchConfig.suited_to(backbone, aligner="dp", top_k=None, min_score=0.3)
    assert given == MatchConfig("dp", min_similarity=0.2, min_score=0.3)


def test_a_damaged_picture_names_the_shard_and_the_video() -> None:
    query, ref = features("v", 40), StoredVideo("r", "/r", {}, 20.0, 40, "frames/run=1/part-0.parquet", 0, 1, "")
    pictures = encode(np.random.default_rng(0).integers(0, 255, (40, 64, 64, 3), np.uint8))

    class Damaged(Frames):
        def pictures(self, video: StoredVideo) -> tuple[bytes, ...]:
            return (b"none",) * 40

    all_frames = np.arange(40)
    candidate = Candidate("v", "r", all_frames, all_frames, np.ones(40, np.float32), 40.0)
    with pytest.raises(CliptraceError) as caught:
        match_pair(
            dataclasses.replace(query, pictures=pictures),
            ref,
            candidate,
            Damaged(query),  # type: ignore[arg-type]
            MatchConfig(aligner="spd", min_similarity=0.15),
        )
    assert str(caught.value) == (
        "frames/run=1/part-0.parquet: video 'r': a picture of 4 bytes is no JPEG of 64 by 64 pixels; "
        "index the video again"
    )
